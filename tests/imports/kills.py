"""Owns killing servers in the middle of imports: what is there afterwards is all of an import, or nothing.

An EJ goes back and forth between two states, each import one transaction through the real program, which is
killed at a random moment. After each kill a new server, with the same Redis, must export one of the two
states whole, the new one where the import was acknowledged; and nothing stale: what it serves is what it
renders. Then the same call is made again, under the same request id, and must end in the new state.

`python -m imports.kills --kills 200` runs it; `test_killed.py` runs a few.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from fhirexport import AsyncClient, ExportError
from fhirexport_server.demo.group import batches
from fhirexport_server.store.loader import load
from fhirexport_server.store.migrate import migrate
from rich.console import Console
from support.importing import exported, import_lines
from support.postgres import running_postgres
from support.server import ServerProcess, server_process
from support.valkey import running_valkey

EJ = 1
_TRANSFER = "A02"


@dataclass
class Tally:
    """What came of the kills."""

    kills: int = 0
    acknowledged: int = 0
    """Imports that were answered before the server died."""
    written: int = 0
    """Imports that were there after a kill, answered or not."""
    half: int = 0
    """Exports that were of neither state. None must be."""
    lost: int = 0
    """Imports that were acknowledged and not there. None must be."""
    stale: int = 0
    """Exports that were not what the database holds. None must be."""
    unfinished: int = 0
    """Imports that were not there after the call was made again. None must be."""
    seconds: list[float] = field(default_factory=list)

    @property
    def wrong(self) -> int:
        """How much there is that must not be."""
        return self.half + self.lost + self.stale + self.unfinished


@dataclass(frozen=True)
class Place:
    """Where servers run, one after the other."""

    url: str
    """Of a database that holds the EJ."""
    redis_url: str
    directory: Path

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[tuple[ServerProcess, AsyncClient]]:
        """Runs the program, and offers a client of it."""
        async with (
            server_process(self.directory, self.url, REDIS_URL=self.redis_url) as server,
            AsyncClient(server.address) as client,
        ):
            yield server, client


def _other(line: str) -> str:
    """A resource of the second state: renamed, inactive, and without transfers."""
    resource: dict[str, Any] = json.loads(line)
    match resource["resourceType"]:
        case "Organization" | "Location":
            resource["name"] = f"{resource['name'][:80]} bis"
        case "Patient":
            resource["birthDate"] = "1950-02-03"
        case "Encounter" if f'"code":"{_TRANSFER}"' in line:
            resource["status"] = "cancelled"
    return json.dumps(resource, ensure_ascii=False)


async def killed(place: Place, kills: int, dice: random.Random) -> Tally:
    """Kills so many servers, each in the middle of an import; `dice` says when."""
    url = place.url
    contents, states = await _states(url)
    tally = Tally()
    wanted = 1
    longest = await _duration(place, contents)
    tally.seconds.append(longest)
    for _ in range(kills):
        request_id = str(uuid4())
        acknowledged = await _one(place, contents[wanted], request_id, dice.random() * longest)
        tally.kills += 1
        tally.acknowledged += acknowledged
        found = await _state(url, states)
        tally.half += found is None
        tally.written += found == wanted
        tally.lost += acknowledged and found != wanted
        async with place.serving() as (_, client):
            tally.stale += await _is_stale(client)
            await client.imports.resources(contents[wanted], ej_id=EJ, request_id=request_id)
            tally.stale += await _is_stale(client)
        tally.unfinished += await _state(url, states) != wanted
        wanted = 1 - wanted
    return tally


async def _states(url: str) -> tuple[list[bytes], list[bytes]]:
    """Returns what to import for each of two states, and what is exported then; leaves the first one."""
    first = b"".join((await exported(url))[EJ])
    second = "".join(f"{_other(line)}\n" for line in first.decode().splitlines()).encode()
    states = [first]
    assert (await import_lines(url, second, ej_id=EJ)).errors == 0
    states.append(b"".join((await exported(url))[EJ]))
    assert states[0] != states[1]
    assert (await import_lines(url, first, ej_id=EJ)).errors == 0
    assert b"".join((await exported(url))[EJ]) == first
    return [first, second], states


async def _state(url: str, states: list[bytes]) -> int | None:
    """Returns which state the database is in; None for neither."""
    found = b"".join((await exported(url))[EJ])
    return states.index(found) if found in states else None


async def _duration(place: Place, contents: list[bytes]) -> float:
    """Returns how long an import takes that nobody kills, and goes back."""
    async with place.serving() as (_, client):
        begun = time.monotonic()
        await client.imports.resources(contents[1], ej_id=EJ)
        took = time.monotonic() - begun
        await client.imports.resources(contents[0], ej_id=EJ)
    return took


async def _one(place: Place, content: bytes, request_id: str, delay: float) -> bool:
    """Kills a server so long after an import began; returns whether it was acknowledged."""
    async with place.serving() as (server, client):
        for each in (client.structure(EJ), client.patients(EJ), client.venues(EJ)):
            await each.read()
        call = asyncio.create_task(client.imports.resources(content, ej_id=EJ, request_id=request_id))
        await asyncio.sleep(delay)
        os.kill(server.process.pid, signal.SIGKILL)
        try:
            await call
        except ExportError:
            return False
    return True


async def _is_stale(client: AsyncClient) -> int:
    """Returns how many of the exports are not what the server makes of the database now."""
    count = 0
    for dataset in (client.structure, client.patients, client.venues):
        count += await dataset(EJ).read() != await dataset(EJ, fresh=True).read()
    return count


def main() -> int:
    """Kills as many as is asked for; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--database", choices=("sqlite", "postgresql"), action="append")
    arguments = parser.parse_args()
    console = Console()
    wrong = 0
    for backend in arguments.database or ("sqlite", "postgresql"):
        tally = _run(backend, arguments.kills, random.Random(arguments.seed))
        wrong += tally.wrong
        console.print(f"{backend}, seed {arguments.seed}: {tally}", soft_wrap=True)
    return int(wrong > 0)


def _run(backend: str, kills: int, dice: random.Random) -> Tally:
    with tempfile.TemporaryDirectory() as name, running_valkey() as valkey:
        directory = Path(name)

        def run(url: str) -> Tally:
            migrate(url)
            load(url, batches(patients=300))
            return asyncio.run(killed(Place(url, valkey.url, directory), kills, dice))

        return _on(backend, directory, run)


def _on(backend: str, directory: Path, run: Callable[[str], Tally]) -> Tally:
    if backend == "sqlite":
        return run(f"sqlite:///{directory / 'hospital.db'}")
    with running_postgres() as server:
        return run(server.create_database())


if __name__ == "__main__":
    sys.exit(main())

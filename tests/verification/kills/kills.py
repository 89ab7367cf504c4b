"""Servers are killed in the middle of imports: what is there afterwards is all of an import, or nothing.

An EJ goes back and forth between two states, each import one transaction through the real program, which is
killed: a third at any moment, a third at the commit, a third while the answer is on its way. After each kill
a new server, with the same Redis, must export one of the two states whole, the new one where the import was
acknowledged; and nothing stale: what it serves is what it renders. Then the same call is made again, under
the same request id, and must end in the new state.
"""

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from fhirexport import AsyncClient, ExportError
from support.importing import exported, import_lines
from support.server import ServerProcess, server_process
from verification.kills.aim import Aim, Course, Shot, Timer, fell
from verification.kills.watch import Phase, watching

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
    fell: Counter[tuple[Aim, Phase]] = field(default_factory=Counter)
    """What the kills were aimed at, and where they fell."""
    course: Course | None = None
    """How long the parts of an import take that nobody kills."""

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


async def killed(place: Place, kills: int, dice: random.Random, *, watched: int = 1) -> Tally:
    """Kill servers, each in the middle of an import.

    Args:
        place: where they run.
        kills: how many.
        dice: what there is to chance.
        watched: how many imports of each state are watched before the first kill, to know when they commit.
    """
    url = place.url
    contents, states = await _states(url)
    course = await _course(place, contents, watched)
    tally = Tally(course=course)
    wanted = 1
    for number in range(kills):
        request_id = str(uuid4())
        aim = tuple(Aim)[number % len(Aim)]
        acknowledged, phase = await _one(place, contents[wanted], request_id, Shot(aim, course, dice))
        tally.kills += 1
        tally.acknowledged += acknowledged
        found = await _state(url, states)
        tally.half += found is None
        tally.written += found == wanted
        tally.lost += acknowledged and found != wanted
        tally.fell[aim, fell(phase, is_written=found == wanted, is_acknowledged=acknowledged)] += 1
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


async def _course(place: Place, contents: list[bytes], count: int) -> Course:
    """Return how long the parts of an import take that nobody kills; leaves the first state."""
    courses = []
    for _ in range(count):
        for content in reversed(contents):
            async with place.serving() as (_, client):
                await _read_all(client)
                with watching(place.url) as watch:
                    timer = Timer(watch)
                    watched = asyncio.create_task(asyncio.to_thread(timer.course))
                    await client.imports.resources(content, ej_id=EJ, request_id=str(uuid4()))
                    timer.answered.set()
                    courses.append(await watched)
    return Course.typical(courses)


async def _one(place: Place, content: bytes, request_id: str, shot: Shot) -> tuple[bool, Phase]:
    """Kill a server during an import; return whether it was acknowledged, and how far it had come before."""
    async with place.serving() as (server, client):
        await _read_all(client)
        with watching(place.url) as watch:
            timer = Timer(watch)
            killed = asyncio.create_task(asyncio.to_thread(timer.kill, server.process.pid, shot))
            try:
                await client.imports.resources(content, ej_id=EJ, request_id=request_id)
                acknowledged = True
            except ExportError:
                acknowledged = False
            if acknowledged:
                timer.answered.set()
            return acknowledged, await killed


async def _read_all(client: AsyncClient) -> None:
    """Export all there is, so that it is kept."""
    for export in (client.structure(EJ), client.patients(EJ), client.venues(EJ)):
        await export.read()


async def _is_stale(client: AsyncClient) -> int:
    """Returns how many of the exports are not what the server makes of the database now."""
    count = 0
    for dataset in (client.structure, client.patients, client.venues):
        count += await dataset(EJ).read() != await dataset(EJ, fresh=True).read()
    return count

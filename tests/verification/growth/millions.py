"""Exports an EJ of millions of stays: as a stream, after one changed movement, and to a mirror.

    python -m verification.growth.millions --venues 2000000 --database postgresql

A demo group is copied until there are as many. Says how long each export took, and by how much the server
grew in it at most. It ends with 1 where that was more than the bound, or a resource was missing.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import psutil
from fhirexport import AsyncClient
from fhirexport_server.demo.group import batches
from fhirexport_server.store.loader import load
from fhirexport_server.store.migrate import migrate
from fhirexport_server.store.schema import METADATA
from rich.console import Console
from sqlalchemy import Connection, text
from support.postgres import running_postgres
from support.rows import writing
from support.server import server_process
from support.valkey import running_valkey
from verification.bench.measuring.rss import growth

EJ_ID = 1
BOUND_MIB = 64
_PATIENTS = 12_500
"""Of the group that is copied."""
_MIB = 1024 * 1024


def _fill(url: str, venues: int) -> tuple[int, int]:
    """Copy the stays of the EJ until there are so many; return how many there are, and their movements."""
    migrate(url)
    load(url, batches(patients=_PATIENTS))
    with writing(url) as connection:
        last = {
            name: connection.execute(text(f"SELECT max(id) FROM {name}")).scalar_one()
            for name in ("venue", "movement")
        }
        first = connection.execute(
            text("SELECT count(*) FROM venue WHERE ej_id = :ej"), {"ej": EJ_ID}
        ).scalar_one()
    for turn in range(1, -(-venues // first)):
        offsets = {
            "ej": EJ_ID,
            "v": turn * last["venue"],
            "m": turn * last["movement"],
            "last": last["venue"],
        }
        with writing(url) as connection:
            _copied(
                connection,
                "venue",
                {"id": "id + :v", "venue_no": "'n' || (id + :v)"},
                "ej_id = :ej AND id <= :last",
                offsets,
            )
            own = {"id": "id + :m", "movement_no": "'n' || (id + :m)", "venue_id": "venue_id + :v"}
            _copied(connection, "movement", own, "ej_id = :ej AND venue_id <= :last", offsets)
    with writing(url) as connection:
        counts = [
            connection.execute(
                text(f"SELECT count(*) FROM {name} WHERE ej_id = :ej"), {"ej": EJ_ID}
            ).scalar_one()
            for name in ("venue", "movement")
        ]
    return counts[0], counts[1]


def _copied(
    connection: Connection, table: str, own: dict[str, str], where: str, offsets: dict[str, int]
) -> None:
    names = [column.name for column in METADATA.tables[table].c]
    values = ", ".join(own.get(name, name) for name in names)
    used = {name: value for name, value in offsets.items() if f":{name}" in values + where}
    statement = f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM {table} WHERE {where}"
    connection.execute(text(statement), used)


def _change(url: str) -> None:
    with writing(url) as connection:
        connection.execute(
            text(
                "UPDATE movement SET attending_name = 'Dr A' WHERE id ="
                " (SELECT max(id) FROM movement WHERE ej_id = :ej)"
            ),
            {"ej": EJ_ID},
        )


async def _streamed(client: AsyncClient) -> tuple[int, int]:
    """Stream the venues; return how many came, and their bytes."""
    count = size = 0
    async for chunk in client.venues(EJ_ID).chunks("ndjson"):
        count, size = count + chunk.count(b"\n"), size + len(chunk)
    return count, size


class Measured:
    """What was seen of a server, export after export."""

    def __init__(self, console: Console, pid: int, venues: int) -> None:
        self._console, self._pid, self._venues = console, pid, venues
        self.failures: list[str] = []

    def _mib(self) -> float:
        return float(psutil.Process(self._pid).memory_info().rss) / _MIB

    async def of(self, what: str, work: Callable[[], Awaitable[tuple[int, int]]]) -> None:
        """Do something, and say how it went."""
        begun = time.monotonic()
        async with growth(self._pid) as grown:
            count, size = await work()
        mib = grown() / _MIB
        self._console.print(
            f"{what}: {count:,} resources, {size / 1e6:,.1f} MB, {time.monotonic() - begun:.1f} s,"
            f" server grew by {mib:.1f} MiB at most (bound {BOUND_MIB}), and has {self._mib():.0f}"
        )
        if mib > BOUND_MIB:
            self.failures.append(what)
        if count not in {0, self._venues}:
            self.failures.append(f"{what}: {count} of {self._venues}")


async def run(url: str, redis_url: str, directory: Path, venues: int, console: Console) -> list[str]:
    """Export everything in turn; return what did not hold."""
    async with (
        server_process(directory, url, REDIS_URL=redis_url) as server,
        AsyncClient(server.address) as client,
    ):
        measured = Measured(console, server.process.pid, venues)
        mirror = client.mirror(EJ_ID, "venues", directory / "mirror")

        async def update() -> tuple[int, int]:
            updated = await mirror.update()
            return 0, updated.received_bytes

        await measured.of("stream, nothing kept", partial(_streamed, client))
        await measured.of("stream again, a hit", partial(_streamed, client))
        await asyncio.to_thread(_change, url)
        await measured.of("stream after one movement", partial(_streamed, client))
        await measured.of("mirror, all of it", update)
        await asyncio.to_thread(_change, url)
        await measured.of("mirror after one movement", update)
        await measured.of("mirror, nothing changed", update)
    return measured.failures


def main() -> int:
    """Run the program; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--venues", type=int, default=2_000_000)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="postgresql")
    given = parser.parse_args()
    console = Console(width=150)
    with (
        tempfile.TemporaryDirectory(prefix="fhirexport-millions-") as name,
        running_postgres() as postgres,
        running_valkey() as valkey,
    ):
        is_sqlite = given.database == "sqlite"
        url = f"sqlite:///{name}/hospital.db" if is_sqlite else postgres.create_database()
        begun = time.monotonic()
        venues, movements = _fill(url, given.venues)
        console.print(f"{venues:,} stays, {movements:,} movements, in {time.monotonic() - begun:.0f} s")
        failures = asyncio.run(run(url, valkey.url, Path(name), venues, console))
    for failure in failures:
        console.print(f"[bold]not within the bound:[/] {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

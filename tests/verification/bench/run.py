"""The program of `make bench`: ours beside the floor and the naive way, interleaved, as ratios.

Options: `--venues N` for the streamed export (100,000 by default), `--rounds N`, `--changed N …` for the
sizes of the EJs that are exported after changes (1,000, 10,000 and 50,000 venues by default).
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from fhirexport import AsyncClient
from fhirexport_server.demo.group import batches
from fhirexport_server.domain.datasets import Dataset, Format
from fhirexport_server.exports import pipeline
from fhirexport_server.exports.request import ExportRequest
from fhirexport_server.formats.chunker import Chunker
from fhirexport_server.formats.layout import layout
from fhirexport_server.runtime.garbage import collect_rarely
from fhirexport_server.store.connection.engine import create
from fhirexport_server.store.database import Database
from fhirexport_server.store.loader import load
from fhirexport_server.store.migrate import migrate
from fhirexport_server.telemetry import logs
from rich.console import Console
from rich.table import Table
from support.postgres import Postgres, running_postgres
from support.server import server_process
from verification.bench import changes, floor, hits, imports, invalidation, orm, writers
from verification.bench.rss import growth

EJ_ID = 1
BASE_URL = "http://localhost:8000/fhir"
SMALL_PATIENTS = 1_250  # of which EJ 1 has about 1,000
HIT_PATIENTS = (85, 425, 1_250)  # patients of EJ 1 of about 200 KB, 1 MB and 3 MB
HITS_A_ROUND = 40
KEYS = 100_000
BULK = 100_000  # rows written by one statement
MIB = 1024 * 1024
MEMORY_GOAL_MIB = 64


def main() -> None:
    """Runs everything and prints one table for each part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--venues", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--changed", type=int, nargs="*", default=[1_000, 10_000, 50_000])
    arguments = parser.parse_args()
    console = Console(width=130)
    logs.configure("WARNING", None)
    collect_rarely()  # as the server does; the rivals gain by it as well
    orm.map_entities()
    with running_postgres() as server, tempfile.TemporaryDirectory(prefix="fhirexport-bench-") as directory:
        console.print(_misses(server, Path(directory), arguments.rounds))
        small = [_database(server, Path(directory), "sqlite", patients) for patients in HIT_PATIENTS]
        console.print(asyncio.run(hits.hits(small, Path(directory), arguments.rounds * HITS_A_ROUND)))
        groups = [
            (backend, _database(server, Path(directory), backend, venues * 5 // 4))
            for backend in ("postgresql", "sqlite")
            for venues in arguments.changed
        ]
        console.print(asyncio.run(changes.changes(groups, arguments.rounds)))
        console.print(asyncio.run(invalidation.invalidation(small[0], Path(directory), KEYS)))
        console.print(asyncio.run(_streams(server, Path(directory), arguments.venues)))
        group = _database(server, Path(directory), "postgresql", arguments.venues * 5 // 4)
        empty = partial(_database, server, Path(directory), "postgresql", 0)
        console.print(asyncio.run(imports.imports(group, Path(directory), empty)))
        # The last, for commits wait for the disk afterwards.
        console.print(writers.writers(server, Path(directory), rounds=arguments.rounds, seconds=3, rows=BULK))


# --- misses: 1,000 venues, 1,000 patients ---------------------------------------------------------


def _misses(server: Postgres, directory: Path, rounds: int) -> Table:
    table = Table(title="A miss, as a ratio to the raw driver fetch of the same rows (median of rounds)")
    for heading in ("database", "dataset", "rows", "floor ms", "ours", "ORM eager", "ORM N+1"):
        table.add_column(heading, justify="left" if heading in ("database", "dataset") else "right")
    for backend in ("postgresql", "sqlite"):
        url = _database(server, directory, backend, SMALL_PATIENTS)
        for dataset in (Dataset.VENUES, Dataset.PATIENTS):
            table.add_row(backend, dataset, *_miss(url, dataset, rounds))
    return table


def _miss(url: str, dataset: Dataset, rounds: int) -> list[str]:
    naive = orm.venues if dataset is Dataset.VENUES else orm.patients
    sql = floor.statements(url, EJ_ID, dataset)
    engine = create(url)
    with _closing(floor.connect(url)) as connection, Database.open(url) as database:
        rows = floor.fetch(connection, sql)
        ways: list[Callable[[], object]] = [
            partial(floor.fetch, connection, sql),
            partial(_ours, database, dataset),
            partial(naive, engine, EJ_ID, eager=True),
            partial(naive, engine, EJ_ID, eager=False),
        ]
        taken: list[list[float]] = [[] for _ in ways]
        for _ in range(rounds):
            for way, seconds in zip(ways, taken, strict=True):
                seconds.append(_timed(way))
    engine.dispose()
    ratios = [
        statistics.median(s / f for s, f in zip(seconds, taken[0], strict=True)) for seconds in taken[1:]
    ]
    return [f"{rows:,}", f"{statistics.median(taken[0]) * 1000:.1f}", *(f"{ratio:.1f}x" for ratio in ratios)]


def _ours(database: Database, dataset: Dataset) -> int:
    """Renders the dataset as a fill does, without a server; returns the bytes made."""
    request = ExportRequest(ej_id=EJ_ID, dataset=dataset, format=Format.BUNDLE)
    with database.snapshot() as rows:
        ej = rows.ej(EJ_ID)
        if ej is None:
            raise SystemExit("the demo group has no EJ 1")
        blocks = pipeline.blocks(rows, ej, request, pipeline.context(rows, ej, request, BASE_URL))
        return sum(len(chunk.frame) for chunk in Chunker(layout(Format.BUNDLE, BASE_URL)).chunks(blocks))


# --- a stream of any size -------------------------------------------------------------------------


async def _streams(server: Postgres, directory: Path, venues: int) -> Table:
    table = Table(title=f"StreamExport of the venues of a group of {venues:,} patients, from the database")
    headings = ("database", "venues", "MB", "seconds", "floor s", "rate to floor", "server RSS growth MiB")
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "database" else "right")
    for backend in ("postgresql", "sqlite"):
        url = _database(server, directory, backend, venues * 5 // 4)
        sql = floor.statements(url, EJ_ID, Dataset.VENUES)
        with _closing(floor.connect(url)) as connection:
            bare = min(_timed(partial(floor.fetch, connection, sql)) for _ in range(3))
        resources, size, seconds, growth = await _stream(url, directory)
        table.add_row(
            backend,
            f"{resources:,}",
            f"{size / 1e6:,.0f}",
            f"{seconds:.1f}",
            f"{bare:.1f}",
            f"{bare / seconds:.2f}x",
            f"{growth / MIB:.1f} (goal < {MEMORY_GOAL_MIB})",
        )
    return table


async def _stream(url: str, directory: Path) -> tuple[int, int, float, int]:
    """Streams once from a server that has just started; returns resources, bytes, seconds, growth of RSS."""
    async with (
        server_process(directory, url) as server,
        AsyncClient(server.address) as client,
        growth(server.process.pid) as grown,
    ):
        start = time.perf_counter()
        resources, size = await _save(client)
        seconds = time.perf_counter() - start
    return resources, size, seconds, grown()


async def _save(client: AsyncClient) -> tuple[int, int]:
    export = client.venues(EJ_ID)
    with tempfile.TemporaryDirectory(prefix="fhirexport-bench-") as directory:
        await export.save(Path(directory) / "export.ndjson")
    snapshot = export.snapshot
    if snapshot is None or snapshot.resource_count is None or snapshot.size_bytes is None:
        raise SystemExit("an export came without its totals")
    return snapshot.resource_count, snapshot.size_bytes


# --- what both need -------------------------------------------------------------------------------


def _database(server: Postgres, directory: Path, backend: str, patients: int) -> str:
    file = Path(tempfile.mkdtemp(dir=directory)) / "bench.db"
    url = f"sqlite:///{file}" if backend == "sqlite" else server.create_database()
    migrate(url)
    if patients:
        load(url, batches(patients=patients))
    return url


def _timed(way: Callable[[], object]) -> float:
    start = time.perf_counter()
    way()
    return time.perf_counter() - start


@contextmanager
def _closing(connection: floor.Connection) -> Iterator[floor.Connection]:
    try:
        yield connection
    finally:
        connection.close()


if __name__ == "__main__":
    main()

"""Measures a stream of any size from the database, beside the drivers' own cursor, and the memory."""

import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final

from fhirexport import AsyncClient
from fhirexport_server.domain.datasets import Dataset
from rich.table import Table
from support.server import server_process
from verification.bench.measuring.databases import Bench
from verification.bench.measuring.results import Results
from verification.bench.measuring.rss import growth
from verification.bench.rivals import floor

EJ_ID: Final = 1
MIB: Final = 1024 * 1024
MEMORY_GOAL_MIB: Final = 64
GOAL: Final = 0.25


async def streams(bench: Bench, venues: int) -> Results:
    """Measures the first stream of a server that has just started."""
    results = Results()
    table = Table(
        title=f"The first StreamExport of {venues:,} patients' venues; goal >= {GOAL} on PostgreSQL"
    )
    headings = ("database", "venues", "MB", "seconds", "floor s", "rate to floor", "server RSS growth MiB")
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "database" else "right")
    results.tables.append(table)
    for backend, url in bench.databases(venues * 5 // 4).items():
        sql = floor.statements(url, EJ_ID, Dataset.VENUES)
        with closing(floor.connect(url)) as connection:
            bare = min(_timed(partial(floor.fetch, connection, sql)) for _ in range(3))
        resources, size, seconds, growth = await _stream(url, bench.directory)
        table.add_row(
            backend,
            f"{resources:,}",
            f"{size / 1e6:,.0f}",
            f"{seconds:.1f}",
            f"{bare:.1f}",
            f"{bare / seconds:.2f}x",
            f"{growth / MIB:.1f} (goal < {MEMORY_GOAL_MIB})",
        )
        results.figures[f"{backend} {venues} venues"] = {
            "rate_to_floor": bare / seconds,
            "seconds": seconds,
            "growth_mib": growth / MIB,
        }
    return results


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


def _timed(way: Callable[[], object]) -> float:
    start = time.perf_counter()
    way()
    return time.perf_counter() - start

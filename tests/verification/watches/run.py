"""Measure watches as `make watches` does: `python -m verification.watches.run --watchers 0 1 10 100 1000`."""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fhirexport_server.demo.group import batches
from fhirexport_server.store.loader import load
from fhirexport_server.store.migrate import migrate
from rich.console import Console
from rich.table import Table
from support.postgres import running_postgres
from verification.watches.measuring import Course, measured, serving

GOAL_SECONDS = 1.0
PAUSE = (0.6, 1.4)
_WIDTH = 130
"""Of the table, where it is not for a terminal."""
_HEADINGS = (
    "watchers", "commits", "told", "p50 ms", "p99 ms", "longest ms",
    "look-ups/s", "transactions/s", "server's CPU %", "kB a watch",
)  # fmt: skip


def main() -> int:
    """Measures with each number of watchers on each database; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--watchers", type=int, nargs="+", default=[0, 1, 10, 100, 1000])
    parser.add_argument("--commits", type=int, default=30)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), action="append")
    arguments = parser.parse_args()
    console = Console() if sys.stdout.isatty() else Console(width=_WIDTH)
    failed = False
    for backend in arguments.database or ("sqlite", "postgresql"):
        with tempfile.TemporaryDirectory() as name, _database(backend, Path(name)) as url:
            courses = asyncio.run(_measure(url, Path(name), arguments.watchers, arguments.commits))
        console.print(_table(backend, courses))
        failed |= any(course.untold for course in courses)
        failed |= any(course.delays and course.percentile(0.99) > GOAL_SECONDS for course in courses)
    return int(failed)


async def _measure(url: str, directory: Path, watchers: list[int], commits: int) -> list[Course]:
    courses = []
    for count in watchers:
        # Another server for each, so that what it grows by is its own.
        async with serving(url, directory) as server:
            await asyncio.sleep(2)
            courses.append(await measured(url, server, count, commits=commits, pause=PAUSE))
    return courses


@contextmanager
def _database(backend: str, directory: Path) -> Iterator[str]:
    with running_postgres() as server:
        url = server.create_database() if backend == "postgresql" else f"sqlite:///{directory}/hospital.db"
        migrate(url)
        load(url, batches(patients=300))
        yield url


def _table(backend: str, courses: list[Course]) -> Table:
    table = Table(title=f"{backend}: from the commit to each watcher; all watch what is written")
    for heading in _HEADINGS:
        table.add_column(heading, justify="right")
    for course in courses:
        delays = ["", "", "", ""]
        if course.delays:
            parts = (course.percentile(0.5), course.percentile(0.99), max(course.delays))
            delays = [f"{len(course.delays):,}", *(f"{1000 * part:.0f}" for part in parts)]
        table.add_row(
            f"{course.watchers:,}",
            str(course.commits),
            *delays,
            f"{course.lookups / course.seconds:.2f}",
            "" if course.transactions is None else f"{course.transactions / course.seconds:.1f}",
            f"{100 * course.processor_seconds / course.seconds:.1f}",
            f"{course.growth / 1024 / course.watchers:.0f}" if course.watchers else "",
        )
    return table


if __name__ == "__main__":
    sys.exit(main())

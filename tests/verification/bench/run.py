"""The program of `make bench`: ours beside the floor and the naive way, interleaved, as ratios.

Arguments: the parts to measure, all by default. Options: `--rounds N`, `--venues N` for what is streamed and
imported, `--changed N …` for the sizes of the EJs that are exported after changes, `--into DIRECTORY` for
`bench.json` and the plots.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from fhirexport_server.runtime.garbage import collect_rarely
from fhirexport_server.telemetry import logs
from rich.console import Console
from support.postgres import running_postgres
from verification.bench.measuring import machine
from verification.bench.measuring.databases import BACKENDS, HIT_PATIENTS, NAMES, Bench
from verification.bench.measuring.results import Results
from verification.bench.parts import (
    audited,
    busy,
    callers,
    changes,
    hits,
    imports,
    invalidation,
    misses,
    naive,
    start,
    streams,
    writers,
)

HITS_A_ROUND = 20
KEYS = 100_000
BULK = 50_000  # rows written by one statement
WRITING_SECONDS = 1
WRITING_ROUNDS = 5
Part = Callable[[Bench, argparse.Namespace], Results]


def main() -> None:
    """Measures the parts, prints their tables, and keeps their figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--venues", type=int, default=100_000)
    parser.add_argument("--changed", type=int, nargs="*", default=[1_000, 10_000, 50_000])
    parser.add_argument("--into", type=Path, default=Path("build/bench"))
    arguments = parser.parse_args()
    unknown = set(arguments.parts) - PARTS.keys()
    if unknown:
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    console = Console(width=160)
    logs.configure("WARNING", None)
    collect_rarely()  # as the server does; the rivals gain by it as well
    console.print(machine.facts())
    with running_postgres() as server, tempfile.TemporaryDirectory(prefix="fhirexport-bench-") as directory:
        bench = Bench(server, Path(directory), arguments.rounds)
        for name in arguments.parts or PARTS:
            begun = time.monotonic()
            results = PARTS[name](bench, arguments)
            seconds = time.monotonic() - begun
            for table in results.tables:
                console.print(table)
            console.print(f"{name}: {seconds:.0f} s\n")
            results.keep(name, seconds, arguments.into)


def _hits(bench: Bench, _arguments: argparse.Namespace) -> Results:
    urls = [(NAMES[name], bench.database(name, size)) for name in BACKENDS for size in HIT_PATIENTS]
    return asyncio.run(hits.hits(urls, bench.directory, bench.rounds * HITS_A_ROUND))


def _audited(bench: Bench, _arguments: argparse.Namespace) -> Results:
    return asyncio.run(
        audited.audited(bench.database("sqlite", HIT_PATIENTS[0]), bench.directory, bench.rounds)
    )


def _callers(bench: Bench, _arguments: argparse.Namespace) -> Results:
    urls = [(NAMES[name], bench.database(name, HIT_PATIENTS[0])) for name in BACKENDS]
    return asyncio.run(callers.callers(urls, bench.directory, bench.rounds))


def _changes(bench: Bench, arguments: argparse.Namespace) -> Results:
    groups = [(name, venues * 5 // 4) for name in BACKENDS for venues in arguments.changed]
    urls = bench.new_databases(reversed(groups))  # the largest first, for two are made at once
    named = zip((NAMES[name] for name, _ in groups), reversed(urls), strict=True)
    return asyncio.run(changes.changes(list(named), bench.rounds))


def _invalidation(bench: Bench, _arguments: argparse.Namespace) -> Results:
    url = bench.database("sqlite", HIT_PATIENTS[0])
    return Results([asyncio.run(invalidation.invalidation(url, bench.directory, KEYS))])


def _imports(bench: Bench, arguments: argparse.Namespace) -> Results:
    sources = [
        imports.Source(bench.database("postgresql", arguments.venues * 5 // 4), "patients"),
        # Each has five stays and movements.
        imports.Source(bench.database("postgresql", arguments.venues // 4), "venues"),
    ]
    empty = partial(bench.new_database, "postgresql", 0)
    return asyncio.run(imports.imports(sources, bench.directory, empty))


def _writers(bench: Bench, _arguments: argparse.Namespace) -> Results:
    table = writers.writers(
        bench.server, bench.directory, rounds=WRITING_ROUNDS, seconds=WRITING_SECONDS, rows=BULK
    )
    return Results([table])


PARTS: dict[str, Part] = {
    "misses": lambda bench, _: misses.misses(bench),
    "hits": _hits,
    "callers": _callers,
    "audited": _audited,
    "naive": lambda bench, _: asyncio.run(naive.naive(bench)),
    "start": lambda bench, _: asyncio.run(start.start(bench)),
    "changes": _changes,
    "invalidation": _invalidation,
    "streams": lambda bench, arguments: asyncio.run(streams.streams(bench, arguments.venues)),
    "busy": lambda bench, arguments: asyncio.run(busy.busy(bench, arguments.venues)),
    "imports": _imports,
    # The last, for commits wait for the disk afterwards.
    "writers": _writers,
}
"""In this order."""


if __name__ == "__main__":
    main()

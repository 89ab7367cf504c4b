"""A rolling deployment: `python -m verification.rolling.deployment --former REF --seconds 120`.

Two servers on one PostgreSQL and one Valkey, with writers and readers of `make prove`, whose checker judges
every read. First both are of a former release, then one by one of this one; where the schema is the same,
they go back again as well. Exits with 1 where a read lacked a write or was wrong in any other way.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from random import Random, SystemRandom
from time import monotonic

from fhirexport_server.demo.group import batches
from fhirexport_server.store.loader import load
from fhirexport_server.store.schema import METADATA
from rich.console import Console
from rich.table import Table
from sqlalchemy import insert
from support.postgres import Postgres, running_postgres
from support.rows import writing
from support.server import ROOT
from support.valkey import running_valkey
from verification.prove.availability import SERVER_KILLED
from verification.prove.check import check
from verification.prove.children import children
from verification.prove.history import Fault, History, Read, recorded
from verification.prove.plan import WRITERS, Plan, server_socket
from verification.prove.report import stale
from verification.prove.stamps import ballast
from verification.rolling import former
from verification.rolling.mixed import Mixed

PATIENTS, READERS, SHOWN = 100, 3, 10
FORMER = "470426a"
"""The last commit but a few with another way to log changes, on the schema of this release."""
LEAST_READS = 50
"""How many reads of each release a run must have, to show anything."""


@dataclass(frozen=True)
class Step:
    """What ran for a while: the release of each server, F for the former one, T for this one."""

    releases: str
    begun: float


@dataclass
class Course:
    """What happened."""

    history: History
    steps: list[Step] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    """The times in which a server was replaced: readers have one server each time, and do without then."""

    def release(self, read: Read) -> str:
        """Return which release has answered: the one that ran when the read began and when it ended, or ?."""
        at = {self._running(moment)[read.server] for moment in (read.start, read.end)}
        return at.pop() if len(at) == 1 else "?"

    def _running(self, moment: float) -> str:
        return next((step.releases for step in reversed(self.steps) if step.begun <= moment), "??")


def steps(*, same_schema: bool) -> Sequence[str]:
    """Return the releases of both servers, one step after the other."""
    return ("FF", "FT", "TT", "TF", "FF", "TF", "TT") if same_schema else ("FF", "FT", "TT")


async def deployed(postgres: Postgres, tree: Path, directory: Path, seconds: float, seed: int) -> Course:
    """Run everything in a directory; return what happened."""
    url = postgres.create_database()
    await former.migrate(tree, url, directory)
    load(url, batches(patients=PATIENTS))
    with writing(url) as connection:
        connection.execute(insert(METADATA.tables["place"]), list(ballast(Random(seed))))
    plans = [
        (f"verification.prove.{kind}", Plan(str(directory), url, seed, number, READERS, 2))
        for kind, count in (("writer", WRITERS), ("reader", READERS))
        for number in range(count)
    ]
    same_schema = former.schema(tree) == former.schema(ROOT)
    releases = steps(same_schema=same_schema)
    course = Course(History())
    with running_valkey() as valkey:
        fleet = Mixed(
            {"F": tree, "T": ROOT},
            directory,
            {"DATABASE_URL": url, "REDIS_URL": valkey.url},
            [f"unix:{server_socket(directory, number)}" for number in (0, 1)],
        )
        try:
            await fleet.become(releases[0])
            course.steps.append(Step(releases[0], monotonic()))
            async with children(plans) as processes:
                processes.begin(seconds)
                start, migrated = monotonic(), None
                for number, (before, after) in enumerate(pairwise(releases), 1):
                    await asyncio.sleep(start + number * seconds / len(releases) - monotonic())
                    if "T" in after and not same_schema and "T" not in before:
                        # From now on the former release refuses this schema, until it is replaced.
                        migrated = monotonic()
                        await former.migrate(ROOT, url, directory)
                    begun = monotonic()
                    course.steps.append(Step(_both(before, after), begun))
                    await fleet.become(after)
                    course.steps.append(Step(after, monotonic()))
                    course.faults += [
                        Fault(SERVER_KILLED, migrated or begun, monotonic(), server)
                        for server in (0, 1)
                        if before[server] != after[server]
                    ]
                await processes.ended()
        finally:
            await fleet.close()
    course.history = History.of(recorded(sorted(directory.glob("*.ndjson"))))
    course.history.faults += course.faults
    return course


def _both(before: str, after: str) -> str:
    """Return what runs while a server is replaced: ? where it is not certain."""
    return "".join(old if old == new else "?" for old, new in zip(before, after, strict=True))


def table(reference: str, course: Course) -> Table:
    """Return what happened, for people."""
    shown = Table(title=f"A rolling deployment: {' → '.join(step.releases for step in course.steps[::2])}")
    for heading in ("release", "reads", "hits", "brought up to date", "not modified", "failed"):
        shown.add_column(heading, justify="left" if heading == "release" else "right")
    names = {"F": f"former ({reference})", "T": "this", "?": "while one was replaced"}
    for release, name in names.items():
        reads = [read for read in course.history.reads if course.release(read) == release]
        shown.add_row(
            name,
            f"{len(reads):,}",
            f"{sum('; hit' in read.cache_status for read in reads):,}",
            f"{sum('rendered=' in read.cache_status for read in reads):,}",
            f"{sum(read.not_modified for read in reads):,}",
            f"{sum(bool(read.failure) for read in reads):,}",
        )
    return shown


def main() -> int:
    """Run it; return the exit status."""
    parser = argparse.ArgumentParser(prog="verification.rolling.deployment", description=__doc__)
    parser.add_argument("--former", default=FORMER, help="a commit")
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--keep", type=Path, default=Path("build/deployment"), help="where a bad run is kept")
    given = parser.parse_args()
    seed = SystemRandom().randrange(1_000_000) if given.seed is None else given.seed
    console = Console(width=110)
    with (
        tempfile.TemporaryDirectory(prefix="fhirexport-former-") as unpacked,
        tempfile.TemporaryDirectory(prefix="fhirexport-dep-") as name,
        running_postgres(logical=True) as postgres,
    ):
        tree = former.sources(given.former, Path(unpacked))
        schemas = former.schema(tree), former.schema(ROOT)
        course = asyncio.run(deployed(postgres, tree, Path(name), given.seconds, seed))
        violations = check(course.history)
        if violations:
            shutil.copytree(
                name, given.keep / f"run-{seed}", ignore=shutil.ignore_patterns("*.sock", "*.bell")
            )
    console.print(f"seed {seed}, schemas {schemas[0]} and {schemas[1]}")
    console.print(table(given.former, course))
    writes = sum(write.committed for write in course.history.writes)
    console.print(
        f"{writes:,} commits; {stale(violations)} reads lacked a write; {len(violations)} wrong in all"
    )
    for violation in violations[:SHOWN]:
        console.print(str(violation), markup=False, highlight=False, soft_wrap=True)
    for failure, count in Counter(read.failure for read in course.history.reads if read.failure).most_common(
        5
    ):
        console.print(f"{count} times {failure}", markup=False, highlight=False, soft_wrap=True)
    answered = Counter(course.release(read) for read in course.history.reads if not read.failure)
    return int(bool(violations) or min(answered["F"], answered["T"]) < LEAST_READS)


if __name__ == "__main__":
    sys.exit(main())

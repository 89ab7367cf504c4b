"""An upgrade from a former release: `python -m verification.upgrade.run --former REF`.

The former release fills a database; two servers of it serve. While writers write and readers read, the
database is migrated and the servers are replaced one after the other, as docs/operations.md says. Exits with
1 where a read lacked a write that was committed before it, or was wrong in another way; where one failed but
when the documentation says that there are no exports; where a release has answered none; and where the
exports of the upgraded database are not those of a fresh one with the same rows.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table
from support.postgres import running_postgres
from support.server import ROOT
from support.valkey import running_valkey
from verification.rolling import former
from verification.upgrade.course import FORMER, PRESENT, Course, Options, Services, upgraded

SHOWN = 10


@contextmanager
def databases(kind: str, directory: Path) -> Iterator[tuple[str, str]]:
    """Make two empty databases; yield their URLs."""
    if kind == "sqlite":
        yield f"sqlite:///{directory / 'upgraded.db'}", f"sqlite:///{directory / 'fresh.db'}"
        return
    with running_postgres() as postgres:
        yield postgres.create_database(), postgres.create_database()


def run(tree: Path, directory: Path, options: Options, kind: str = "postgresql") -> Course:
    """Run an upgrade from some sources in a directory; return what happened."""
    with databases(kind, directory) as (url, fresh_url), running_valkey() as valkey:
        services = Services(url, fresh_url, valkey.url)
        return asyncio.run(upgraded(tree, services, directory, options))


def table(course: Course) -> Table:
    """Return what happened in each stage, for people."""
    shown = Table()
    for heading in ("", "seconds", "commits", "reads", "failed", "failed as documented"):
        shown.add_column(heading, justify="right" if heading else "left")
    for stage in course.stages:
        reads = [read for read in course.reads if stage.begun <= read.start < stage.ended]
        failed = [read for read in reads if read.failure]
        excused = sum(map(course.excused, failed))
        commits = sum(ledger.committed(stage.begun, stage.ended) for ledger in course.ledgers)
        shown.add_row(
            stage.name,
            f"{stage.ended - stage.begun:.1f}",
            f"{commits:,}",
            f"{len(reads):,}",
            f"{len(failed) - excused:,}",
            f"{excused:,}",
        )
    return shown


def lines(course: Course) -> Iterator[str]:
    """Yield the rest, for people."""
    wrong, answered = course.wrong, course.answered
    yield (
        f"{sum(len(ledger.done) for ledger in course.ledgers):,} commits, the slowest in"
        f" {max(ledger.slowest for ledger in course.ledgers):.1f} s; {len(course.reads):,} reads:"
        f" {answered[FORMER]:,} answered by the former release, {answered[PRESENT]:,} by this one,"
        f" {sum(line.startswith('stale') for line in wrong)} stale,"
        f" {sum(line.startswith('wrong') for line in wrong)} wrong,"
        f" {sum(line.startswith('failed') for line in wrong)} failed, and"
        f" {sum(map(course.excused, course.reads))} when there are none, as documented"
    )
    if course.down is not None:
        begun, ended = course.down
        yield (
            f"migrate was called {course.migrations} times; no exports for {course.outage:.1f} s,"
            f" of {ended - begun:.1f} s that are documented"
        )
    yield (
        f"{course.compared} exports of the upgraded database, {len(course.different)} of them not the bytes"
        " of a fresh one with the same rows"
    )
    failures = Counter(read.failure for read in course.reads if read.failure)
    for failure, count in failures.most_common(SHOWN):
        yield f"  {count} times {failure}"
    for line in wrong[:SHOWN]:
        yield f"WRONG {line}"


def main() -> int:
    """Run it; return the exit status."""
    parser = argparse.ArgumentParser(prog="verification.upgrade.run", description=__doc__)
    parser.add_argument(
        "--former", default="", help="a tag or a commit; else the last tag, or what has an older schema"
    )
    parser.add_argument("--database", choices=("postgresql", "sqlite"), default="postgresql")
    parser.add_argument("--seconds", type=float, default=Options.seconds, help="of each release alone")
    parser.add_argument("--patients", type=int, default=Options.patients)
    parser.add_argument(
        "--after", action="store_true", help="start every server of this release after the migration"
    )
    parser.add_argument("--keep", type=Path, default=Path("build/upgrade"), help="where logs of a bad run go")
    given = parser.parse_args()
    reference = given.former or former.latest()
    options = Options(seconds=given.seconds, patients=given.patients, waits=not given.after)
    console = Console(width=110)
    with (
        tempfile.TemporaryDirectory(prefix="fhirexport-former-") as unpacked,
        tempfile.TemporaryDirectory(prefix="fhirexport-upgrade-") as name,
    ):
        tree = former.sources(reference, Path(unpacked))
        schemas = former.schema(tree), former.schema(ROOT)
        console.print(f"{given.database}, from {reference} (schema {schemas[0]}) to schema {schemas[1]}")
        course = run(tree, Path(name), options, given.database)
        if course.wrong:
            shutil.copytree(name, given.keep, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.db*"))
    console.print(table(course))
    for line in lines(course):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    return int(bool(course.wrong))


if __name__ == "__main__":
    sys.exit(main())

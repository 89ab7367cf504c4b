"""Shows, for a few seconds, that no read lacks a write while everything around it breaks."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.in_memory import in_memory
from support.postgres import Postgres, running_postgres
from verification.prove.check import check, compared, different
from verification.prove.history import History
from verification.prove.plan import WRITERS
from verification.prove.report import hit_ratio
from verification.prove.run import Options, prove

SECONDS = (6.0, 12.0, 24.0, 48.0)
"""A run in which too little has happened, on a busy machine, is followed by a longer one."""


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A PostgreSQL on which transactions can be prepared."""
    with running_postgres(logical=True, parent=in_memory()) as server:
        yield server


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("database", "redis"),
    [
        ("postgresql", "standalone"),
        ("sqlite", "standalone"),
        ("postgresql", "sentinel"),
        ("postgresql", "cluster"),
    ],
)
def test_no_read_lacks_a_write_whatever_breaks(
    database: str, redis: str, server: Postgres, capsys: pytest.CaptureFixture[str]
) -> None:
    lacking: list[str] = []
    history = History()
    for seconds in SECONDS:
        with tempfile.TemporaryDirectory(prefix="prove-") as directory:  # short enough for a socket's path
            options = Options(seconds=seconds, faults=2.0, seed=1, database=database, redis=redis)
            history = prove(server, Path(directory), options)
        assert check(history) == []
        assert different(history) == []
        lacking = [name for name, happened in happenings(history, database).items() if not happened]
        if not lacking:
            break
    assert lacking == []
    with capsys.disabled():
        counts = f"{len(history.comparisons)} renderings, {len(compared(history))} answers"
        print(f"\n{database}, Redis {redis}: compared with full renderings: {counts}")  # noqa: T201 - worth knowing


def happenings(history: History, database: str) -> dict[str, bool]:
    """Return what a run must have seen in order to show anything, and whether it has."""
    modes = {read.mode for read in history.reads}
    ways = {way for write in history.writes for way in write.ways}
    own_way = "REPLACE" if database == "sqlite" else "prepared"
    return {
        "every kind of read": modes >= {"strict", "at_least", "max_staleness"},
        "a read that was not modified": any(read.not_modified for read in history.reads),
        "a read right behind a write": any(read.pursuit for read in history.reads),
        "a hit": hit_ratio(history) > 0,
        "writes that were committed and not": {write.committed for write in history.writes} == {True, False},
        # The first one is what the importer begins with.
        "an import": sum(write.committed for write in history.writes if write.writer == WRITERS) > 1,
        "a write in bulk, one with a savepoint rolled back": ways >= {"in bulk", "a savepoint rolled back"},
        "a move to another EJ": any(way.startswith("a move") for way in ways),
        "a way of writing of this database alone": own_way in ways,
        "an export that was brought up to date": history.comparisons != [],
        "an answer that was compared with a full rendering": compared(history) != [],
        "an export that was rendered in full": history.fallbacks != [],
        "a fault": history.faults != [],
    }

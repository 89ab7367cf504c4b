"""Shows, for a few seconds, that no read lacks a write while everything around it breaks."""

import tempfile
from pathlib import Path

from support.postgres import Postgres
from verification.prove.check import check
from verification.prove.history import History
from verification.prove.plan import WRITERS
from verification.prove.report import hit_ratio
from verification.prove.run import Options, prove

SECONDS = (6.0, 12.0, 24.0, 48.0)
"""A run in which too little has happened, on a busy machine, is followed by a longer one."""


def test_no_read_lacks_a_write_whatever_breaks(postgres: Postgres) -> None:
    lacking: list[str] = []
    for seconds in SECONDS:
        with tempfile.TemporaryDirectory(prefix="prove-") as directory:  # short enough for a socket's path
            history = prove(postgres, Path(directory), Options(seconds=seconds, faults=2.0, seed=1))
        assert check(history) == []
        lacking = [name for name, happened in happenings(history).items() if not happened]
        if not lacking:
            break
    assert lacking == []


def happenings(history: History) -> dict[str, bool]:
    """Return what a run must have seen in order to show anything, and whether it has."""
    modes = {read.mode for read in history.reads}
    return {
        "every kind of read": modes >= {"strict", "at_least", "max_staleness"},
        "a read that was not modified": any(read.not_modified for read in history.reads),
        "a read right behind a write": any(read.pursuit for read in history.reads),
        "a hit": hit_ratio(history) > 0,
        "writes that were committed and not": {write.committed for write in history.writes} == {True, False},
        # The first one is what the importer begins with.
        "an import": sum(write.committed for write in history.writes if write.writer == WRITERS) > 1,
        "a fault": history.faults != [],
    }

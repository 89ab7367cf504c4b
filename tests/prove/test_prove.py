"""Shows, for a few seconds, that no read lacks a write while everything around it breaks."""

import tempfile
from pathlib import Path

from prove.check import check
from prove.plan import WRITERS
from prove.report import hit_ratio
from prove.run import Options, prove
from support.postgres import Postgres


def test_no_read_lacks_a_write_whatever_breaks(postgres: Postgres) -> None:
    with tempfile.TemporaryDirectory(prefix="prove-") as directory:  # short enough for a socket's path
        history = prove(postgres, Path(directory), Options(seconds=6.0, faults=2.0, seed=1))
    assert check(history) == []
    assert {read.mode for read in history.reads} >= {"strict", "at_least", "max_staleness"}
    assert any(read.not_modified for read in history.reads)
    assert any(read.pursuit for read in history.reads)
    assert hit_ratio(history) > 0
    assert {write.committed for write in history.writes} == {True, False}
    # The first one is what the importer begins with.
    assert sum(write.committed for write in history.writes if write.writer == WRITERS) > 1
    assert history.faults != []

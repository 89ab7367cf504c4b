"""Shows, for less than a minute, that nothing is stale while each part dies, hangs and fails over."""

import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from verification.cluster.figures import lines
from verification.cluster.run import Options, besiege


@pytest.mark.timeout(400)
@pytest.mark.parametrize("redis", ["sentinel", "cluster"])
def test_no_read_lacks_a_write_whatever_part_breaks(redis: str, capsys: pytest.CaptureFixture[str]) -> None:
    pooler = Path(sys.executable).with_name("pgbouncer").exists() or shutil.which("pgbouncer") is not None
    with tempfile.TemporaryDirectory(prefix="cluster-") as directory:
        outcome = besiege(Path(directory), Options(seconds=25.0, seed=1, redis=redis, pooled=pooler))
    assert outcome.broken == []
    parts = {kind.partition(":")[0] for kind in outcome.faults}
    assert parts == {"Redis", "PostgreSQL", "fhirexport"}
    assert len(outcome.calls) > len(outcome.failed)
    assert any(write.committed for write in outcome.history.writes)
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(lines(outcome)) + "\n")

"""Shows, for a few seconds each, that nothing that comes from outside crashes a server or its readers."""

import pytest
from verification.fuzz.calls import CALLS
from verification.fuzz.run import fuzzed
from verification.fuzz.worker import TARGETS

SECONDS = 4.0


@pytest.mark.parametrize("target", [*TARGETS, *CALLS])
def test_nothing_goes_wrong(target: str) -> None:
    run = fuzzed(target, SECONDS, seed=1)
    assert run.failures() == []
    assert len(run.ended) > 1

"""Shows that fuzzing tries each target in earnest, and that what goes wrong is told."""

from collections.abc import Mapping
from random import Random

import pytest
from verification.fuzz import worker
from verification.fuzz.worker import TARGETS, Target, tried

TRIES = 150


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_is_refused_some_things_and_nothing_goes_wrong(name: str) -> None:
    ends = {TARGETS[name](Random(f"1:{number}")) for number in range(TRIES)}
    assert len(ends) > 1


def test_what_goes_wrong_is_told_with_its_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(random: Random) -> str:
        return str(1 // int(random.random() * 2))

    targets: Mapping[str, Target] = {"wrong": wrong}
    monkeypatch.setattr(worker, "TARGETS", targets)
    run = tried("wrong", 0.01, 7)
    assert 0 < run.wrongs < run.tries
    assert "of seed 7: ZeroDivisionError" in run.failures()[0]
    assert Random(f"7:{run.wrong[0].split()[1]}").random() < 1 / 2

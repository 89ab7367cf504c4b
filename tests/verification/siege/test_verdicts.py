"""Shows that what must not be is found, and nothing else, in observations made by hand."""

from typing import Any

import pytest
from msgspec.structs import replace
from verification.siege.observed import Answers, Bounds, Memory, Observed, verdicts
from verification.siege.plan import Answer, Sent

QUIET = Answers(count=100, p50=0.01, p99=0.05, slowest=0.06, failed={})
HEALTH = Answers(count=100, p50=0.001, p99=0.01, slowest=0.1, failed={})
SOUND = Observed(
    attack="refused",
    seconds=60.0,
    sent=Sent(calls=10, messages=20, answers={"INVALID_ARGUMENT": 10}),
    exports=replace(QUIET, p99=0.15),
    health=HEALTH,
    memory=Memory(begin=100.0, most=768.0, end=164.0, samples=[]),
    bugs=0,
    log_errors=0,
    messages=20,
)


def broken(observed: Observed) -> list[str]:
    return [found.name for found in verdicts(observed, QUIET, Bounds()) if not found.holds]


def test_what_is_just_within_the_bounds_holds() -> None:
    assert broken(SOUND) == []


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"memory": replace(SOUND.memory, end=165.0)}, "memory is given back"),
        ({"memory": replace(SOUND.memory, most=769.0)}, "memory is bounded"),
        ({"exports": replace(QUIET, failed={"RESOURCE_EXHAUSTED": 1})}, "callers are served"),
        ({"exports": replace(QUIET, count=0)}, "callers are served"),
        ({"exports": replace(QUIET, p99=0.16)}, "callers are not held up"),
        ({"health": replace(HEALTH, failed={"NOT_SERVING": 1})}, "health is told"),
        ({"health": replace(HEALTH, slowest=0.11)}, "health is told at once"),
        ({"bugs": 1}, "no bug"),
        ({"sent": replace(SOUND.sent, answers={"INTERNAL": 1})}, "no bug"),
        ({"log_errors": 1}, "no error in the log"),
        ({"sent": replace(SOUND.sent, calls=0)}, "something was sent"),
        ({"messages": 21}, "enough was sent"),
    ],
)
def test_what_is_beyond_a_bound_is_found(changed: dict[str, Any], name: str) -> None:
    assert broken(replace(SOUND, **changed)) == [name]


def test_times_are_those_of_calls_that_were_answered_well() -> None:
    answers = [Answer(0.0, number / 100, "OK") for number in range(1, 101)]
    found = Answers.of([*answers, Answer(0.0, 30.0, "UNAVAILABLE")])
    assert found == Answers(count=101, p50=0.51, p99=1.0, slowest=1.0, failed={"UNAVAILABLE": 1})

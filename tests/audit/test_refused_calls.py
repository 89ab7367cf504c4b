"""Bounds of the lines of refused calls: none is lost, and none of another caller's is hidden."""

from fhirexport_server.audit.refused_calls import RefusedCalls


class _Clock:
    """A clock that stands still."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Returns the time."""
        return self.now


def test_a_flood_of_one_caller_is_counted_and_another_has_its_lines() -> None:
    clock = _Clock()
    refused = RefusedCalls(clock)
    assert sum(refused.has_line("", "CREDENTIALS_MISSING") for _ in range(1000)) == 100
    assert refused.has_line("jwt:#laboratory", "ACCESS_DENIED")
    (line,) = refused.folded()
    assert (line["identity"], line["refused"]) == (None, {"CREDENTIALS_MISSING": 900})
    assert refused.folded() == []
    clock.now = 2.0
    assert sum(refused.has_line("", "CREDENTIALS_MISSING") for _ in range(1000)) == 10
    assert [line["refused"] for line in refused.folded()] == [{"CREDENTIALS_MISSING": 990}]


def test_many_callers_take_bounded_memory_and_share_the_rest() -> None:
    clock = _Clock()
    refused = RefusedCalls(clock)
    lines = sum(refused.has_line(f"caller-{number}", "ACCESS_DENIED") for number in range(5000))
    counted = refused.folded()
    assert lines + sum(line["refused"]["ACCESS_DENIED"] for line in counted) == 5000
    assert [line["identity"] for line in counted] == ["others"]
    clock.now = 60.0
    refused.folded()
    assert refused.has_line("somebody new", "ACCESS_DENIED")

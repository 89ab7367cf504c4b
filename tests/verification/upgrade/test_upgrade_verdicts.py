"""What the program of upgrades finds wrong: each verdict, with a course that has deserved it."""

from dataclasses import replace

import pytest
from verification.upgrade.course import FORMER, PRESENT, Course
from verification.upgrade.reader import Read, problems, shown
from verification.upgrade.rows import KEPT, Stay, mark
from verification.upgrade.writer import Ledger

LEDGER = Ledger(
    Stay(writer=1, venue_id=10, patient_id=20),
    sent=[float(number) for number in range(1, 31)],
    done=[number + 0.5 for number in range(1, 30)],
)
"""Thirty transactions, one a second; the last is under way."""


def venues(last: int, start: float, end: float) -> Read:
    """Return a read that shows all transactions until one, as far as they are kept."""
    marks = " ".join(mark(1, number) for number in range(max(1, last - KEPT + 1), last + 1))
    return Read("venues", start, end, "id", shown(marks.encode()), "")


@pytest.mark.parametrize("last", [28, 29, 30])
def test_an_answer_may_have_what_was_committed_before_it_and_whatever_has_begun(last: int) -> None:
    assert problems(venues(last, 29.5, 31), [LEDGER]) == []


def test_an_answer_that_lacks_a_commit_is_stale() -> None:
    (problem,) = problems(venues(28, 29.6, 31), [LEDGER])
    assert problem.startswith("stale")


def test_an_answer_that_has_what_nobody_has_begun_is_wrong() -> None:
    (problem,) = problems(venues(30, 29.1, 29.9), [LEDGER])
    assert problem.startswith("wrong")


@pytest.mark.parametrize("missing", [11, 25])
def test_an_answer_without_what_should_still_be_there_is_wrong(missing: int) -> None:
    whole = venues(30, 30, 31)
    (problem,) = problems(replace(whole, shown={1: whole.shown[1] - {missing}}), [LEDGER])
    assert problem.startswith("wrong")


def test_an_answer_that_has_kept_what_was_deleted_is_wrong() -> None:
    whole = venues(30, 30, 31)
    (problem,) = problems(replace(whole, shown={1: whole.shown[1] | {30 - KEPT}}), [LEDGER])
    assert problem.startswith("wrong")
    (problem,) = problems(replace(whole, dataset="patients"), [LEDGER])
    assert problem.startswith("wrong")


def test_an_answer_with_nothing_is_stale() -> None:
    found = problems(Read("patients", 30, 31, "id", {}, ""), [LEDGER])
    assert [problem.partition(":")[0] for problem in found] == ["stale"]


def good() -> Course:
    """Return a course in which nothing is wrong."""
    reads = [
        replace(venues(number, number + 0.6, number + 0.7), request_id=f"{number}") for number in (5, 20)
    ]
    return Course(
        ledgers=[LEDGER],
        reads=reads,
        releases={"5": FORMER, "20": PRESENT},
        down=(10.0, 12.0),
        compared=36,
    )


def test_a_course_needs_answers_of_both_releases_and_a_comparison() -> None:
    assert good().wrong == []
    assert good().answered == {FORMER: 1, PRESENT: 1}
    assert replace(good(), releases={"5": FORMER, "20": FORMER}).wrong == ["no read came from T"]
    assert replace(good(), releases={"20": PRESENT, "5": PRESENT}).wrong == ["no read came from F"]
    assert "1 answers are in no server's log" in replace(good(), releases={"5": FORMER}).wrong
    assert replace(good(), compared=0).wrong == ["nothing was compared"]
    assert len(replace(good(), different=["structure of EJ 1, ndjson"]).wrong) == 1


@pytest.mark.parametrize(
    ("start", "end", "failure", "excused"),
    [
        (9.0, 10.1, "FAILED_PRECONDITION SCHEMA_MISMATCH", True),
        (11.9, 13.0, "UNAVAILABLE backend unhealthy", True),
        (8.0, 9.9, "UNAVAILABLE backend unhealthy", False),
        (12.1, 13.0, "UNAVAILABLE backend unhealthy", False),
        (10.5, 11.0, "INTERNAL INTERNAL", False),
    ],
)
def test_a_read_may_fail_when_there_are_no_exports_and_then_only(
    start: float, end: float, failure: str, *, excused: bool
) -> None:
    course = good()
    course.reads = [*course.reads, Read("venues", start, end, "id", {}, failure)]
    assert (course.wrong == []) == excused
    course.down = None
    assert len(course.wrong) == 1

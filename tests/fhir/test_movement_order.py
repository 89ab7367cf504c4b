"""Movements of one instant are ordered by what they are, never by how they came."""

from itertools import permutations
from random import Random

import pytest
from fhir.samples import movements
from fhirexport_server.domain import codes
from fhirexport_server.domain.rows import MovementRow
from fhirexport_server.pam import movement_order
from hypothesis import given
from hypothesis import strategies as st

(TEMPLATE,) = movements("08:00 A01")


def _events(*lines: str) -> list[str]:
    """The events of movements in their order, whatever order they come in: it is always the same."""
    rows = movements(*lines)
    found = {
        tuple(row.trigger_event for row in movement_order.sort(permuted))
        for permuted in (permutations(rows) if len(rows) < 6 else [rows, rows[::-1]])
    }
    assert len(found) == 1
    return list(found.pop())


def test_what_happens_at_one_instant_stands_in_the_order_in_which_it_can_happen() -> None:
    assert _events("08:00 A03", "08:00 A02", "08:00 A01", "08:00 A05") == ["A05", "A01", "A02", "A03"]
    everything = [f"08:00 {event}" for event in codes.TRIGGER_EVENT]
    assert _events(*everything) == "A05 A14 A01 A04 A06 A07 A02 A54 A15 A16 A21 A22 A03".split()


def test_time_comes_first() -> None:
    assert _events("08:00 A01", "09:00 A03", "08:30 A22", "08:20 A21") == ["A01", "A21", "A22", "A03"]


def test_a_return_ends_the_leave_before_anything_else_happens() -> None:
    assert _events("08:00 A01", "09:00 A21", "10:00 A02", "10:00 A22") == ["A01", "A21", "A22", "A02"]
    assert _events("08:00 A01", "09:00 A21", "10:00 A21", "10:00 A22") == ["A01", "A21", "A22", "A21"]
    # Who is there leaves first.
    assert _events("08:00 A01", "09:00 A22", "09:00 A21", "09:00 A02") == ["A01", "A02", "A21", "A22"]


def test_of_one_kind_the_numbers_decide_the_shorter_first() -> None:
    rows = [
        TEMPLATE._replace(id=id_, trigger_event="A02", movement_no=number)
        for id_, number in ((1, "M10"), (2, "M9"), (3, "m9"), (4, "É9"))
    ]

    for permuted in permutations(rows):
        assert [row.movement_no for row in movement_order.sort(permuted)] == ["M9", "m9", "É9", "M10"]


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from([*codes.TRIGGER_EVENT, "A99"])), unique=True, max_size=12
    ),
    st.randoms(use_true_random=False),
)
def test_any_order_of_arrival_gives_the_same(drawn: list[tuple[int, str]], random: Random) -> None:
    rows: list[MovementRow] = [
        TEMPLATE._replace(id=index, movement_no=f"M{index}", started_at=at, trigger_event=event)
        for index, (at, event) in enumerate(drawn)
    ]
    permuted = random.sample(rows, len(rows))

    expected = movement_order.sort(rows)

    assert movement_order.sort(permuted) == expected
    assert sorted(expected) == sorted(rows)
    assert [row.started_at for row in expected] == sorted(row.started_at for row in rows)
    # What is in its order stays as it is.
    assert movement_order.in_order(expected) == expected


@pytest.mark.parametrize("lines", [[], ["08:00 A01"], ["08:00 A01", "09:00 A02"]])
def test_different_instants_cost_nothing(lines: list[str]) -> None:
    rows = movements(*lines)

    assert movement_order.in_order(rows) is rows

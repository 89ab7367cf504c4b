"""Derived movements fold to what they were derived from."""

from collections.abc import Sequence

import pytest
from fhir.histories import VENUES, histories
from fhir.samples import BED, BED_2, ROOM, UH, VENUE, movements
from fhirexport_server.domain.rows import MovementRow, VenueRow
from fhirexport_server.pam import derivation, movement_order
from fhirexport_server.pam.derivation import Event, derive
from fhirexport_server.pam.fold import Stay, fold
from hypothesis import example, given
from support.examples import examples

KINDS = {UH: "UH", ROOM: "ROOM", BED: "BED", BED_2: "BED"}
CLASS = {"EMER": "E", "IMP": "I", "AMB": "O", "VR": "V"}
LATER = 10**10


def _rows(events: Sequence[Event]) -> list[MovementRow]:
    return [derivation.row(event, VENUE, index, index, KINDS) for index, event in enumerate(events, start=1)]


def _again(venue: VenueRow, stay: Stay) -> tuple[Stay, list[MovementRow]]:
    rows = _rows(derive(stay, LATER))
    venue = venue._replace(activity_type=stay.activity_type)
    if not rows:
        venue = venue._replace(patient_class=CLASS[stay.class_code])
    return fold(venue, rows), rows


@examples(300)
@given(VENUES, histories())
@example(VENUE, movements("08:00 A01 bed", "09:00 A21 bed", "10:00 A54 class:O"))
@example(VENUE, movements("08:00 A21 bed"))
@example(VENUE, movements("08:00 A03 bed"))
@example(VENUE, movements("08:00 A01 bed", "09:00 A02", "09:00 A15 bed", "09:00 A21"))
@example(VENUE, movements("08:00 A01 bed", "09:00 A21", "10:00 A02", "10:00 A22", "11:00 A15 bed2"))
def test_what_is_derived_folds_to_the_same(venue: VenueRow, rows: list[MovementRow]) -> None:
    stay = fold(venue, movement_order.sort(rows))

    again, derived = _again(venue, stay)

    assert again == stay
    # They are in their order already, and deriving them again gives the same.
    assert movement_order.sort(derived[::-1]) == derived
    assert _again(venue, again) == (again, derived)


def test_a_stay_is_told_by_few_events() -> None:
    rows = movements(
        "07:00 A05",
        "08:00 A04 class:E",
        "09:00 A06 bed class:I uf:3 doctor:X",
        "10:00 A02 bed2",
        "11:00 A21",
        "12:00 A22",
        "13:00 A03",
    )

    events = derive(fold(VENUE, rows), 0)

    assert [event.trigger for event in events] == ["A05", "A04", "A06", "A02", "A21", "A22", "A03"]
    assert [event.at for event in events] == [row.started_at for row in rows]


def test_nothing_is_derived_of_a_cancelled_stay() -> None:
    assert derive(fold(VENUE, []), 0) == []


def test_what_is_expected_was_announced_by_then() -> None:
    planned = fold(VENUE, movements("08:00 A05 bed"))
    moving = fold(VENUE, movements("08:00 A01 bed", "09:00 A15 bed2"))

    assert [(event.at, event.trigger, event.place) for event in derive(planned, 77)] == [(77, "A05", BED)]
    assert derive(moving, LATER)[-1][:2] == (LATER, "A15")
    # Never before what has happened.
    assert derive(moving, 0)[-1].at == moving.places[-1].start


@pytest.mark.parametrize("venue_no", ["V1", "x" * 48, "x" * 49, "V1-1", "é" * 64])
def test_a_derived_number_fits_and_is_recognized(venue_no: str) -> None:
    numbers = [derivation.number(venue_no, position) for position in (1, 10, 9999)]

    assert all(len(one) <= 64 for one in numbers)
    assert all(derivation.is_derived_number(one, venue_no) for one in numbers)
    assert not any(derivation.is_derived_number(one, "V2") for one in numbers)
    for other in ("M1", f"{numbers[0]}x", derivation.number(venue_no, 0), numbers[0][:-1]):
        assert not derivation.is_derived_number(other, venue_no)

"""Whatever the movements, what they amount to is valid FHIR, and what a plain reading of them says."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

import msgspec
from fhir.histories import HOUR, LAST_TIME, VENUES, histories
from fhir.samples import CONTEXT, VENUE
from fhirexport_server.domain.rows import MovementRow, VenueRow
from fhirexport_server.fhir.rendering import venues
from fhirexport_server.pam.fold import fold
from fhirexport_server.pam.situations import situations
from fhirexport_server.pam.track import Span
from hypothesis import given

ANNOUNCEMENTS = ("A05", "A14", "A15", "A16")
ELSEWHERE = (*ANNOUNCEMENTS, "A54")


def _until_discharge(rows: Sequence[MovementRow]) -> list[MovementRow]:
    """The movements that count: up to the last discharge, without those before it."""
    discharges = [index for index, row in enumerate(rows) if row.trigger_event == "A03"]
    if not discharges:
        return list(rows)
    last = discharges[-1]
    return [
        row
        for index, row in enumerate(rows)
        if index == last or (index < last and row.trigger_event != "A03")
    ]


@given(histories())
def test_the_status_is_what_a_plain_reading_says(rows: list[MovementRow]) -> None:
    presence = [row.trigger_event for row in _until_discharge(rows) if row.trigger_event not in ELSEWHERE]
    if not rows:
        expected = "cancelled"
    elif not presence:
        expected = "planned"
    else:
        expected = {"A03": "finished", "A21": "onleave"}.get(presence[-1], "in-progress")

    assert fold(VENUE, rows).status == expected


@given(histories())
def test_the_place_at_any_time_is_what_a_plain_reading_says(rows: list[MovementRow]) -> None:
    stay = fold(VENUE, rows)

    for moment in range(HOUR // 2, (LAST_TIME + 1) * HOUR, HOUR):
        place = where = None
        before = [row for row in _until_discharge(rows) if row.started_at <= moment]
        for number, row in enumerate(row for row in before if row.trigger_event not in ELSEWHERE):
            named = row.bed_id or row.room_id or row.uh_id
            moves = row.nature is None or bool({"H", "L"} & set(row.nature))
            if row.trigger_event in ("A01", "A04") or number == 0:
                place = named
            elif row.trigger_event in ("A02", "A06", "A07"):
                place = named if moves else place
            elif row.trigger_event == "A22":
                place = named or place
            where = None if row.trigger_event in ("A21", "A03") else place
        assert [p for p, start, end in stay.places if start <= moment and (end is None or moment < end)] == (
            [] if where is None else [where]
        )


def _are_apart(spans: Sequence[Span[Any]]) -> bool:
    return all(
        one.end is not None and one.end <= other.start and (one.end < other.start or one.value != other.value)
        for one, other in pairwise(spans)
    )


@given(VENUES, histories())
def test_the_histories_are_in_order_and_without_gaps(venue: VenueRow, rows: list[MovementRow]) -> None:
    stay = fold(venue, rows)
    came = stay.start if stay.status in ("in-progress", "onleave", "finished") else None

    for history in (stay.status_history, stay.class_history):
        assert _are_apart(history)
        assert all(one.end == other.start for one, other in pairwise(history))
        assert all(end is not None and start < end for _, start, end in history)
    if stay.status_history:
        assert stay.status_history[-1].value != stay.status
    if stay.class_history:
        assert stay.class_history[0].start == came
    assert (stay.end is not None) == (stay.status == "finished")
    if stay.status == "finished" and stay.start != stay.end:
        assert stay.status_history[-1].end == stay.end


@given(VENUES, histories())
def test_the_places_are_in_order_and_within_the_stay(venue: VenueRow, rows: list[MovementRow]) -> None:
    stay = fold(venue, rows)

    assert _are_apart(stay.places)
    assert [span.end for span in stay.places if span.end is None] == (
        [None] if stay.status == "in-progress" and stay.places and stay.places[-1].end is None else []
    )
    for _, start, end in stay.places:
        assert stay.start is not None
        assert stay.start <= start
        assert end is None or start < end or stay.start == stay.end
        assert stay.end is None or (end is not None and end <= stay.end)
    assert stay.reserved is None or stay.status == "onleave"


@given(histories())
def test_only_what_happens_up_to_the_discharge_counts(rows: list[MovementRow]) -> None:
    counting = _until_discharge(rows)

    assert fold(VENUE, rows) == fold(VENUE, counting)
    assert fold(VENUE, counting) == fold(VENUE, counting)


@given(histories())
def test_the_situations_that_take_effect_follow_each_other_without_gaps(rows: list[MovementRow]) -> None:
    found = list(situations(VENUE, rows))
    effective = [s for s in found if s.movement.trigger_event not in ANNOUNCEMENTS]
    stay = fold(VENUE, rows)

    assert [s.movement for s in found] == rows
    for one, other in pairwise(effective):
        ends_by_itself = one.movement.trigger_event == "A03"
        assert one.end == (one.movement.started_at if ends_by_itself else other.movement.started_at)
    if effective and stay.status in ("in-progress", "onleave"):
        assert (effective[-1].status, effective[-1].end) == (stay.status, None)
    if stay.status == "finished":
        assert {s.status for s in effective} <= {"finished", "planned"}


def _check(value: object) -> None:
    """Refuses what FHIR refuses anywhere: what is empty, and a period that ends before it starts."""
    assert value not in (None, "", [], {})
    if isinstance(value, dict):
        if "start" in value and "end" in value:
            assert datetime.fromisoformat(value["start"]) <= datetime.fromisoformat(value["end"])
        for inner in value.values():
            _check(inner)
    if isinstance(value, list):
        for inner in value:
            _check(inner)


@given(VENUES, histories())
def test_the_encounters_hold_nothing_empty_and_no_period_backwards(
    venue: VenueRow, rows: list[MovementRow]
) -> None:
    resources = [venues.venue(venue, rows, CONTEXT), *venues.movements(venue, rows, CONTEXT)]

    for resource in resources:
        encounter = msgspec.json.decode(resource.json)
        _check(encounter)
        assert "period" in encounter
    assert resources == [venues.venue(venue, rows, CONTEXT), *venues.movements(venue, rows, CONTEXT)]

"""Whatever a summary says, what is derived of it is valid, and its status, class and period are as sent."""

import pytest
from fhir.samples import BED, BED_2, ROOM, UH, VENUE
from fhir_reading.changes import READER, valid
from fhirexport_server.domain.rows import MovementRow
from fhirexport_server.fhir.reading.bundles.bundle import line
from fhirexport_server.fhir.reading.datatypes.dates.times import Interval
from fhirexport_server.fhir.reading.datatypes.own_ids import OwnId
from fhirexport_server.fhir.reading.datatypes.references import Ref
from fhirexport_server.fhir.reading.json.problems import Problems
from fhirexport_server.fhir.reading.resources.dispatch import draft
from fhirexport_server.fhir.reading.resources.drafts import Stop, Summary, VenueDraft
from fhirexport_server.fhir.reading.together.outlines import Unclear, outline
from fhirexport_server.pam import derivation, movement_order
from fhirexport_server.pam.fold import Stay, fold
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json
from support.examples import examples

KINDS = {UH: "UH", ROOM: "ROOM", BED: "BED", BED_2: "BED"}
CLASSES = ("AMB", "EMER", "IMP", "VR")
STATUSES = ("planned", "in-progress", "onleave", "finished", "cancelled", "unknown", "entered-in-error")
HOUR = 3600


def _find(ref: Ref) -> int | None:
    return None if ref.own is None or ref.own.number not in KINDS else ref.own.number


def _draft() -> VenueDraft:
    problems = Problems()
    entry = line(json.encode(valid()["venue"]), 0, READER, problems)
    assert entry is not None
    found = draft(entry, READER, problems)
    assert isinstance(found, VenueDraft)
    return found


DRAFT = _draft()


@st.composite
def spans(draw: st.DrawFn) -> Interval:
    """A period, of which either end may be unknown."""
    instant = st.none() | st.integers(-2, 9).map(lambda hour: hour * HOUR)
    start, end = draw(instant), draw(instant)
    return Interval(start, end) if start is None or end is None or start <= end else Interval(end, start)


STOPS = st.builds(
    Stop,
    place=st.sampled_from([*KINDS, 77]).map(
        lambda place: Ref("Location", OwnId(KINDS.get(place, "BED"), place), None, None, "location")
    ),
    level=st.none(),
    status=st.sampled_from([None, "planned", "active", "reserved", "completed"]),
    during=spans(),
)
SUMMARIES = st.builds(
    Summary,
    status=st.sampled_from(STATUSES[:6]),
    class_code=st.sampled_from(CLASSES),
    period=spans(),
    status_history=st.lists(st.tuples(st.sampled_from(STATUSES), spans()), max_size=5).map(tuple),
    class_history=st.lists(st.tuples(st.sampled_from(CLASSES), spans()), max_size=4).map(tuple),
    places=st.lists(STOPS, max_size=5).map(tuple),
    responsible=st.none(),
    attending=st.sampled_from([None, (None, "X")]),
)


def _rows(stay: Stay) -> list[MovementRow]:
    events = derivation.derive(stay, 12 * HOUR)
    return [derivation.row(event, VENUE, index, index, KINDS) for index, event in enumerate(events, start=1)]


def _told(stay: Stay) -> Stay:
    return stay._replace(activity_type=None, expected=None)


@given(SUMMARIES)
@examples(500)
@pytest.mark.long
def test_what_is_derived_says_what_was_sent_or_the_stay_is_refused(said: Summary) -> None:
    stay = outline(DRAFT._replace(summary=said), _find, KINDS)

    if isinstance(stay, Unclear):
        assert said.status in {"unknown", "in-progress", "onleave", "finished"}
        return
    rows = _rows(stay)
    shown = fold(VENUE._replace(expected_admit_at=said.period.start), movement_order.sort(rows))
    assert movement_order.sort(rows) == rows
    assert shown.status == said.status
    if rows:
        assert (shown.class_code, shown.attending) == (said.class_code, said.attending)
    if said.period.start is not None:
        assert shown.start == said.period.start
    if said.status == "finished" and said.period.end is not None:
        assert shown.end == said.period.end
    # Nothing that was not sent: every place is one of the summary's.
    sent = {_find(stop.place) for stop in said.places}
    assert {span.value for span in shown.places} | {shown.expected} - {None} <= sent | {None}
    # The outline is what is shown, but for a place that the patient is expected at and is at.
    if rows:
        assert _told(stay) == _told(shown)


@pytest.mark.parametrize("count", [3000])
def test_a_long_history_takes_no_long_time(count: int) -> None:
    """Many places at once are as many steps, not their square."""
    stops = tuple(
        Stop(
            Ref("Location", OwnId("BED", BED + index % 2), None, None, ""), None, None, Interval(index, 10**6)
        )
        for index in range(count)
    )
    said = Summary("in-progress", "IMP", Interval(0), (), (), stops, None, None)

    stay = outline(DRAFT._replace(summary=said), _find, KINDS)

    assert isinstance(stay, Stay)
    assert len(stay.places) <= count + 1

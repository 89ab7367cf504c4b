"""Owns comparing what Encounters tell with what the movements amount to, by the renderer's own folding."""

from collections.abc import Sequence
from typing import Final

from fhirexport_server.domain.rows import MovementRow, VenueRow
from fhirexport_server.fhir.fold import Stay, fold
from fhirexport_server.fhir.reading.drafts import MovementDraft, Source, Stop, VenueDraft
from fhirexport_server.fhir.reading.problems import Problems, Severity
from fhirexport_server.fhir.reading.references import Ref
from fhirexport_server.fhir.reading.times import Span
from fhirexport_server.fhir.situations import Situation, situations

_FOLLOWS: Final = (
    "is not kept: it follows from the movements, which say otherwise or are missing; send every movement as"
    " an Encounter that is partOf this one"
)
_FOLLOWS_ITSELF: Final = "is not kept: it follows from the venue's movements, which say otherwise"
_LOCATION_STATUS: Final = {"in-progress": "active", "onleave": "reserved", "finished": "completed"}
_ANNOUNCED: Final = ("planned", "reserved")


class _Names(dict[object, int]):
    """A number for each thing that references name, so that rows can be made of them."""

    def of(self, ref: Ref | None) -> int | None:
        """The number of what a reference names, from 1."""
        if ref is None:
            return None
        return self.setdefault(ref.target, len(self) + 1)


def compare(venue: VenueDraft, movements: Sequence[MovementDraft], problems: Problems) -> str | None:
    """Reports what a venue and its movements tell that does not follow from the movements.

    Args:
        venue: the venue, with its own class, and with the activity that it shows.
        movements: its active movements, in their order, with their own classes.
        problems: where it is reported.

    Returns:
        The activity that the movements say, None when none of them does.
    """
    names = _Names()
    row = _venue_row(venue)
    rows = [_movement_row(number, one, names) for number, one in enumerate(movements)]
    for situation, one in zip(situations(row, rows), movements, strict=True):
        for name in _told_otherwise(one, situation):
            _report(one.source, name, _FOLLOWS_ITSELF, problems)
    stay = fold(row, rows)
    for name in _summed_up_otherwise(venue, stay, names):
        _report(venue.source, name, _FOLLOWS, problems)
    return stay.activity_type


def _report(source: Source, name: str, text: str, problems: Problems) -> None:
    problems.tell(Severity.WARNING, source.entry, f"{source.path}.{name}", text)


def _told_otherwise(one: MovementDraft, situation: Situation) -> list[str]:
    told = one.situation
    found = []
    if told.status != situation.status:
        found.append("status")
    if told.end != situation.end:
        found.append("period.end")
    status = _LOCATION_STATUS.get(situation.status)
    during = Span() if status is None else Span(one.started_at, situation.end)
    for index, stop in enumerate(told.places):
        if stop.during != during:
            found.append(f"location[{index}].period")
        if stop.status != status and (status is not None or stop.status not in _ANNOUNCED):
            found.append(f"location[{index}].status")
    return found


def _summed_up_otherwise(venue: VenueDraft, stay: Stay, names: _Names) -> list[str]:
    told = venue.summary
    found = [
        name
        for name, said, amounts_to in (
            ("status", told.status, stay.status),
            ("class", told.class_code, stay.class_code),
            ("period", told.period, (stay.start, stay.end)),
            ("statusHistory", told.status_history, tuple((s, Span(a, b)) for s, a, b in stay.status_history)),
            ("classHistory", told.class_history, tuple((c, Span(a, b)) for c, a, b in stay.class_history)),
            ("serviceProvider", names.of(told.responsible), stay.responsible),
            ("participant", told.attending, stay.attending),
            ("type", venue.activity_type, stay.activity_type or venue.activity_type),
        )
        if said != amounts_to
    ]
    if not _same_places(told.places, stay, names):
        found.append("location")
    return found


def _same_places(told: Sequence[Stop], stay: Stay, names: _Names) -> bool:
    expected: list[tuple[int, Sequence[str], Span]] = [
        (place, ("active" if end is None else "completed",), Span(start, end))
        for place, start, end in stay.places
    ]
    if stay.reserved is not None:
        place, start, end = stay.reserved
        expected.append((place, ("reserved",), Span(start, end)))
    if stay.expected is not None:
        expected.append((stay.expected, _ANNOUNCED, Span()))
    return len(told) == len(expected) and all(
        names.of(stop.place) == place and stop.status in statuses and stop.during == during
        for stop, (place, statuses, during) in zip(told, expected, strict=True)
    )


def _venue_row(venue: VenueDraft) -> VenueRow:
    return VenueRow(
        id=0,
        patient_id=0,
        venue_no="",
        nda=None,
        preadmission_no=None,
        patient_class=venue.patient_class,
        admission_type=None,
        activity_type=None,
        service_discipline=None,
        admit_source=None,
        expected_admit_at=venue.expected_admit_at,
        expected_discharge_on=None,
        discharge_disposition=None,
        origin_finess=None,
        destination_finess=None,
    )


def _movement_row(number: int, one: MovementDraft, names: _Names) -> MovementRow:
    return MovementRow(
        venue_id=0,
        id=number,
        movement_no="",
        started_at=one.started_at,
        trigger_event=one.trigger_event,
        nature=one.nature,
        patient_class=one.patient_class,
        activity_type=one.activity_type,
        uf_heb_id=None,
        uf_med_id=names.of(one.uf_med),
        uf_care_id=None,
        uh_id=names.of(one.uh),
        room_id=names.of(one.room),
        bed_id=names.of(one.bed),
        attending_rpps=one.attending_rpps,
        attending_name=one.attending_name,
        expected_return_at=one.expected_return_at,
    )

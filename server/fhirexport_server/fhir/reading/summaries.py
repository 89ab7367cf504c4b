"""Owns comparing what Encounters tell with what the movements amount to, by the renderer's own folding."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from fhirexport_server.domain.rows import MovementRow, VenueRow
from fhirexport_server.fhir.fold import Stay, fold
from fhirexport_server.fhir.reading.drafts import MovementDraft, Source, Stop, VenueDraft
from fhirexport_server.fhir.reading.problems import Problems, Severity
from fhirexport_server.fhir.reading.references import Ref
from fhirexport_server.fhir.reading.times import Span
from fhirexport_server.fhir.situations import Situation, situations

Find = Callable[[Ref], int | None]
"""Says which unit or place a reference names; None for none."""
_FOLLOWS: Final = (
    "is not kept: it follows from the movements, which say otherwise or are missing; send every movement as"
    " an Encounter that is partOf this one"
)
_FOLLOWS_ITSELF: Final = "is not kept: it follows from the venue's movements, which say otherwise"
_LOCATION_STATUS: Final = {"in-progress": "active", "onleave": "reserved", "finished": "completed"}
_ANNOUNCED: Final = ("planned", "reserved")


class Told(NamedTuple):
    """A movement of a stay: of the import, or one that was there before."""

    row: MovementRow
    """As it is to be written, but with the class that it shows."""
    active: bool
    """Whether it is not cancelled."""
    draft: MovementDraft | None
    """None for one that was there before and is not in the import."""


def compare(
    venue: VenueRow, draft: VenueDraft | None, movements: Sequence[Told], find: Find, problems: Problems
) -> str | None:
    """Reports what a venue and its movements tell that does not follow from the movements.

    Args:
        venue: the venue, with its own class, and with the activity that it shows.
        draft: what the import says of it; None when it says nothing.
        movements: its active movements, in their order, with their own classes.
        find: says which row a reference names.
        problems: where it is reported.

    Returns:
        The activity that the movements say, None when none of them does.
    """
    rows = [one.row for one in movements]
    for situation, one in zip(situations(venue, rows), movements, strict=True):
        if one.draft is not None:
            for name in _told_otherwise(one.draft, situation):
                _report(one.draft.source, name, _FOLLOWS_ITSELF, problems)
    stay = fold(venue._replace(activity_type=None), rows)
    if draft is not None:
        for name in _summed_up_otherwise(draft, stay, find):
            _report(draft.source, name, _FOLLOWS, problems)
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


def _summed_up_otherwise(venue: VenueDraft, stay: Stay, find: Find) -> list[str]:
    told = venue.summary
    found = [
        name
        for name, said, amounts_to in (
            ("status", told.status, stay.status),
            ("class", told.class_code, stay.class_code),
            ("period", told.period, (stay.start, stay.end)),
            ("statusHistory", told.status_history, tuple((s, Span(a, b)) for s, a, b in stay.status_history)),
            ("classHistory", told.class_history, tuple((c, Span(a, b)) for c, a, b in stay.class_history)),
            ("serviceProvider", told.responsible and find(told.responsible), stay.responsible),
            ("participant", told.attending, stay.attending),
            ("type", venue.activity_type, stay.activity_type or venue.activity_type),
        )
        if said != amounts_to
    ]
    if not _same_places(told.places, stay, find):
        found.append("location")
    return found


def _same_places(told: Sequence[Stop], stay: Stay, find: Find) -> bool:
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
        find(stop.place) == place and stop.status in statuses and stop.during == during
        for stop, (place, statuses, during) in zip(told, expected, strict=True)
    )

"""Owns comparing what Encounters tell with what the movements amount to, by the renderer's own folding."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from fhirexport_server.domain.rows import MovementRow, VenueRow
from fhirexport_server.fhir.reading.datatypes.dates.times import Interval
from fhirexport_server.fhir.reading.datatypes.references import Ref
from fhirexport_server.fhir.reading.json.problems import Problems, Severity
from fhirexport_server.fhir.reading.resources.drafts import DraftOrigin, MovementDraft, Stop, VenueDraft
from fhirexport_server.fhir.venue_codes import LOCATION_STATUS
from fhirexport_server.pam.fold import Stay, fold
from fhirexport_server.pam.situations import Situation, situations

Find = Callable[[Ref], int | None]
"""Says which unit or place a reference names; None for none."""
_FOLLOWS: Final = (
    "is not kept: it follows from the movements, which say otherwise or are missing; send every movement as"
    " an Encounter that is partOf this one"
)
_DERIVED: Final = {
    "status": "is shown as {status}",
    "class": "is shown as {class_code}",
    "period": "is shown {ends}",
    "statusHistory": "is shown in order, without gaps, and within the stay",
    "classHistory": "is shown in order, without gaps, and within the stay",
    "location": ("is shown as one place at a time, the most precise, from one change to the next"),
}
_NOT_THERE: Final = (
    "is not kept: it names no {kind} of this legal entity that is there or is imported as well"
)
_FOLLOWS_ITSELF: Final = "is not kept: it follows from the venue's movements, which say otherwise"
_SILENT: Final = Interval()
"""A period that is not there."""
_ANNOUNCED: Final = ("planned", "reserved")


class StayMovement(NamedTuple):
    """A movement of a stay: of the import, or one that was there before."""

    row: MovementRow
    """As it is to be written, but with the class that it shows."""
    active: bool
    """Whether it is not cancelled."""
    draft: MovementDraft | None
    """None for one that is not in the import itself."""
    derived: bool = False
    """Whether it was derived of the venue's summary."""


def compare(
    venue: VenueRow,
    draft: VenueDraft | None,
    movements: Sequence[StayMovement],
    find: Find,
    problems: Problems,
) -> str | None:
    """Report what a venue and its movements tell that does not follow from the movements.

    Args:
        venue: The venue, with its own class, and with the activity that it shows.
        draft: What the import says of it; None when it says nothing.
        movements: Its active movements, in their order, with their own classes.
        find: Says which row a reference names.
        problems: Where it is reported.

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
        _report_unknown(draft, find, problems)
        derived = any(one.derived for one in movements)
        ends = "without its end: only a finished stay has one" if stay.end is None else "as the rest says"
        for name in _summed_up_otherwise(draft, stay, find):
            text = _FOLLOWS
            if derived and name in _DERIVED:
                text = _DERIVED[name].format(status=stay.status, class_code=stay.class_code, ends=ends)
            _report(draft.source, name, text, problems)
    return stay.activity_type


def _report_unknown(draft: VenueDraft, find: Find, problems: Problems) -> None:
    """Report what names nothing: it is optional, so that the rest is kept."""
    said = draft.summary
    if said.responsible is not None and find(said.responsible) is None:
        _report(draft.source, said.responsible.at, _NOT_THERE.format(kind="unit"), problems)
    for stop in said.places:
        if find(stop.place) is None:
            _report(draft.source, stop.place.at, _NOT_THERE.format(kind="place"), problems)


def _report(source: DraftOrigin, name: str, text: str, problems: Problems) -> None:
    problems.tell(Severity.WARNING, source.entry, f"{source.path}.{name}", text)


def _told_otherwise(one: MovementDraft, situation: Situation) -> list[str]:
    told = one.situation
    found = []
    if told.status != situation.status:
        found.append("status")
    if told.end not in {None, situation.end}:
        found.append("period.end")
    status = LOCATION_STATUS.get(situation.status)
    during = Interval() if status is None else Interval(one.started_at, situation.end)
    for index, stop in enumerate(told.places):
        if stop.during not in {_SILENT, during}:
            found.append(f"location[{index}].period")
        if stop.status not in {None, status} and (status is not None or stop.status not in _ANNOUNCED):
            found.append(f"location[{index}].status")
    return found


def _summed_up_otherwise(venue: VenueDraft, stay: Stay, find: Find) -> list[str]:
    told = venue.summary
    responsible = None if told.responsible is None else find(told.responsible)
    if responsible is None:
        # It says nothing, or names nothing, which was reported.
        responsible = stay.responsible
    statuses = [(value, Interval(start, end)) for value, start, end in stay.status_history]
    classes = [(value, Interval(start, end)) for value, start, end in stay.class_history]
    found = [
        name
        for name, said, amounts_to in (
            ("status", told.status, stay.status),
            ("class", told.class_code, stay.class_code),
            ("period", told.period, _as_far_as(told.period, stay)),
            ("statusHistory", *_pasts(told.status_history, told.status, statuses, stay.status)),
            ("classHistory", *_pasts(told.class_history, told.class_code, classes, stay.class_code)),
            ("serviceProvider", responsible, stay.responsible),
            ("participant", told.attending or stay.attending, stay.attending),
            ("type", venue.activity_type, stay.activity_type or venue.activity_type),
        )
        if said != amounts_to
    ]
    if told.places and not _same_places(told.places, stay, find):
        found.append("location")
    return found


def _as_far_as(told: Interval, stay: Stay) -> tuple[int | None, int | None]:
    """When a stay was, without what is not told of it: what is not said is not said otherwise."""
    return None if told.start is None else stay.start, None if told.end is None else stay.end


def _pasts(
    told: Sequence[tuple[str, Interval]], told_now: str, shown: Sequence[tuple[str, Interval]], shown_now: str
) -> tuple[list[tuple[str, Interval]], list[tuple[str, Interval]]]:
    """Two histories, to be compared: without what still holds, which some senders put at the end.

    A history that is not there says nothing, so nothing is said otherwise.
    """
    if not told:
        return [], []
    return _past(told, told_now), _past(shown, shown_now)


def _past(history: Sequence[tuple[str, Interval]], now: str) -> list[tuple[str, Interval]]:
    return list(history[:-1] if history and history[-1][0] == now else history)


def _same_places(told: Sequence[Stop], stay: Stay, find: Find) -> bool:
    expected: list[tuple[int, Sequence[str], Interval]] = [
        (place, ("active" if end is None else "completed",), Interval(start, end))
        for place, start, end in stay.places
    ]
    if stay.reserved is not None:
        place, start, end = stay.reserved
        expected.append((place, ("reserved",), Interval(start, end)))
    if stay.expected is not None:
        expected.append((stay.expected, _ANNOUNCED, Interval()))
    known = [(stop, find(stop.place)) for stop in told]
    known = [(stop, named) for stop, named in known if named is not None]
    return len(known) == len(expected) and all(
        named == place and stop.status in {None, *statuses} and stop.during == during
        for (stop, named), (place, statuses, during) in zip(known, expected, strict=True)
    )

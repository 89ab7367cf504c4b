"""Compares what Encounters say with what their movements amount to, as the renderer folds them."""

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
"""Finds the unit or place that a reference names; None if there is none."""
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
"""An absent period."""
_ANNOUNCED: Final = ("planned", "reserved")


class StayMovement(NamedTuple):
    """A movement of a stay, from the import or stored before."""

    row: MovementRow
    """The row to write, but with the class that the movement shows."""
    active: bool
    """False if it is cancelled."""
    draft: MovementDraft | None
    """None if it is not in the import."""
    derived: bool = False
    """Whether it was derived from the venue's summary."""


def compare(
    venue: VenueRow,
    draft: VenueDraft | None,
    movements: Sequence[StayMovement],
    find: Find,
    problems: Problems,
) -> str | None:
    """Report what a venue and its movements say that does not follow from the movements.

    Args:
        venue: The venue, with its own class, and with the activity that it shows.
        draft: The venue's draft, if it is in the import.
        movements: Its active movements, in their order, with their own classes.
        find: Finds the row that a reference names.
        problems: Where the differences are reported.

    Returns:
        The activity that the movements state; None if none of them does.
    """
    rows = [movement.row for movement in movements]
    for situation, movement in zip(situations(venue, rows), movements, strict=True):
        if movement.draft is not None:
            for name in _stated_differently(movement.draft, situation):
                _report(movement.draft.source, name, _FOLLOWS_ITSELF, problems)
    stay = fold(venue._replace(activity_type=None), rows)
    if draft is not None:
        _report_unknown(draft, find, problems)
        derived = any(movement.derived for movement in movements)
        ends = "without its end: only a finished stay has one" if stay.end is None else "as the rest says"
        for name in _summarized_differently(draft, stay, find):
            text = _FOLLOWS
            if derived and name in _DERIVED:
                text = _DERIVED[name].format(status=stay.status, class_code=stay.class_code, ends=ends)
            _report(draft.source, name, text, problems)
    return stay.activity_type


def _report_unknown(draft: VenueDraft, find: Find, problems: Problems) -> None:
    """Report references that name nothing: they are optional, so the rest is kept."""
    summary = draft.summary
    if summary.responsible is not None and find(summary.responsible) is None:
        _report(draft.source, summary.responsible.at, _NOT_THERE.format(kind="unit"), problems)
    for stop in summary.places:
        if find(stop.place) is None:
            _report(draft.source, stop.place.at, _NOT_THERE.format(kind="place"), problems)


def _report(source: DraftOrigin, name: str, text: str, problems: Problems) -> None:
    problems.report(Severity.WARNING, source.entry, f"{source.path}.{name}", text)


def _stated_differently(draft: MovementDraft, situation: Situation) -> list[str]:
    stated = draft.situation
    differences = []
    if stated.status != situation.status:
        differences.append("status")
    if stated.end not in {None, situation.end}:
        differences.append("period.end")
    status = LOCATION_STATUS.get(situation.status)
    during = Interval() if status is None else Interval(draft.started_at, situation.end)
    for index, stop in enumerate(stated.places):
        if stop.during not in {_SILENT, during}:
            differences.append(f"location[{index}].period")
        if stop.status not in {None, status} and (status is not None or stop.status not in _ANNOUNCED):
            differences.append(f"location[{index}].status")
    return differences


def _summarized_differently(venue: VenueDraft, stay: Stay, find: Find) -> list[str]:
    stated = venue.summary
    responsible = None if stated.responsible is None else find(stated.responsible)
    if responsible is None:
        # The reference is absent, or names nothing, which was reported.
        responsible = stay.responsible
    statuses = [(value, Interval(start, end)) for value, start, end in stay.status_history]
    classes = [(value, Interval(start, end)) for value, start, end in stay.class_history]
    differences = [
        name
        for name, stated_value, amounts_to in (
            ("status", stated.status, stay.status),
            ("class", stated.class_code, stay.class_code),
            ("period", stated.period, _as_far_as(stated.period, stay)),
            ("statusHistory", *_pasts(stated.status_history, stated.status, statuses, stay.status)),
            ("classHistory", *_pasts(stated.class_history, stated.class_code, classes, stay.class_code)),
            ("serviceProvider", responsible, stay.responsible),
            ("participant", stated.attending or stay.attending, stay.attending),
            ("type", venue.activity_type, stay.activity_type or venue.activity_type),
        )
        if stated_value != amounts_to
    ]
    if stated.places and not _same_places(stated.places, stay, find):
        differences.append("location")
    return differences


def _as_far_as(stated: Interval, stay: Stay) -> tuple[int | None, int | None]:
    """Return the period of a stay, without the ends that are not stated: those cannot differ."""
    return None if stated.start is None else stay.start, None if stated.end is None else stay.end


def _pasts(
    stated: Sequence[tuple[str, Interval]],
    stated_now: str,
    shown: Sequence[tuple[str, Interval]],
    shown_now: str,
) -> tuple[list[tuple[str, Interval]], list[tuple[str, Interval]]]:
    """Return two histories to compare, without the present value, which some senders put at the end.

    An absent history cannot differ: both are empty then.
    """
    if not stated:
        return [], []
    return _past(stated, stated_now), _past(shown, shown_now)


def _past(history: Sequence[tuple[str, Interval]], now: str) -> list[tuple[str, Interval]]:
    return list(history[:-1] if history and history[-1][0] == now else history)


def _same_places(stated: Sequence[Stop], stay: Stay, find: Find) -> bool:
    expected: list[tuple[int, Sequence[str], Interval]] = [
        (place, ("active" if end is None else "completed",), Interval(start, end))
        for place, start, end in stay.places
    ]
    if stay.reserved is not None:
        place, start, end = stay.reserved
        expected.append((place, ("reserved",), Interval(start, end)))
    if stay.expected is not None:
        expected.append((stay.expected, _ANNOUNCED, Interval()))
    places = [(stop, find(stop.place)) for stop in stated]
    places = [(stop, named) for stop, named in places if named is not None]
    return len(places) == len(expected) and all(
        named == place and stop.status in {None, *statuses} and stop.during == during
        for (stop, named), (place, statuses, during) in zip(places, expected, strict=True)
    )

"""Owns what a venue and its movements say together: the classes that are new, and what is told twice.

A venue's Encounter is a summary of its movements. What the movements cannot hold of it is compared with
what they amount to, and reported where it differs: it is not kept.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from fhirexport_server.domain.rows import VenueRow
from fhirexport_server.fhir.reading.json.problems import Problems, Severity
from fhirexport_server.fhir.reading.resources.drafts import VenueDraft
from fhirexport_server.fhir.reading.together.summaries import Find, StayMovement, compare
from fhirexport_server.pam import movement_order
from fhirexport_server.pam.events import DISCHARGE
from fhirexport_server.pam.held_class import new_classes

_ARRIVALS: Final = ("A01", "A04")


class SettledStay(NamedTuple):
    """A venue and its movements, as they are to be written."""

    venue: VenueRow
    movements: Sequence[StayMovement]
    """The active ones in their order, then the cancelled ones."""


def settle(
    venue: VenueRow,
    draft: VenueDraft | None,
    movements: Sequence[StayMovement],
    find: Find,
    problems: Problems,
) -> SettledStay | None:
    """Make of what Encounters tell the rows that they come from.

    A movement shows the class that holds from it on; its row says only a class that is new. Likewise the
    venue's own class is the one before any movement, and its activity what no movement says.

    Args:
        venue: With the class and the activity that it shows.
        draft: What the import says of the venue; None when it says nothing.
        movements: Every movement of the venue, cancelled ones too.
        find: Says which row a reference names.
        problems: What is to be said of them.

    Returns:
        The rows, or None when they contradict each other.
    """
    errors = problems.errors
    by_id = {one.row.id: one for one in movements}
    active = [by_id[row.id] for row in movement_order.sort(one.row for one in movements if one.active)]
    ordered = [*active, *(one for one in movements if not one.active)]
    _check_dates(active, problems)
    if problems.errors > errors:
        return None
    own_class = active[0].row.patient_class if active else None
    settled = venue._replace(patient_class=own_class or venue.patient_class)
    shown = ((one.row.trigger_event, one.row.patient_class) for one in active)
    classes = new_classes(settled.patient_class, shown)
    new = {one.row.id: code for one, code in zip(active, classes, strict=True)}
    rows = [
        one._replace(row=one.row._replace(patient_class=new.get(one.row.id, one.row.patient_class)))
        for one in ordered
    ]
    if compare(settled, draft, [one for one in rows if one.active], find, problems) is not None:
        settled = settled._replace(activity_type=None)
    return SettledStay(settled, rows)


def _check_dates(movements: Sequence[StayMovement], problems: Problems) -> None:
    discharges = [one for one in movements if one.row.trigger_event == DISCHARGE]
    if not discharges:
        return
    last = discharges[-1].row.started_at
    arrivals = [one for one in movements if one.row.trigger_event in _ARRIVALS]
    if arrivals and arrivals[0].row.started_at > last:
        for one in discharges:
            _report(one, Severity.ERROR, "must not be before the admission", problems)
        if all(one.draft is None for one in discharges):
            _report(arrivals[0], Severity.ERROR, "must not be after the discharge", problems)
        return
    for one in movements:
        if one.row.started_at > last:
            _report(one, Severity.WARNING, "is after the discharge: it shows in the movement alone", problems)


def _report(one: StayMovement, severity: Severity, text: str, problems: Problems) -> None:
    if one.draft is not None:
        source = one.draft.source
        problems.tell(severity, source.entry, f"{source.path}.period.start", text)

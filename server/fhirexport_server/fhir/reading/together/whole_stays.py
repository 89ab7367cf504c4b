"""Combines a venue and its movements: finds the classes that are new, and compares the rest.

A venue's Encounter is a summary of its movements. What it says beyond them cannot be kept, so it is compared
with what they amount to, and differences are reported.
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
    """A venue and its movements, ready to be written."""

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
    """Return the rows from which Encounters would be rendered as they were sent.

    An Encounter of a movement shows the class that holds from then on; its row only has a class that is
    new. The venue's own class is the one before any movement; its own activity is one that no movement has.

    Args:
        venue: The venue, with the class and the activity that it shows.
        draft: The venue's draft, if it is in the import.
        movements: All movements of the venue, also cancelled ones.
        find: Finds the row that a reference names.
        problems: Where the problems go.

    Returns:
        The rows; None if they contradict each other.
    """
    errors = problems.errors
    by_id = {movement.row.id: movement for movement in movements}
    active = [
        by_id[row.id]
        for row in movement_order.sort(movement.row for movement in movements if movement.active)
    ]
    ordered = [*active, *(movement for movement in movements if not movement.active)]
    _check_dates(active, problems)
    if problems.errors > errors:
        return None
    own_class = active[0].row.patient_class if active else None
    settled = venue._replace(patient_class=own_class or venue.patient_class)
    shown_classes = ((movement.row.trigger_event, movement.row.patient_class) for movement in active)
    classes = new_classes(settled.patient_class, shown_classes)
    new_class_by_id = {movement.row.id: code for movement, code in zip(active, classes, strict=True)}
    rows = [
        movement._replace(
            row=movement.row._replace(
                patient_class=new_class_by_id.get(movement.row.id, movement.row.patient_class)
            )
        )
        for movement in ordered
    ]
    if (
        compare(settled, draft, [movement for movement in rows if movement.active], find, problems)
        is not None
    ):
        settled = settled._replace(activity_type=None)
    return SettledStay(settled, rows)


def _check_dates(movements: Sequence[StayMovement], problems: Problems) -> None:
    discharges = [movement for movement in movements if movement.row.trigger_event == DISCHARGE]
    if not discharges:
        return
    last = discharges[-1].row.started_at
    arrivals = [movement for movement in movements if movement.row.trigger_event in _ARRIVALS]
    if arrivals and arrivals[0].row.started_at > last:
        for movement in discharges:
            _report(movement, Severity.ERROR, "must not be before the admission", problems)
        if all(movement.draft is None for movement in discharges):
            _report(arrivals[0], Severity.ERROR, "must not be after the discharge", problems)
        return
    for movement in movements:
        if movement.row.started_at > last:
            _report(
                movement, Severity.WARNING, "is after the discharge: it shows in the movement alone", problems
            )


def _report(movement: StayMovement, severity: Severity, text: str, problems: Problems) -> None:
    if movement.draft is not None:
        source = movement.draft.source
        problems.report(severity, source.entry, f"{source.path}.period.start", text)

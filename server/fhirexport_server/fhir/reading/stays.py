"""Owns what a venue and its movements say together: the classes that are new, and what is told twice.

A venue's Encounter is a summary of its movements. What the movements cannot hold of it is compared with
what they amount to, and reported where it differs: it is not kept.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from fhirexport_server.fhir.fold import ANNOUNCEMENTS, ATTENDING, DISCHARGE
from fhirexport_server.fhir.reading.drafts import MovementDraft, VenueDraft
from fhirexport_server.fhir.reading.problems import Problems, Severity
from fhirexport_server.fhir.reading.summaries import compare

_ARRIVALS: Final = ("A01", "A04")


class Stay(NamedTuple):
    """A venue with its movements."""

    venue: VenueDraft
    movements: Sequence[MovementDraft]
    """Ordered by (`started_at`, id); those without an id after the others, as their entries are."""


def settle(venue: VenueDraft, movements: Sequence[MovementDraft], problems: Problems) -> Stay | None:
    """Makes of a venue and all of its movements the rows that they come from.

    A movement shows the class that holds from it on; its row says only a class that is new. Likewise the
    venue's own class is the one before any movement, and its activity what no movement says.

    Args:
        venue: as it was read.
        movements: every movement of the venue, cancelled ones too, as they were read.
        problems: what is to be said of them.

    Returns:
        The rows, or None when they contradict each other.
    """
    errors = problems.errors
    ordered = sorted(movements, key=_order)
    active = [one for one in ordered if one.state == "active"]
    _check_patients(venue, movements, problems)
    _check_dates(active, problems)
    if problems.errors > errors:
        return None
    own_class = active[0].patient_class if active else None
    settled = venue._replace(patient_class=own_class or venue.patient_class)
    new = _new_classes(settled, active)
    rows = [one._replace(patient_class=new.get(id(one), one.patient_class)) for one in ordered]
    if compare(settled, [one for one in rows if one.state == "active"], problems) is not None:
        settled = settled._replace(activity_type=None)
    return Stay(settled, rows)


def _order(movement: MovementDraft) -> tuple[int, bool, int, int]:
    own = movement.source.own
    return movement.started_at, own is None, 0 if own is None else own.number, movement.source.entry


def _new_classes(venue: VenueDraft, movements: Sequence[MovementDraft]) -> dict[int, str | None]:
    """By a movement's identity, its class where it is not the one that holds anyway."""
    found: dict[int, str | None] = {}
    holds = venue.patient_class
    present = False
    for one in movements:
        found[id(one)] = None if one.patient_class == holds else one.patient_class
        announces = one.trigger_event in ANNOUNCEMENTS
        # An announcement while the patient is there says what will be, not what is.
        if one.patient_class is not None and not (announces and present):
            holds = one.patient_class
        present = present or not (announces or one.trigger_event == ATTENDING)
    return found


def _check_patients(venue: VenueDraft, movements: Sequence[MovementDraft], problems: Problems) -> None:
    for one in movements:
        if one.patient is not None and one.patient.target != venue.patient.target:
            path = f"{one.source.path}.subject"
            problems.tell(Severity.ERROR, one.source.entry, path, "must be the venue's, named alike")


def _check_dates(movements: Sequence[MovementDraft], problems: Problems) -> None:
    discharges = [one for one in movements if one.trigger_event == DISCHARGE]
    if not discharges:
        return
    last = discharges[-1].started_at
    arrivals = [one.started_at for one in movements if one.trigger_event in _ARRIVALS]
    if arrivals and arrivals[0] > last:
        for one in discharges:
            _report(one, Severity.ERROR, "must not be before the admission", problems)
        return
    for one in movements:
        if one.started_at > last:
            _report(one, Severity.WARNING, "is after the discharge: it shows in the movement alone", problems)


def _report(one: MovementDraft, severity: Severity, text: str, problems: Problems) -> None:
    problems.tell(severity, one.source.entry, f"{one.source.path}.period.start", text)

"""Infers the event of a movement that does not name one: from its position, its status and its class.

Encounters of other systems have no event code of this service. The sequence tells enough: the first
movement is the arrival, one with the status onleave is a leave, the next one is the return, a new class is
a change of class, a last one that takes no time is the discharge, and any other is a transfer.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from fhirexport_server.domain.codes import PATIENT_CLASS
from fhirexport_server.domain.rows import MovementRow, VenueRow
from fhirexport_server.fhir.reading.resources.drafts import MovementDraft, VenueDraft
from fhirexport_server.fhir.reading.together.summaries import StayMovement
from fhirexport_server.pam.events import DISCHARGE, LEAVE, says_where

_INPATIENT: Final = "IMP"
# A change of the responsible unit that leaves the patient in the same place.
_SAME_PLACE: Final = "M"
_TRANSFERS: Final = ("A02", "A06", "A07")


def is_inferred(movement: StayMovement) -> bool:
    """Return whether a movement of the import names no event."""
    return movement.draft is not None and movement.draft.trigger_event is None


def infer(venue: VenueRow, draft: VenueDraft | None, movements: Sequence[StayMovement]) -> list[StayMovement]:
    """Return the movements of a venue, each with its event.

    Args:
        venue: The venue, with the class that it shows.
        draft: The venue's draft, if it is in the import.
        movements: All movements of the venue, also cancelled ones, with the classes that they show.
    """
    if not any(is_inferred(movement) for movement in movements):
        return list(movements)
    active = sorted((movement for movement in movements if movement.active), key=_when)
    events = _events(venue, draft, active)
    first = min((movement.row.started_at for movement in active), default=None)
    inferred = []
    for movement in movements:
        if not is_inferred(movement):
            inferred.append(movement)
            continue
        event = events.get(movement.row.id)
        if event is None:
            # A cancelled movement has no effect: its event is what it would have been.
            event = (
                "A02"
                if first is not None and first < movement.row.started_at
                else _arrival(venue, movement.row)
            )
        keeps_place = event in _TRANSFERS and not (
            movement.row.bed_id or movement.row.room_id or movement.row.uh_id
        )
        nature = movement.row.nature or (_SAME_PLACE if keeps_place else None)
        inferred.append(movement._replace(row=movement.row._replace(trigger_event=event, nature=nature)))
    return inferred


def _when(movement: StayMovement) -> tuple[int, bool, int, int, str]:
    end = None if movement.draft is None else movement.draft.situation.end
    number = movement.row.movement_no
    return movement.row.started_at, end is None, end or 0, len(number), number


def _events(venue: VenueRow, draft: VenueDraft | None, active: Sequence[StayMovement]) -> Mapping[int, str]:
    """Return the event of each active movement, stated or inferred, by id."""
    events: dict[int, str] = {}
    present = on_leave = False
    class_ = venue.patient_class
    for index, movement in enumerate(active):
        if movement.draft is None or movement.draft.trigger_event is not None:
            event = movement.row.trigger_event
        elif movement.draft.situation.status == "planned":
            event = "A15" if present else "A05"
        elif not present:
            event = _arrival(venue, movement.row)
        elif movement.draft.situation.status == "onleave":
            event = LEAVE
        elif index == len(active) - 1 and _ends(movement.draft, draft):
            event = DISCHARGE
        elif on_leave:
            event = "A22"
        else:
            event = _change(class_, movement.row.patient_class)
        events[movement.row.id] = event
        if says_where(event):
            present, on_leave = True, event == LEAVE
            class_ = movement.row.patient_class or class_
    return events


def _arrival(venue: VenueRow, row: MovementRow) -> str:
    return "A01" if PATIENT_CLASS[row.patient_class or venue.patient_class] == _INPATIENT else "A04"


def _change(before: str, after: str | None) -> str:
    if after is None or PATIENT_CLASS[after] == PATIENT_CLASS[before]:
        return "A02"
    return "A06" if PATIENT_CLASS[after] == _INPATIENT else "A07"


def _ends(movement: MovementDraft, venue: VenueDraft | None) -> bool:
    """Return whether the last movement is the discharge: it takes no time, or begins when the stay ends."""
    is_over = movement.situation.status == "finished" and movement.situation.end == movement.started_at
    if venue is None:
        return is_over
    summary = venue.summary
    return summary.status == "finished" and (is_over or summary.period.end == movement.started_at)

"""Which event a movement is that does not say so: by its place among the others, its status and its class.

Another system's Encounter that is part of a stay has no code of ours. What it says is enough where movements
follow each other: the first brings the patient, a leave is on leave, what comes after one is the return, a
change of class is one, the last that takes no time is the discharge, and everything else is a transfer.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from fhirexport_server.domain.codes import PATIENT_CLASS
from fhirexport_server.domain.rows import MovementRow, VenueRow
from fhirexport_server.fhir.reading.resources.drafts import MovementDraft, VenueDraft
from fhirexport_server.fhir.reading.together.summaries import StayMovement
from fhirexport_server.pam.events import DISCHARGE, LEAVE, says_where

_INPATIENT: Final = "IMP"
# What changes who is responsible, and leaves the patient where they are.
_SAME_PLACE: Final = "M"
_TRANSFERS: Final = ("A02", "A06", "A07")


def is_inferred(movement: StayMovement) -> bool:
    """Return whether a movement does not say which event it is."""
    return movement.draft is not None and movement.draft.trigger_event is None


def infer(venue: VenueRow, draft: VenueDraft | None, movements: Sequence[StayMovement]) -> list[StayMovement]:
    """Return the movements of a venue, each with its event.

    Args:
        venue: The venue, with the class that it shows.
        draft: What the import says of it; None when it says nothing.
        movements: Every movement of the venue, cancelled ones too, with the classes that they show.
    """
    if not any(is_inferred(one) for one in movements):
        return list(movements)
    active = sorted((one for one in movements if one.active), key=_when)
    events = _events(venue, draft, active)
    first = min((one.row.started_at for one in active), default=None)
    found = []
    for one in movements:
        if not is_inferred(one):
            found.append(one)
            continue
        event = events.get(one.row.id)
        if event is None:
            # Cancelled: it has no effect, and is what it would have been.
            event = "A02" if first is not None and first < one.row.started_at else _arrival(venue, one.row)
        keeps_place = event in _TRANSFERS and not (one.row.bed_id or one.row.room_id or one.row.uh_id)
        nature = one.row.nature or (_SAME_PLACE if keeps_place else None)
        found.append(one._replace(row=one.row._replace(trigger_event=event, nature=nature)))
    return found


def _when(one: StayMovement) -> tuple[int, bool, int, int, str]:
    end = None if one.draft is None else one.draft.situation.end
    number = one.row.movement_no
    return one.row.started_at, end is None, end or 0, len(number), number


def _events(venue: VenueRow, draft: VenueDraft | None, active: Sequence[StayMovement]) -> Mapping[int, str]:
    """By a movement's id, the event that it says or is."""
    found: dict[int, str] = {}
    present = on_leave = False
    class_ = venue.patient_class
    for index, one in enumerate(active):
        event = one.row.trigger_event
        if one.draft is not None and one.draft.trigger_event is None:
            is_last = index == len(active) - 1
            if one.draft.situation.status == "planned":
                event = "A15" if present else "A05"
            elif not present:
                event = _arrival(venue, one.row)
            elif one.draft.situation.status == "onleave":
                event = LEAVE
            elif is_last and _ends(one.draft, draft):
                event = DISCHARGE
            elif on_leave:
                event = "A22"
            else:
                event = _change(class_, one.row.patient_class)
        found[one.row.id] = event
        if says_where(event):
            present, on_leave = True, event == LEAVE
            class_ = one.row.patient_class or class_
    return found


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
    said = venue.summary
    return said.status == "finished" and (is_over or said.period.end == movement.started_at)

"""Derived movements, for a venue that comes only as a summary. They have numbers of their own."""

from collections.abc import Sequence

from fhirexport_server.domain.codes import PATIENT_CLASS
from fhirexport_server.domain.rows import MovementRow, VenueRow
from fhirexport_server.fhir.reading.resources.drafts import VenueDraft
from fhirexport_server.fhir.reading.together.inference import is_inferred
from fhirexport_server.fhir.reading.together.outlines import Unclear, outline, since
from fhirexport_server.fhir.reading.together.summaries import Find, StayMovement
from fhirexport_server.imports.kinds import Kind
from fhirexport_server.imports.stages.encounters import Existing
from fhirexport_server.imports.work import Work
from fhirexport_server.pam import derivation
from fhirexport_server.pam.derivation import Event
from fhirexport_server.pam.events import DISCHARGE
from fhirexport_server.pam.fold import Stay


def is_summary_alone(sent: Sequence[StayMovement], kept: Sequence[StayMovement]) -> bool:
    """Return whether all active movements of a venue are derived, and none was sent.

    Args:
        sent: The imported movements of the venue.
        kept: Its other active movements.
    """
    return not any(movement.active for movement in sent) and all(movement.derived for movement in kept)


def completed(
    work: Work,
    draft: VenueDraft | None,
    venue: VenueRow,
    sent: Sequence[StayMovement],
    kept: Sequence[StayMovement],
    *,
    existing: Existing,
) -> list[StayMovement]:
    """Return the movements of a venue that has real ones: without derived ones, except a discharge.

    Some systems say only in the summary that a stay has ended. As long as no movement does, a derived
    discharge stands for it, if the summary says so and the movements name no events.

    Args:
        work: The import.
        draft: The venue's draft, if it is in the import.
        venue: The venue's row.
        sent: The imported movements of the venue, each with its event.
        kept: Its other active movements.
        existing: The stays as they were before.
    """
    real = [*sent, *(movement for movement in kept if not movement.derived)]
    if not any(movement.active and not movement.derived for movement in real):
        return [*sent, *kept]
    if any(movement.active and movement.row.trigger_event == DISCHARGE for movement in real):
        return real
    last = max((movement.row for movement in real if movement.active), key=lambda row: row.started_at)
    says_no_events = any(movement.active and is_inferred(movement) for movement in sent)
    discharge = [
        movement
        for movement in kept
        if movement.derived
        and movement.row.trigger_event == DISCHARGE
        and movement.row.started_at >= last.started_at
        and (says_no_events or existing.has_real(venue.id))
    ]
    if draft is None:
        return [*real, *discharge]
    end = draft.summary.period.end if draft.summary.status == "finished" else None
    if end is None or last.started_at > end or not (discharge or says_no_events):
        return real
    class_code = PATIENT_CLASS[last.patient_class or venue.patient_class]
    return [*real, *_movements(work, venue, [Event(end, DISCHARGE, class_code)], existing.derived(venue.id))]


def derived(
    work: Work, draft: VenueDraft, venue: VenueRow, before: Sequence[MovementRow], find: Find
) -> list[StayMovement] | None:
    """Return the movements derived from a venue's summary; None if the summary is refused.

    Args:
        work: The import.
        draft: The venue's draft.
        venue: The venue's row.
        before: The movements that were derived before: they keep their ids, and the instant of the
            announcement of an expected place.
        find: Finds the row that a reference names.
    """
    kinds = work.structure.place_kinds
    stay = outline(draft, find, kinds)
    if isinstance(stay, Unclear):
        work.refuse(draft.source, stay.at, stay.text)
        return None
    events = derivation.derive(stay, _announced_at(draft, stay, before, work.now))
    return _movements(work, venue, events, before)


def _movements(
    work: Work, venue: VenueRow, events: Sequence[Event], before: Sequence[MovementRow]
) -> list[StayMovement]:
    """Return the movements of derived events; those that were derived before keep their ids."""
    kinds = work.structure.place_kinds
    numbers = [derivation.number(venue.venue_no, position) for position in range(1, len(events) + 1)]
    ids = {row.movement_no: row.id for row in before}
    new = [number for number in numbers if number not in ids]
    ids |= zip(new, work.writing.ids.few(Kind.MOVEMENT, len(new)), strict=True)
    return [
        StayMovement(
            derivation.row(event, venue, position, ids[number], kinds), active=True, draft=None, derived=True
        )
        for position, (event, number) in enumerate(zip(events, numbers, strict=True), start=1)
    ]


def _announced_at(draft: VenueDraft, stay: Stay, before: Sequence[MovementRow], now: int) -> int:
    """Return when the expected place was announced: by the history, by an earlier movement, or now."""
    event = "A05" if stay.status == "planned" else "A15"
    planned_at = since(draft) if stay.status == "planned" else None
    return min((planned_at,) if planned_at is not None else (now, *(_starts(before, event))))


def _starts(rows: Sequence[MovementRow], event: str) -> list[int]:
    return [row.started_at for row in rows if row.trigger_event == event]

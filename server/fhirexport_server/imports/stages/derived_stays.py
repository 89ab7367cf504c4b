"""The movements of a venue that comes as a summary alone: derived of it, with numbers of their own."""

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
    """Return whether a venue has no active movement but derived ones that are not sent.

    Args:
        sent: its movements of the import.
        kept: its other active movements.
    """
    return not any(one.active for one in sent) and all(one.derived for one in kept)


def completed(
    work: Work,
    draft: VenueDraft | None,
    venue: VenueRow,
    sent: Sequence[StayMovement],
    kept: Sequence[StayMovement],
    *,
    existing: Existing,
) -> list[StayMovement]:
    """Return the movements of a venue that has real ones: derived ones go, but for a discharge.

    Other systems say in the summary alone that a stay is over. While no movement says so, a derived
    discharge does: as long as the summary says it, and nothing else tells the event of a movement.

    Args:
        work: the import.
        draft: what it says of the venue; None when it says nothing.
        venue: the venue's row.
        sent: its movements of the import, each with its event.
        kept: its other active movements.
        existing: the stays as they were before.
    """
    real = [*sent, *(one for one in kept if not one.derived)]
    if not any(one.active and not one.derived for one in real):
        return [*sent, *kept]
    if any(one.active and one.row.trigger_event == DISCHARGE for one in real):
        return real
    last = max((one.row for one in real if one.active), key=lambda row: row.started_at)
    says_no_events = any(one.active and is_inferred(one) for one in sent)
    discharge = [
        one
        for one in kept
        if one.derived
        and one.row.trigger_event == DISCHARGE
        and one.row.started_at >= last.started_at
        and (says_no_events or existing.has_real(venue.id))
    ]
    if draft is None:
        return [*real, *discharge]
    end = draft.summary.period.end if draft.summary.status == "finished" else None
    if end is None or last.started_at > end or not (discharge or says_no_events):
        return real
    class_code = PATIENT_CLASS[last.patient_class or venue.patient_class]
    return [*real, *_told(work, venue, [Event(end, DISCHARGE, class_code)], existing.derived(venue.id))]


def derived(
    work: Work, draft: VenueDraft, venue: VenueRow, before: Sequence[MovementRow], find: Find
) -> list[StayMovement] | None:
    """Return the movements that say what a venue's summary says; None where it is refused.

    Args:
        work: the import.
        draft: what it says of the venue.
        venue: the venue's row.
        before: the movements that were derived of it before: they keep their ids, and the instant by which
            what is expected was announced.
        find: says which row a reference names.
    """
    kinds = work.structure.place_kinds
    stay = outline(draft, find, kinds)
    if isinstance(stay, Unclear):
        work.refuse(draft.source, stay.at, stay.text)
        return None
    events = derivation.derive(stay, _announced_at(draft, stay, before, work.now))
    return _told(work, venue, events, before)


def _told(
    work: Work, venue: VenueRow, events: Sequence[Event], before: Sequence[MovementRow]
) -> list[StayMovement]:
    """The movements of events: those that were derived before keep their ids."""
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
    """By when what is expected had been announced: as the history says, as was said before, or by now."""
    event = "A05" if stay.status == "planned" else "A15"
    said = since(draft) if stay.status == "planned" else None
    return min((said,) if said is not None else (now, *(_starts(before, event))))


def _starts(rows: Sequence[MovementRow], event: str) -> list[int]:
    return [row.started_at for row in rows if row.trigger_event == event]

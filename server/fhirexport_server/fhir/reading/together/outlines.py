"""Reads a stay from its venue's Encounter alone, as `pam.fold` describes it: for a stay without movements.

Histories are ordered and made gapless, as movements would leave them. Nothing is invented: if the Encounter
does not say when the stay began, or when a finished one ended, the stay is refused.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple, TypeVar

from fhirexport_server.fhir.reading.resources.drafts import Stop, VenueDraft
from fhirexport_server.fhir.reading.together.presences import (
    Presence,
    is_announced,
    is_reserved,
    occupied,
    place_at,
    presences_during,
)
from fhirexport_server.fhir.reading.together.summaries import Find
from fhirexport_server.pam.fold import Stay
from fhirexport_server.pam.track import Span, Track

T = TypeVar("T")
_BEGUN: Final = ("in-progress", "onleave")
_ALONE: Final = (
    "of a stay that comes without movements: send it, or every movement as an Encounter that is partOf this"
    " one"
)


class Unclear(NamedTuple):
    """Why no stay can be read from a summary."""

    at: str
    """The path of the element below its resource."""
    text: str


def outline(draft: VenueDraft, find: Find, kinds: Mapping[int, str]) -> Stay | Unclear:
    """Return the stay that a venue's summary describes.

    Args:
        draft: The venue.
        find: Finds the row that a reference names.
        kinds: The kind of each place, by its id.
    """
    summary = draft.summary
    responsible = None if summary.responsible is None else find(summary.responsible)
    if summary.status == "unknown":
        return Unclear("status", f"must say what became {_ALONE}")
    if summary.status in {"planned", "cancelled"}:
        expected = [find(stop.place) for stop in summary.places] if summary.status == "planned" else []
        return _stay(
            draft,
            summary.period.start,
            expected=next((place for place in reversed(expected) if place is not None), None),
            responsible=responsible,
        )
    start = _start(draft)
    if start is None:
        return Unclear("period.start", f"is required {_ALONE}")
    end = _end(draft) if summary.status == "finished" else None
    if summary.status == "finished" and end is None:
        return Unclear("period.end", f"is required {_ALONE}")
    if end is not None and end < start:
        return Unclear("period.end", "must not be before the start of the stay")
    stops = [(stop, place) for stop in summary.places if (place := find(stop.place)) is not None]
    present = presences_during(stops, start, end, kinds)
    statuses = _statuses(draft, start, end, present)
    leaves: list[tuple[int, int | None]] = [
        (left_at, until) for value, left_at, until in statuses.past if value == "onleave"
    ]
    reserved = None
    if statuses.value == "onleave":
        leaves.append((statuses.since, None))
        reserved_places = [place for stop, place in stops if is_reserved(stop)]
        place = reserved_places[-1] if reserved_places else place_at(present, statuses.since)
        reserved = None if place is None else Span(place, statuses.since, None)
    places = occupied(present, leaves, start, end)
    announced_places = [place for stop, place in stops if is_announced(stop)]
    return _stay(
        draft,
        start,
        end=end,
        status_history=statuses.past,
        class_history=_classes(draft, start, end),
        places=places,
        reserved=reserved,
        expected=announced_places[-1] if announced_places and end is None else None,
        responsible=responsible,
    )


def _stay(draft: VenueDraft, start: int | None, **changes: object) -> Stay:
    empty = Stay(
        status=draft.summary.status,
        class_code=draft.summary.class_code,
        activity_type=draft.activity_type,
        start=start,
        end=None,
        status_history=[],
        class_history=[],
        places=[],
        reserved=None,
        expected=None,
        responsible=None,
        attending=draft.summary.attending,
    )
    return empty._replace(**changes)  # type: ignore[arg-type]  # the fields of a Stay, given above


def since(draft: VenueDraft) -> int | None:
    """Return when a stay was first planned, if its history says so."""
    return min(
        (
            during.start
            for value, during in draft.summary.status_history
            if value == "planned" and during.start is not None
        ),
        default=None,
    )


def _start(draft: VenueDraft) -> int | None:
    summary = draft.summary
    if summary.period.start is not None:
        return summary.period.start
    spans = [during for value, during in summary.status_history if value in _BEGUN]
    spans += [during for _, during in summary.class_history]
    spans += [stop.during for stop in summary.places if stop.status in {None, "active", "completed"}]
    return min((during.start for during in spans if during.start is not None), default=None)


def _end(draft: VenueDraft) -> int | None:
    summary = draft.summary
    if summary.period.end is not None:
        return summary.period.end
    ends = [during.start for value, during in summary.status_history if value == "finished"]
    ends += [during.end for value, during in summary.status_history if value in _BEGUN]
    return max((end for end in ends if end is not None), default=None)


def _clipped(
    history: Iterable[tuple[T, int | None, int | None]], start: int, end: int | None
) -> list[tuple[T, int, int | None]]:
    """Return the spans of a history, cut to the stay and in order; each ends when the next one begins."""
    spans = sorted(
        (
            (max(first, start), last, value)
            for value, first, last in history
            if first is not None and (last is None or last > start) and (end is None or first < end)
        ),
        key=lambda span: (span[0], span[1] is None, span[1] or 0),
    )
    limits: list[int | None] = [first for first, _, _ in spans[1:]]
    clipped = []
    for (first, last, value), until in zip(spans, [*limits, end], strict=False):
        if until is not None and (last is None or last > until):
            last = until  # noqa: PLW2901 - cut at the next one
        clipped.append((value, first, last))
    return clipped


def _statuses(draft: VenueDraft, start: int, end: int | None, present: Sequence[Presence]) -> Track[str]:
    summary = draft.summary
    track: Track[str] = Track()
    planned = since(draft)
    if planned is not None and planned < start:
        track.change("planned", planned)
    track.change("in-progress", start)
    last = None
    for value, first, until in _clipped(
        ((value, *during) for value, during in summary.status_history if value in _BEGUN), start, end
    ):
        if until is None and value != summary.status:
            # The status is over, but nothing says since when.
            continue
        if last is not None and first > last:
            track.change("in-progress", last)
        track.change(value, first)
        last = until
    if end is not None:
        track.change("finished", end)
    elif track.value != summary.status or last is not None:
        if summary.status == "onleave" and last is None:
            last = _leave_start(summary.places, present)
        track.change(summary.status, max(start if last is None else last, track.since))
    return track


def _leave_start(stops: Sequence[Stop], present: Sequence[Presence]) -> int | None:
    """Return when the leave began, as far as places tell: one is reserved, or the last one was left."""
    reserved_starts = [
        stop.during.start for stop in stops if is_reserved(stop) and stop.during.start is not None
    ]
    if reserved_starts:
        return reserved_starts[-1]
    return max((stop.end for stop in present if stop.end is not None), default=None)


def _classes(draft: VenueDraft, start: int, end: int | None) -> list[Span[str]]:
    summary = draft.summary
    track: Track[str] = Track()
    last: int | None = start
    for value, first, until in _clipped(
        ((value, *during) for value, during in summary.class_history), start, end
    ):
        if until is None and value != summary.class_code:
            continue
        track.change(value, start if track.value is None else first)
        last = until
    if last is not None and (end is None or last < end):
        track.change(summary.class_code, last)
    if end is not None:
        track.change(None, end)
    past = track.past
    return [] if len(past) == 1 and past[0].value == summary.class_code else past

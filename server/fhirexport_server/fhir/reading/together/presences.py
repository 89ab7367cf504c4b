"""Where a patient was, from the locations of an Encounter: one place at a time."""

from collections.abc import Mapping, Sequence
from heapq import heappop, heappush
from typing import Final, NamedTuple

from fhirexport_server.fhir.reading.resources.drafts import Stop
from fhirexport_server.pam.track import Span, Track

# A higher number is a more precise kind of place.
_PRECISION: Final = {"BED": 3, "ROOM": 2, "BOX": 2, "EXAM_ROOM": 2, "CONSULTATION_ROOM": 2, "UH": 1}


class Presence(NamedTuple):
    """A place where the patient was or, without an end, is."""

    start: int
    end: int | None
    place: int
    precision: int


def is_reserved(stop: Stop) -> bool:
    """Return whether a place is reserved since an instant, as during a leave."""
    return stop.status == "reserved" and stop.during.start is not None


def is_announced(stop: Stop) -> bool:
    """Return whether the patient is expected at a place."""
    return stop.status == "planned" or (stop.status == "reserved" and stop.during.start is None)


def presences_during(
    stops: Sequence[tuple[Stop, int]], start: int, end: int | None, kinds: Mapping[int, str]
) -> list[Presence]:
    """Return the presences during a stay, ordered by their start."""
    presences = []
    for stop, place in stops:
        if stop.status in {"planned", "reserved"}:
            continue
        first = start if stop.during.start is None else max(stop.during.start, start)
        last = end if stop.during.end is None else stop.during.end
        if end is not None and last is not None:
            last = min(last, end)
        if last is not None and (last < first or (last == first and start != end)):
            continue
        presences.append(Presence(first, last, place, _PRECISION.get(kinds.get(place, ""), 0)))
    return sorted(presences, key=lambda presence: presence.start)


def place_at(presences: Sequence[Presence], instant: int) -> int | None:
    """Return the most precise place at an instant; None if there is none."""
    covering = [
        presence
        for presence in presences
        if presence.start <= instant and (presence.end is None or instant < presence.end)
    ]
    return (
        max(covering, key=lambda presence: (presence.precision, presence.start)).place if covering else None
    )


def occupied(
    presences: Sequence[Presence], leaves: Sequence[tuple[int, int | None]], start: int, end: int | None
) -> list[Span[int]]:
    """Return one place at a time: the most precise one, then the latest; none during a leave."""
    if start == end:
        best = max(presences, key=lambda presence: presence.precision, default=None)
        return [] if best is None else [Span(best.place, start, start)]
    instants = {at for presence in presences for at in (presence.start, presence.end) if at is not None}
    instants |= {at for next_leave in leaves for at in next_leave if at is not None}
    track: Track[int] = Track()
    heap: list[tuple[int, int, int, Presence]] = []
    position = 0
    next_leave = 0
    for at in sorted(instants):
        while position < len(presences) and presences[position].start <= at:
            presence = presences[position]
            heappush(heap, (-presence.precision, -presence.start, -position, presence))
            position += 1
        while heap and heap[0][3].end is not None and heap[0][3].end <= at:
            heappop(heap)
        while next_leave < len(leaves) and (until := leaves[next_leave][1]) is not None and until <= at:
            next_leave += 1
        on_leave = next_leave < len(leaves) and leaves[next_leave][0] <= at
        track.change(heap[0][3].place if heap and not on_leave else None, at)
    if track.value is not None:
        track.past.append(Span(track.value, track.since, None))
    return track.past

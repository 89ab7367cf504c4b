"""Where a patient was, as the locations of an Encounter say: one place at a time."""

from collections.abc import Mapping, Sequence
from heapq import heappop, heappush
from typing import Final, NamedTuple

from fhirexport_server.fhir.reading.resources.drafts import Stop
from fhirexport_server.pam.track import Span, Track

# The more precise a kind of place, the more it says.
_PRECISION: Final = {"BED": 3, "ROOM": 2, "BOX": 2, "EXAM_ROOM": 2, "CONSULTATION_ROOM": 2, "UH": 1}


class Presence(NamedTuple):
    """A place where the patient was, or is while there is no end."""

    start: int
    end: int | None
    place: int
    precision: int


def is_reserved(stop: Stop) -> bool:
    """Return whether a place is kept since an instant, as during a leave."""
    return stop.status == "reserved" and stop.during.start is not None


def is_announced(stop: Stop) -> bool:
    """Return whether a place is one that the patient is expected at."""
    return stop.status == "planned" or (stop.status == "reserved" and stop.during.start is None)


def stays_at(
    stops: Sequence[tuple[Stop, int]], start: int, end: int | None, kinds: Mapping[int, str]
) -> list[Presence]:
    """Return the places where the patient was, within the stay and by their start."""
    found = []
    for stop, place in stops:
        if stop.status in {"planned", "reserved"}:
            continue
        first = start if stop.during.start is None else max(stop.during.start, start)
        last = end if stop.during.end is None else stop.during.end
        if end is not None and last is not None:
            last = min(last, end)
        if last is not None and (last < first or (last == first and start != end)):
            continue
        found.append(Presence(first, last, place, _PRECISION.get(kinds.get(place, ""), 0)))
    return sorted(found, key=lambda one: one.start)


def place_at(stops: Sequence[Presence], instant: int) -> int | None:
    """Return the most precise place at an instant, None where there is none."""
    covering = [one for one in stops if one.start <= instant and (one.end is None or instant < one.end)]
    return max(covering, key=lambda one: (one.precision, one.start)).place if covering else None


def occupied(
    stops: Sequence[Presence], leaves: Sequence[tuple[int, int | None]], start: int, end: int | None
) -> list[Span[int]]:
    """Return one place at a time: of several, the most precise one, then the latest; none during a leave."""
    if start == end:
        best = max(stops, key=lambda one: one.precision, default=None)
        return [] if best is None else [Span(best.place, start, start)]
    instants = {at for one in stops for at in (one.start, one.end) if at is not None}
    instants |= {at for leave in leaves for at in leave if at is not None}
    track: Track[int] = Track()
    heap: list[tuple[int, int, int, Presence]] = []
    coming = 0
    leave = 0
    for at in sorted(instants):
        while coming < len(stops) and stops[coming].start <= at:
            one = stops[coming]
            heappush(heap, (-one.precision, -one.start, -coming, one))
            coming += 1
        while heap and heap[0][3].end is not None and heap[0][3].end <= at:
            heappop(heap)
        while leave < len(leaves) and (until := leaves[leave][1]) is not None and until <= at:
            leave += 1
        on_leave = leave < len(leaves) and leaves[leave][0] <= at
        track.change(heap[0][3].place if heap and not on_leave else None, at)
    if track.value is not None:
        track.past.append(Span(track.value, track.since, None))
    return track.past

"""Describes stays in words, for the tests of the fold."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from fhir.samples import BED, BED_2, ROOM, UH, VENUE, movements
from fhirexport_server.pam.fold import Stay, fold
from fhirexport_server.pam.situations import situations
from fhirexport_server.pam.track import Span

_PLACES = {UH: "uh", ROOM: "room", BED: "bed", BED_2: "bed2"}


class Told(NamedTuple):
    """A stay in words: each span is `value start-end`, without an end while it lasts."""

    status: str
    period: str = "unknown"
    statuses: str = ""
    class_code: str = "IMP"
    classes: str = ""
    places: str = ""
    reserved: str = ""
    expected: str = ""


def told(*lines: str) -> Told:
    """What the fold makes of the movements, which are given as `samples.movements` reads them."""
    return _tell(fold(VENUE, movements(*lines)))


def told_situations(*lines: str) -> list[str]:
    """What each movement amounts to: `status start-end`."""
    found = situations(VENUE, movements(*lines))
    return [f"{s.status} {clock(s.movement.started_at)}-{clock(s.end)}" for s in found]


def clock(epoch: int | None) -> str:
    """The wall-clock time in Paris, empty for none."""
    return "" if epoch is None else f"{datetime.fromtimestamp(epoch, ZoneInfo('Europe/Paris')):%H:%M}"


def _tell(stay: Stay) -> Told:
    return Told(
        status=stay.status,
        period="unknown" if stay.start is None else f"{clock(stay.start)}-{clock(stay.end)}",
        statuses=_spans(stay.status_history),
        class_code=stay.class_code,
        classes=_spans(stay.class_history),
        places=_spans([_named(span) for span in stay.places]),
        reserved="" if stay.reserved is None else _spans([_named(stay.reserved)]),
        expected="" if stay.expected is None else _PLACES[stay.expected],
    )


def _spans(spans: Sequence[Span[str]]) -> str:
    return ", ".join(f"{value} {clock(start)}-{clock(end)}" for value, start, end in spans)


def _named(span: Span[int]) -> Span[str]:
    return Span(_PLACES[span.value], span.start, span.end)

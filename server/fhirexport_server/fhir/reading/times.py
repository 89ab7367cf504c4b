"""Owns reading FHIR's dates and times into what columns hold: ISO days and epoch seconds.

Source: FHIR R4, date and dateTime (regular expressions), with dates that exist.
"""

import re
from datetime import UTC, date, datetime
from typing import Final, NamedTuple

from fhirexport_server.fhir.reading.element import Element, JsonObject

FIRST_DAY: Final = "1850-01-01"
LAST_DAY: Final = "2199-12-31"
_YEARS: Final = "of the years 1850 to 2199"
_FIRST: Final = int(datetime(1850, 1, 1, tzinfo=UTC).timestamp())
_LAST: Final = int(datetime(2199, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp())
_DATE: Final = re.compile(r"[0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2})?)?")
_SECONDS: Final = r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})"
_OFFSET: Final = r"(Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
_INSTANT: Final = re.compile(_SECONDS + r"(\.[0-9]+)?" + _OFFSET)
_PLAIN: Final = re.compile(_SECONDS + _OFFSET)
_INSTANT_RULE: Final = (
    f"must be a date and time that exists, {_YEARS}, with an offset, such as 2026-01-10T18:00:00+01:00"
)
DAY: Final = 86_400
_UNIX_DAY: Final = date(1970, 1, 1)
_DAY_LENGTH: Final = len("YYYY-MM-DD")
_PRECISION: Final = {_DAY_LENGTH: "D", len("YYYY-MM"): "M", len("YYYY"): "Y"}
_ENDS_FIRST: Final = "must not be before the start"


class Days(NamedTuple):
    """A period of days, ISO text; open at the ends that are None."""

    first: str | None = None
    last: str | None = None


class Span(NamedTuple):
    """A period of epoch seconds; open at the ends that are None."""

    start: int | None = None
    end: int | None = None


def day(element: Element, name: str, *, needed: bool = False) -> str | None:
    """A date that is known to the day."""
    text = element.string(name, needed=needed)
    if text is None:
        return None
    if len(text) == _DAY_LENGTH and _is_date(text):
        return text
    element.error(name, f"must be a date that exists, {_YEARS}, such as 2026-01-10")
    return None


def partial_day(element: Element, name: str) -> tuple[str, str] | None:
    """A date and its precision (D, M or Y); what is not known of it is the first."""
    text = element.string(name)
    if text is None:
        return None
    whole = f"{text}-01-01"[:_DAY_LENGTH] if len(text) < _DAY_LENGTH else text
    if _DATE.fullmatch(text) is not None and _is_date(whole):
        return whole, _PRECISION[len(text)]
    element.error(name, f"must be a date that exists, {_YEARS}, such as 1974-12-25, 1974-12 or 1974")
    return None


def days(element: Element, name: str, *, needed: bool = False) -> Days:
    """A Period whose ends are kept as days."""
    period = element.child(name, needed=needed)
    if period is None:
        return Days()
    found = Days(_day_of(period, "start"), _day_of(period, "end"))
    if found.first is not None and found.last is not None and found.last < found.first:
        period.error("end", _ENDS_FIRST)
    return found


def instant(element: Element, name: str, *, needed: bool = False) -> int | None:
    """A dateTime that says its time and its offset, to the second."""
    text = element.string(name, needed=needed)
    if text is None:
        return None
    found = _INSTANT.fullmatch(text)
    seconds = None if found is None else _epoch(text if found[2] is None else found[1] + found[3])
    if seconds is None or found is None:
        element.error(name, _INSTANT_RULE)
        return None
    if found[2] is not None and found[2].strip(".0"):
        element.warning(name, "is kept to the second")
    return seconds


def is_partial(element: Element, name: str) -> bool:
    """Whether a dateTime is a date that exists, without a time."""
    text = element.peek(name)
    if not isinstance(text, str) or _DATE.fullmatch(text) is None:
        return False
    return _is_date(f"{text}-01-01"[:_DAY_LENGTH] if len(text) < _DAY_LENGTH else text)


def span(element: Element, name: str, *, needed: bool = False) -> Span | None:
    """A Period whose ends are instants; None when it is absent."""
    value = element.peek(name)
    if isinstance(value, dict):
        found = _plain_span(value)
        if found is not None:
            element.skip(name)
            return found
    child = element.child(name, needed=needed)
    return None if child is None else span_of(child)


def span_of(element: Element) -> Span:
    """As `span`, of an element that is one."""
    found = Span(instant(element, "start"), instant(element, "end"))
    if found.start is not None and found.end is not None and found.end < found.start:
        element.error("end", _ENDS_FIRST)
    return found


def _plain_span(value: JsonObject) -> Span | None:
    """A Period that is as ours are, which nearly all are; None for any other."""
    start, end = value.get("start"), value.get("end")
    if not isinstance(start, str) or _PLAIN.fullmatch(start) is None:
        return None
    first = _epoch(start)
    if end is None:
        return Span(first) if len(value) == 1 and first is not None else None
    if len(value) > 2 or not isinstance(end, str) or _PLAIN.fullmatch(end) is None:  # noqa: PLR2004 - start and end
        return None
    last = _epoch(end)
    return None if first is None or last is None or last < first else Span(first, last)


def midnight(day: str) -> int:
    """The epoch second at which a day begins, at no offset."""
    return (date.fromisoformat(day) - _UNIX_DAY).days * DAY


def _day_of(period: Element, name: str) -> str | None:
    text = period.peek(name)
    if not isinstance(text, str) or "T" not in text:
        return day(period, name)
    if instant(period, name) is None:
        return None
    if text[_DAY_LENGTH : _DAY_LENGTH + 9] != "T00:00:00":
        period.warning(name, "is kept to the day")
    return text[:_DAY_LENGTH]


def _is_date(text: str) -> bool:
    if _DATE.fullmatch(text) is None or not FIRST_DAY <= text <= LAST_DAY:
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _epoch(text: str) -> int | None:
    try:
        seconds = int(datetime.fromisoformat(text).timestamp())
    except ValueError:
        return None
    return seconds if _FIRST <= seconds <= _LAST else None

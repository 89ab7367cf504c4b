"""Reading FHIR's dates and times into what columns hold: ISO days and epoch seconds.

A dateTime may be known to the year, the month, the day or the second. Where a column wants more than is
known, a start is its first day or second and an end its last one; where it wants less, the day is the one
of the EJ's own clock. Both are said.
Source: FHIR R4, date and dateTime (regular expressions), with dates that exist.
"""

import re
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

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
_DATE_RULE: Final = "must be a date that exists, such as 1974-12-25, 1974-12 or 1974"
_INSTANT_RULE: Final = "must be a time that exists, with an offset, such as 2026-01-10T18:00:00+01:00"
_OUTSIDE: Final = f"is not kept: only dates {_YEARS} are"
DAY: Final = 86_400
_UNIX_DAY: Final = date(1970, 1, 1)
_DAY_LENGTH: Final = len("YYYY-MM-DD")
_PRECISION: Final = {_DAY_LENGTH: "D", len("YYYY-MM"): "M", len("YYYY"): "Y"}
_KNOWN_TO: Final = {"M": "month", "Y": "year"}
_LEAP: Final = ":60"
_SECOND_AT: Final = slice(len("YYYY-MM-DDTHH:MM"), len("YYYY-MM-DDTHH:MM:SS"))
_ENDS_FIRST: Final = "must not be before the start"


class Days(NamedTuple):
    """A period of days, ISO text; open at the ends that are None."""

    first: str | None = None
    last: str | None = None
    first_known: str | None = None
    """What is known of the first, where that is less than the day: `YYYY` or `YYYY-MM`."""
    last_known: str | None = None

    def partial(self, first: str, last: str) -> tuple[tuple[str, str], ...]:
        """What is known of the columns of the ends that are known less than to the day."""
        known = ((first, self.first_known), (last, self.last_known))
        return tuple((column, text) for column, text in known if text is not None)


class Span(NamedTuple):
    """A period of epoch seconds; open at the ends that are None."""

    start: int | None = None
    end: int | None = None


class Moment(NamedTuple):
    """A dateTime as far as it is known: an instant, or a day with its precision."""

    at: int | None = None
    """Epoch seconds."""
    on: str | None = None
    """ISO text; what is not known of it is the first."""
    precision: str | None = None
    """D, M or Y, with `on` alone."""


def day(element: Element, name: str, *, needed: bool = False, end: bool = False) -> str | None:
    """A date that is known to the day; of one that is known less, the first day, or the last one."""
    moment = _moment(element, name, needed=needed)
    if moment is None:
        return None
    if moment.at is not None:
        return _day_of_instant(element, name, moment.at)
    if moment.on is None or moment.precision == "D":
        return moment.on
    place, found = ("last", _last(moment)) if end else ("first", moment.on)
    known = _KNOWN_TO[moment.precision or ""]
    element.warning(name, f"is known to the {known} alone: it is kept as the {place} day of that {known}")
    return found


def partial_day(element: Element, name: str) -> tuple[str, str] | None:
    """A date and its precision (D, M or Y); what is not known of it is the first."""
    moment = _moment(element, name)
    if moment is None:
        return None
    if moment.at is not None:
        return _day_of_instant(element, name, moment.at), "D"
    return moment.on or "", moment.precision or "D"


def moment(element: Element, name: str) -> Moment:
    """A dateTime, to the precision that it is known to."""
    return _moment(element, name) or Moment()


def days(element: Element, name: str, *, needed: bool = False) -> Days:
    """A Period whose ends are kept as days."""
    period = element.child(name, needed=needed)
    if period is None:
        return Days()
    alike = _alike(period)
    known = _partial_text(period, "start"), _partial_text(period, "end")
    found = Days(day(period, "start"), day(period, "end", end=True), *known)
    if found.first is None or found.last is None or found.first <= found.last:
        return found
    if alike:
        period.error("end", _ENDS_FIRST)
        return found
    # FHIR does not compare an instant with a day.
    period.warning("end", "is kept as the day of the start: it is before it, on the legal entity's clock")
    return Days(found.first, found.first)


def instant(element: Element, name: str, *, needed: bool = False, end: bool = False) -> int | None:
    """A dateTime, to the second; of one that is known to the day or less, the first second, or the last.

    Args:
        element: what has the property.
        name: the property.
        needed: whether it must be there, and of the years that a column holds.
        end: whether the last second is to be told.
    """
    moment = _moment(element, name, needed=needed, kept=needed)
    if moment is None or moment.on is None:
        return None if moment is None else moment.at
    known = _KNOWN_TO.get(moment.precision or "D", "day")
    place = "last" if end else "first"
    element.warning(name, f"is known to the {known} alone: it is kept as the {place} second of that {known}")
    zone = ZoneInfo(element.scope.context.time_zone)
    if not end:
        return int(datetime.fromisoformat(moment.on).replace(tzinfo=zone).timestamp())
    after = datetime.fromisoformat(_last(moment)).replace(tzinfo=zone) + timedelta(days=1)
    return int(after.timestamp()) - 1


def is_partial(element: Element, name: str) -> bool:
    """Whether a dateTime is a date that exists, without a time."""
    text = element.peek(name)
    return isinstance(text, str) and _whole(text) is not None


def first_day(value: object, time_zone: str) -> str | None:
    """Return the first day that a JSON value may mean on a clock; None for what is no dateTime."""
    moment = _read(value)
    if moment is None:
        return None
    return moment.on if moment.at is None else local_day(moment.at, time_zone)


def last_day(value: object, time_zone: str) -> str | None:
    """As `first_day`, the last one."""
    moment = _read(value)
    if moment is None:
        return None
    return _last(moment) if moment.at is None else local_day(moment.at, time_zone)


def local_day(seconds: int, time_zone: str) -> str:
    """Return the day of an instant on a clock, ISO text; of one outside the years kept, the nearest."""
    inside = min(max(seconds, _FIRST), _LAST)
    return datetime.fromtimestamp(inside, ZoneInfo(time_zone)).date().isoformat()


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
    found = Span(instant(element, "start"), instant(element, "end", end=True))
    if found.start is not None and found.end is not None and found.end < found.start:
        element.error("end", _ENDS_FIRST)
    return found


def _plain_span(value: JsonObject) -> Span | None:
    """A Period that is as ours are, which nearly all are; None for any other."""
    start, end = value.get("start"), value.get("end")
    if not isinstance(start, str) or _PLAIN.fullmatch(start) is None:
        return None
    first = _kept_epoch(start)
    if end is None:
        return Span(first) if len(value) == 1 and first is not None else None
    if len(value) > 2 or not isinstance(end, str) or _PLAIN.fullmatch(end) is None:  # noqa: PLR2004 - start and end
        return None
    last = _kept_epoch(end)
    return None if first is None or last is None or last < first else Span(first, last)


def midnight(day: str) -> int:
    """The epoch second at which a day begins, at no offset."""
    return (date.fromisoformat(day) - _UNIX_DAY).days * DAY


def _moment(element: Element, name: str, *, needed: bool = False, kept: bool = False) -> Moment | None:
    """A date or dateTime of the years that a column holds; outside them it is left out, or an error."""
    text = element.string(name, needed=needed)
    if text is None:
        return None
    found = _read(text)
    if found is None:
        element.error(name, _INSTANT_RULE if "T" in text else _DATE_RULE)
        return None
    if found.at is not None:
        if text[_SECOND_AT] == _LEAP:
            element.warning(name, "is a leap second: it is kept as the second before")
        fraction = _INSTANT.fullmatch(text)
        if fraction is not None and fraction[2] is not None and fraction[2].strip(".0"):
            element.warning(name, "is kept to the second")
    inside = _is_kept(found.at) if found.at is not None else FIRST_DAY <= (found.on or "") <= LAST_DAY
    if inside:
        return found
    if kept:
        element.error(name, f"must be {_YEARS}")
    else:
        element.warning(name, _OUTSIDE)
    return None


def _read(value: object) -> Moment | None:
    """What a JSON value means that is a FHIR date or dateTime; None for what is none."""
    if not isinstance(value, str):
        return None
    whole = _whole(value)
    if whole is not None:
        return Moment(on=whole, precision=_PRECISION[len(value)])
    parts = _INSTANT.fullmatch(value)
    if parts is None:
        return None
    seconds = _epoch(parts[1] + parts[3])
    return None if seconds is None else Moment(at=seconds)


def _whole(text: str) -> str | None:
    """The first day of a date; None for what is no date that exists."""
    if _DATE.fullmatch(text) is None:
        return None
    whole = f"{text}-01-01"[:_DAY_LENGTH] if len(text) < _DAY_LENGTH else text
    try:
        date.fromisoformat(whole)
    except ValueError:
        return None
    return whole


def _last(moment: Moment) -> str:
    """The last day of a day that is known to its precision."""
    on = moment.on or ""
    if moment.precision == "D":
        return on
    if moment.precision == "Y":
        return f"{on[:4]}-12-31"
    return f"{on[:7]}-{monthrange(int(on[:4]), int(on[5:7]))[1]}"


def _partial_text(period: Element, name: str) -> str | None:
    text = period.peek(name)
    return text if isinstance(text, str) and is_partial(period, name) and len(text) < _DAY_LENGTH else None


def _alike(period: Element) -> bool:
    """Whether both ends of a Period are known to the same precision."""
    start, end = period.peek("start"), period.peek("end")
    return isinstance(start, str) and isinstance(end, str) and ("T" in start) == ("T" in end)


def _day_of_instant(element: Element, name: str, seconds: int) -> str:
    local = datetime.fromtimestamp(seconds, ZoneInfo(element.scope.context.time_zone))
    if (local.hour, local.minute, local.second) != (0, 0, 0):
        element.warning(name, "is kept to the day, on the legal entity's clock")
    return local.date().isoformat()


def _epoch(text: str) -> int | None:
    if text[_SECOND_AT] == _LEAP:
        text = f"{text[: _SECOND_AT.start]}:59{text[_SECOND_AT.stop :]}"
    try:
        return int(datetime.fromisoformat(text).timestamp())
    except (ValueError, OverflowError):
        return None


def _kept_epoch(text: str) -> int | None:
    """As `_epoch`, for an instant of which nothing is to be said."""
    if text[_SECOND_AT] == _LEAP:
        return None
    seconds = _epoch(text)
    return seconds if seconds is not None and _is_kept(seconds) else None


def _is_kept(seconds: int) -> bool:
    return _FIRST <= seconds <= _LAST

"""Reads FHIR dates and times into the values of columns: ISO days and epoch seconds.

A dateTime may be known to the year, the month, the day or the second. If the column is more precise, a
start becomes its first day or second, and an end its last one. If the column is less precise, the day is
that of the EJ's time zone. Both are reported.
Source: FHIR R4, date and dateTime (regular expressions); the dates must exist.
"""

from datetime import datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from fhirexport_server.domain.rows import FIRST_DAY, LAST_DAY
from fhirexport_server.fhir.reading.datatypes.dates import moments
from fhirexport_server.fhir.reading.datatypes.dates.moments import (
    DAY_LENGTH,
    PLAIN,
    Moment,
)
from fhirexport_server.fhir.reading.json.element import Element, JsonObject

_YEARS: Final = "of the years 1850 to 2199"
_DATE_RULE: Final = "must be a date that exists, such as 1974-12-25, 1974-12 or 1974"
_INSTANT_RULE: Final = "must be a time that exists, with an offset, such as 2026-01-10T18:00:00+01:00"
_OUTSIDE: Final = f"is not kept: only dates {_YEARS} are"
_KNOWN_TO: Final = {"M": "month", "Y": "year"}
_ENDS_FIRST: Final = "must not be before the start"


class Days(NamedTuple):
    """A period of days, ISO text; None for an open end."""

    first: str | None = None
    last: str | None = None
    first_known: str | None = None
    """The first day as sent, if it is less precise than a day: `YYYY` or `YYYY-MM`."""
    last_known: str | None = None

    def partial(self, first: str, last: str) -> tuple[tuple[str, str], ...]:
        """Return the columns whose day is less precise, each with the text that was sent."""
        known = ((first, self.first_known), (last, self.last_known))
        return tuple((column, text) for column, text in known if text is not None)


class Interval(NamedTuple):
    """A period of epoch seconds; None for an open end."""

    start: int | None = None
    end: int | None = None


def day(element: Element, name: str, *, needed: bool = False, end: bool = False) -> str | None:
    """A date as a day; the first day, or the last one, of a date that is less precise."""
    moment = _moment(element, name, needed=needed)
    if moment is None:
        return None
    if moment.at is not None:
        return _day_of_instant(element, name, moment.at)
    if moment.on is None or moment.precision == "D":
        return moment.on
    place, chosen = ("last", moments.last_of(moment)) if end else ("first", moment.on)
    known = _KNOWN_TO[moment.precision or ""]
    element.warning(name, f"is known to the {known} alone: it is kept as the {place} day of that {known}")
    return chosen


def partial_day(element: Element, name: str) -> tuple[str, str] | None:
    """A date and its precision (D, M or Y); an unknown month or day is the first one."""
    moment = _moment(element, name)
    if moment is None:
        return None
    if moment.at is not None:
        return _day_of_instant(element, name, moment.at), "D"
    return moment.on or "", moment.precision or "D"


def moment(element: Element, name: str) -> Moment:
    """A dateTime with its precision."""
    return _moment(element, name) or Moment()


def days(element: Element, name: str, *, needed: bool = False) -> Days:
    """A Period whose ends are kept as days."""
    period = element.child(name, needed=needed)
    if period is None:
        return Days()
    start, end = period.peek("start"), period.peek("end")
    known = _partial_text(period, "start"), _partial_text(period, "end")
    period_days = Days(day(period, "start"), day(period, "end", end=True), *known)
    if period_days.first is None or period_days.last is None or period_days.first <= period_days.last:
        return period_days
    # FHIR does not define the order of an instant and a day.
    if isinstance(start, str) and isinstance(end, str) and ("T" in start) == ("T" in end):
        period.error("end", _ENDS_FIRST)
        return period_days
    period.warning("end", "is kept as the day of the start: it is before it, on the legal entity's clock")
    return Days(period_days.first, period_days.first)


def instant(element: Element, name: str, *, needed: bool = False, end: bool = False) -> int | None:
    """A dateTime as an epoch second; the first, or the last, of a dateTime without a time.

    Args:
        element: The element with the property.
        name: The property.
        needed: Whether it must be there, and in the years that a column holds.
        end: Whether to return the last second.
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
    after = datetime.fromisoformat(moments.last_of(moment)).replace(tzinfo=zone) + timedelta(days=1)
    return int(after.timestamp()) - 1


def is_partial(element: Element, name: str) -> bool:
    """Return whether a dateTime has no time."""
    text = element.peek(name)
    return isinstance(text, str) and moments.first_of(text) is not None


def interval(element: Element, name: str, *, needed: bool = False) -> Interval | None:
    """A Period whose ends are instants; None if it is absent."""
    value = element.peek(name)
    if isinstance(value, dict):
        plain = _plain_interval(value)
        if plain is not None:
            element.skip(name)
            return plain
    child = element.child(name, needed=needed)
    return None if child is None else interval_of(child)


def interval_of(element: Element) -> Interval:
    """Like `interval`, for an element that is itself a Period."""
    period = Interval(instant(element, "start"), instant(element, "end", end=True))
    if period.start is not None and period.end is not None and period.end < period.start:
        element.error("end", _ENDS_FIRST)
    return period


def _plain_interval(value: JsonObject) -> Interval | None:
    """Read a Period as this service writes it, the usual case, without an Element; None for any other."""
    start, end = value.get("start"), value.get("end")
    if not isinstance(start, str) or PLAIN.fullmatch(start) is None:
        return None
    first = _kept_epoch(start)
    if end is None:
        return Interval(first) if len(value) == 1 and first is not None else None
    if len(value) > 2 or not isinstance(end, str) or PLAIN.fullmatch(end) is None:  # noqa: PLR2004 - start and end
        return None
    last = _kept_epoch(end)
    return None if first is None or last is None or last < first else Interval(first, last)


def _moment(element: Element, name: str, *, needed: bool = False, kept: bool = False) -> Moment | None:
    """A date or dateTime in the years that a column holds; any other is left out, or an error."""
    text = element.string(name, needed=needed)
    if text is None:
        return None
    moment = moments.read(text)
    if moment is None:
        element.error(name, _INSTANT_RULE if "T" in text else _DATE_RULE)
        return None
    if moment.at is not None:
        if moments.is_leap(text):
            element.warning(name, "is a leap second: it is kept as the second before")
        if moments.has_fraction(text):
            element.warning(name, "is kept to the second")
    inside = (
        moments.is_kept(moment.at) if moment.at is not None else FIRST_DAY <= (moment.on or "") <= LAST_DAY
    )
    if inside:
        return moment
    if kept:
        element.error(name, f"must be {_YEARS}")
    else:
        element.warning(name, _OUTSIDE)
    return None


def _partial_text(period: Element, name: str) -> str | None:
    text = period.peek(name)
    return text if isinstance(text, str) and len(text) < DAY_LENGTH and is_partial(period, name) else None


def _day_of_instant(element: Element, name: str, seconds: int) -> str:
    local = datetime.fromtimestamp(seconds, ZoneInfo(element.scope.context.time_zone))
    if (local.hour, local.minute, local.second) != (0, 0, 0):
        element.warning(name, "is kept to the day, on the legal entity's clock")
    return local.date().isoformat()


def _kept_epoch(text: str) -> int | None:
    """Return the epoch second of an instant that needs no warning; None for any other."""
    if moments.is_leap(text):
        return None
    seconds = moments.epoch(text)
    return seconds if seconds is not None and moments.is_kept(seconds) else None

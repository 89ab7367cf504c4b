"""FHIR dates and times to the precision that they are known to, and the day of an instant in a time zone.

Source: FHIR R4, date and dateTime (regular expressions); the dates must exist.
"""

import re
from calendar import monthrange
from datetime import date, datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from fhirexport_server.domain.rows import FIRST_DAY, LAST_DAY

DAY: Final = 86_400
_FIRST: Final = int(datetime.fromisoformat(f"{FIRST_DAY}T00:00:00Z").timestamp())
_LAST: Final = int(datetime.fromisoformat(f"{LAST_DAY}T23:59:59Z").timestamp())
_DATE: Final = re.compile(r"[0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2})?)?")
_SECONDS: Final = r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})"
_OFFSET: Final = r"(Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
_INSTANT: Final = re.compile(_SECONDS + r"(\.[0-9]+)?" + _OFFSET)
PLAIN: Final = re.compile(_SECONDS + _OFFSET)
"""An instant without a fraction of a second."""
_UNIX_DAY: Final = date(1970, 1, 1)
DAY_LENGTH: Final = len("YYYY-MM-DD")
_PRECISION: Final = {DAY_LENGTH: "D", len("YYYY-MM"): "M", len("YYYY"): "Y"}
_LEAP: Final = ":60"
_SECOND_AT: Final = slice(len("YYYY-MM-DDTHH:MM"), len("YYYY-MM-DDTHH:MM:SS"))


class Moment(NamedTuple):
    """A dateTime: an instant, or a day with its precision."""

    at: int | None = None
    """Epoch seconds."""
    on: str | None = None
    """ISO text; an unknown month or day is the first one."""
    precision: str | None = None
    """D, M or Y; only with `on`."""


def is_leap(text: str) -> bool:
    """Return whether an instant is a leap second."""
    return text[_SECOND_AT] == _LEAP


def has_fraction(text: str) -> bool:
    """Return whether an instant has a fraction of a second."""
    parts = _INSTANT.fullmatch(text)
    return parts is not None and parts[2] is not None and bool(parts[2].strip(".0"))


def first_day(value: object, time_zone: str) -> str | None:
    """Return the first day that a JSON value may mean in a time zone; None if it is no dateTime."""
    moment = read(value)
    if moment is None:
        return None
    return moment.on if moment.at is None else local_day(moment.at, time_zone)


def last_day(value: object, time_zone: str) -> str | None:
    """Return the last day that a JSON value may mean in a time zone; None if it is no dateTime."""
    moment = read(value)
    if moment is None:
        return None
    return last_of(moment) if moment.at is None else local_day(moment.at, time_zone)


def latest(value: object) -> int | None:
    """Return the last second that a JSON value may mean, a day being UTC's; None if it is no dateTime."""
    moment = read(value)
    if moment is None:
        return None
    return midnight(last_of(moment)) + DAY - 1 if moment.at is None else moment.at


def local_day(seconds: int, time_zone: str) -> str:
    """Return the day of an instant in a time zone, ISO text; the nearest day that columns hold."""
    inside = min(max(seconds, _FIRST), _LAST)
    return datetime.fromtimestamp(inside, ZoneInfo(time_zone)).date().isoformat()


def midnight(day: str) -> int:
    """Return the epoch second at which a day begins in UTC."""
    return (date.fromisoformat(day) - _UNIX_DAY).days * DAY


def read(value: object) -> Moment | None:
    """Read a JSON value that may be a FHIR date or dateTime; None if it is neither."""
    if not isinstance(value, str):
        return None
    first = first_of(value)
    if first is not None:
        return Moment(on=first, precision=_PRECISION[len(value)])
    parts = _INSTANT.fullmatch(value)
    if parts is None:
        return None
    seconds = epoch(parts[1] + parts[3])
    return None if seconds is None else Moment(at=seconds)


def first_of(text: str) -> str | None:
    """Return the first day of a date; None if no such date exists."""
    if _DATE.fullmatch(text) is None:
        return None
    first = f"{text}-01-01"[:DAY_LENGTH] if len(text) < DAY_LENGTH else text
    try:
        date.fromisoformat(first)
    except ValueError:
        return None
    return first


def last_of(moment: Moment) -> str:
    """Return the last day that a moment without a time may mean."""
    on = moment.on or ""
    if moment.precision == "D":
        return on
    if moment.precision == "Y":
        return f"{on[:4]}-12-31"
    return f"{on[:7]}-{monthrange(int(on[:4]), int(on[5:7]))[1]}"


def epoch(text: str) -> int | None:
    """Return the epoch second of an instant without a fraction; a leap second counts as the one before."""
    if text[_SECOND_AT] == _LEAP:
        text = f"{text[: _SECOND_AT.start]}:59{text[_SECOND_AT.stop :]}"
    try:
        return int(datetime.fromisoformat(text).timestamp())
    except (ValueError, OverflowError):
        return None


def is_kept(seconds: int) -> bool:
    """Return whether a column can hold an epoch second: the years 1850 to 2199."""
    return _FIRST <= seconds <= _LAST

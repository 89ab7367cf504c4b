"""Instants as FHIR dateTimes: in the EJ's time zone, with the offset that was in force."""

from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

_DAY: Final = 86_400
_MAX_ENTRIES: Final = 4_096
_UNIX_DAY: Final = date(1970, 1, 1).toordinal()
_MINUTES: Final = [f"T{minute // 60:02}:{minute % 60:02}:" for minute in range(_DAY // 60)]
_SECONDS: Final = [f"{second:02}" for second in range(60)]


class Instants(dict[int, str]):
    """FHIR dateTimes by epoch second: `instants[1768064400]` is `2026-01-10T18:00:00+01:00` in Paris.

    A cache that fills itself, since a stay prints each of its instants several times. It holds at most
    `_MAX_ENTRIES` of them. Nearly all days have one offset, so a new instant needs no look-up in the zone.
    """

    def __init__(self, zone: str) -> None:
        super().__init__()
        self._zone = ZoneInfo(zone)
        # Each day (UTC) with its offset, in seconds and as text; None if the offset changes that day.
        self._offsets: dict[int, tuple[int, str] | None] = {}

    def __missing__(self, epoch: int) -> str:
        if len(self) >= _MAX_ENTRIES:
            self.clear()
            self._offsets.clear()
        day = epoch // _DAY
        if day not in self._offsets:
            self._offsets[day] = self._only_offset(day)
        seconds, suffix = self._offsets[day] or self._offset(epoch)
        local_day, second = divmod(epoch + seconds, _DAY)
        text = f"{_date(local_day)}{_MINUTES[second // 60]}{_SECONDS[second % 60]}{suffix}"
        self[epoch] = text
        return text

    def _only_offset(self, day: int) -> tuple[int, str] | None:
        first = self._offset(day * _DAY)
        return first if first == self._offset((day + 1) * _DAY) else None

    def _offset(self, epoch: int) -> tuple[int, str]:
        """Return the offset in force, in seconds and as text.

        Before a country's standard time (in France, 1911), offsets have seconds, which FHIR does not
        allow. They are rounded to the minute: the instant stays the same.
        """
        offset = datetime.fromtimestamp(epoch, self._zone).utcoffset() or timedelta()
        minutes = round(offset / timedelta(minutes=1))
        hour, minute = divmod(abs(minutes), 60)
        return minutes * 60, f"{'-' if minutes < 0 else '+'}{hour:02}:{minute:02}"


@lru_cache(maxsize=4096)
def _date(day: int) -> str:
    return date.fromordinal(day + _UNIX_DAY).isoformat()

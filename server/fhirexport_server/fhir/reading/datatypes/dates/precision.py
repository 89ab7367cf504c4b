"""The instants that a dateTime without a time may mean: every second of its day, month or year.

If the instant is already known and is one of them, it is kept: the less precise value must not replace it.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from fhirexport_server.domain.rows import FIRST_DAY, LAST_DAY
from fhirexport_server.fhir.reading.datatypes.dates import moments
from fhirexport_server.fhir.reading.datatypes.dates.times import Interval
from fhirexport_server.fhir.reading.json.element import Element


def reach(element: Element, period: str, name: str) -> Interval | None:
    """Return the seconds that the start or end of a Period may mean.

    None if it has a time, is absent, or is of no year that a column holds.

    Args:
        element: The element with the Period, which is not read yet.
        period: The Period's name.
        name: `start` or `end`.
    """
    value = element.peek_in(period, name)
    if not isinstance(value, str) or "T" in value:
        return None
    zone = element.scope.context.time_zone
    first, last = moments.first_day(value, zone), moments.last_day(value, zone)
    if first is None or last is None or not FIRST_DAY <= first <= last <= LAST_DAY:
        return None
    after = datetime.fromisoformat(last).replace(tzinfo=ZoneInfo(zone)) + timedelta(days=1)
    begins = datetime.fromisoformat(first).replace(tzinfo=ZoneInfo(zone))
    return Interval(int(begins.timestamp()), int(after.timestamp()) - 1)


def refined(received: int | None, reach_: Interval | None, known: int | None) -> int | None:
    """Return the known instant if the new value may mean it; otherwise the new value.

    Args:
        received: The new value.
        reach_: The seconds that the new value may mean.
        known: The instant that is known already.
    """
    if known is None or reach_ is None or reach_.start is None or reach_.end is None:
        return received
    return known if reach_.start <= known <= reach_.end else received

"""What a dateTime without a time may mean: from the first to the last second of its day, month or year.

A column that holds an instant has one of them. What says less about the same moment than is known already
does not take its place.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from fhirexport_server.fhir.reading.datatypes.dates import moments
from fhirexport_server.fhir.reading.datatypes.dates.times import Interval
from fhirexport_server.fhir.reading.json.element import Element


def reach(element: Element, period: str, name: str) -> Interval | None:
    """Return the seconds that an end of a Period may mean; None where it says its time, or nothing.

    Args:
        element: What has the Period, which is not read yet.
        period: The Period's name.
        name: Start or end.
    """
    value = element.peek_in(period, name)
    if not isinstance(value, str) or "T" in value:
        return None
    zone = element.scope.context.time_zone
    first, last = moments.first_day(value, zone), moments.last_day(value, zone)
    if first is None or last is None:
        return None
    after = datetime.fromisoformat(last).replace(tzinfo=ZoneInfo(zone)) + timedelta(days=1)
    begins = datetime.fromisoformat(first).replace(tzinfo=ZoneInfo(zone))
    return Interval(int(begins.timestamp()), int(after.timestamp()) - 1)


def refined(said: int | None, reach_: Interval | None, known: int | None) -> int | None:
    """Return the instant that is known already, where what is said may mean it; otherwise what is said."""
    if known is None or reach_ is None or reach_.start is None or reach_.end is None:
        return said
    return known if reach_.start <= known <= reach_.end else said

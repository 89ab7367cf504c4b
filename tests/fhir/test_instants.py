"""How instants are printed: with the offset that was in force, to the second, whatever the zone."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from fhirexport_server.domain.codes import TIME_ZONE
from fhirexport_server.fhir.instants import Instants
from hypothesis import given
from hypothesis import strategies as st

FIRST = int(datetime.fromisoformat("1850-01-01T00:00:00+00:00").timestamp())
LAST = int(datetime.fromisoformat("2199-12-31T23:59:59+00:00").timestamp())


@pytest.mark.parametrize(
    ("zone", "utc", "local"),
    [
        ("Europe/Paris", "2026-01-10T17:00:00", "2026-01-10T18:00:00+01:00"),
        ("Europe/Paris", "2026-07-10T16:00:00", "2026-07-10T18:00:00+02:00"),
        # The hour that there is twice, and the hour that there is not.
        ("Europe/Paris", "2026-10-25T00:30:00", "2026-10-25T02:30:00+02:00"),
        ("Europe/Paris", "2026-10-25T00:59:59", "2026-10-25T02:59:59+02:00"),
        ("Europe/Paris", "2026-10-25T01:00:00", "2026-10-25T02:00:00+01:00"),
        ("Europe/Paris", "2026-10-25T01:30:00", "2026-10-25T02:30:00+01:00"),
        ("Europe/Paris", "2026-03-29T00:59:59", "2026-03-29T01:59:59+01:00"),
        ("Europe/Paris", "2026-03-29T01:00:00", "2026-03-29T03:00:00+02:00"),
        # Over midnight, in both directions, with half an hour.
        ("Pacific/Marquesas", "2026-01-10T09:29:59", "2026-01-09T23:59:59-09:30"),
        ("Pacific/Noumea", "2026-01-10T13:00:00", "2026-01-11T00:00:00+11:00"),
        ("America/Cayenne", "2026-01-01T02:00:00", "2025-12-31T23:00:00-03:00"),
        # Before 1911 the offset was 9 minutes and 21 seconds.
        ("Europe/Paris", "1900-01-01T00:00:00", "1900-01-01T00:09:00+00:09"),
        ("Europe/Paris", "1969-12-31T23:59:59", "1970-01-01T00:59:59+01:00"),
    ],
)
def test_an_instant_is_printed_with_the_offset_in_force(zone: str, utc: str, local: str) -> None:
    epoch = int(datetime.fromisoformat(f"{utc}+00:00").timestamp())

    assert Instants(zone)[epoch] == local


@given(st.sampled_from(TIME_ZONE), st.integers(FIRST, LAST))
def test_every_instant_is_what_the_zone_says(zone: str, epoch: int) -> None:
    printed = Instants(zone)[epoch]
    expected = datetime.fromtimestamp(epoch, ZoneInfo(zone))

    assert datetime.fromisoformat(printed) == expected
    assert len(printed) == len("2026-01-10T18:00:00+01:00")
    offset = datetime.fromisoformat(printed).utcoffset()
    in_force = expected.utcoffset()
    assert offset is not None
    assert in_force is not None
    assert abs(offset - in_force) < timedelta(minutes=1)
    if in_force.seconds % 60 == 0:
        assert offset == in_force


def test_a_day_with_two_offsets_prints_each_second_right_whichever_comes_first() -> None:
    start = int(datetime.fromisoformat("2026-10-25T00:00:00+00:00").timestamp())
    day = range(start, start + 86_400, 599)
    forwards, backwards = Instants("Europe/Paris"), Instants("Europe/Paris")

    there = [forwards[epoch] for epoch in day]
    back = [backwards[epoch] for epoch in reversed(day)]

    assert there == back[::-1]
    assert there == [datetime.fromtimestamp(epoch, ZoneInfo("Europe/Paris")).isoformat() for epoch in day]


def test_what_is_kept_is_bounded_and_the_same_when_it_is_printed_again() -> None:
    instants = Instants("Europe/Paris")
    first = instants[0]

    for epoch in range(1, 70_000):
        _ = instants[epoch]

    assert len(instants) <= 4_096
    assert instants[0] == first

"""Shows that what an Encounter knows to the day is kept, and does not take the place of what is known."""

import pytest
from imports.hospital import Hospital, Resource, counts
from imports.test_inference import part
from imports.test_summaries import END, START, fresh, problems, shown

pytestmark = pytest.mark.content

DAY, LAST_DAY = START[:10], END[:10]
PERIOD = {"start": f"{DAY}T00:00:00+01:00", "end": f"{LAST_DAY}T23:59:59+01:00"}


async def test_days_are_from_their_first_to_their_last_second(hospital: Hospital) -> None:
    venue = fresh(hospital, "C12", status="finished", period={"start": DAY, "end": LAST_DAY})

    summary = await hospital.stream(venue)

    assert counts(summary) == (1, 0, 0, 0)
    assert problems(summary) == [
        ("warning", "Encounter.period.start"),
        ("warning", "Encounter.period.end"),
    ]
    now = shown(await hospital.now(), "C12")
    assert (now["status"], now["period"]) == ("finished", PERIOD)
    assert counts(await hospital.stream(venue)) == (0, 0, 1, 0)


async def test_a_planned_stay_may_be_known_to_the_month(hospital: Hospital) -> None:
    await hospital.stream(fresh(hospital, "C12", status="planned", period={"start": "2027-03"}))

    now = shown(await hospital.now(), "C12")
    assert (now["status"], now["period"]) == ("planned", {"start": "2027-03-01T00:00:00+01:00"})


@pytest.mark.parametrize("status", ["finished", "planned"])
async def test_a_less_precise_repetition_takes_nothing_away(hospital: Hospital, status: str) -> None:
    period = {"start": START, "end": END} if status == "finished" else {"start": START}
    precise = fresh(hospital, "C12", status=status, period=period)
    await hospital.stream(precise)
    before = await hospital.exports()

    for less in (slice(10), slice(7), slice(4)):
        vague = precise | {"period": {name: instant[less] for name, instant in period.items()}}
        assert counts(await hospital.stream(vague)) == (0, 0, 1, 0)
        assert await hospital.exports() == before
    # Another day is another moment.
    await hospital.stream(precise | {"period": {"start": "2026-02-28", "end": LAST_DAY}})
    assert shown(await hospital.now(), "C12")["period"]["start"] == "2026-02-28T00:00:00+01:00"


async def test_a_movement_that_is_known_to_the_day(hospital: Hospital) -> None:
    venue = fresh(hospital, "C01", status="in-progress", period={"start": START})
    precise = part(hospital, "P1", "in-progress", START, None)
    vague: Resource = precise | {"period": {"start": DAY}}

    await hospital.stream(venue, vague)
    assert shown(await hospital.now(), "C01")["period"] == {"start": PERIOD["start"]}
    await hospital.stream(venue, precise)
    before = await hospital.exports()
    await hospital.stream(venue, vague)

    assert shown(await hospital.now(), "C01")["period"] == {"start": START}
    assert await hospital.exports() == before


async def test_what_r4_allows_in_times_and_references(hospital: Hospital) -> None:
    """A leap second, a reference to a version, and places that are only named."""
    venue = fresh(hospital, "C28", status="in-progress", period={"start": "2016-12-31T23:59:60Z"})
    subject = venue["subject"]["reference"]
    venue |= {
        "subject": {"reference": f"{subject}/_history/3"},
        "location": [{"location": {"display": "Chambre 12"}}, {"location": {"reference": "#c"}}],
        "serviceProvider": {"display": "CHU X"},
    }

    summary = await hospital.stream(venue)

    assert counts(summary) == (1, 0, 0, 0)
    assert sorted(problems(summary)) == [
        ("warning", "Encounter.location[0]"),
        ("warning", "Encounter.location[1]"),
        ("warning", "Encounter.period.start"),
        ("warning", "Encounter.serviceProvider"),
    ]
    now = shown(await hospital.now(), "C28")
    assert now["subject"] == {"reference": subject}
    assert now["period"] == {"start": "2017-01-01T00:59:59+01:00"}

"""Shows what becomes of Encounters as systems in the field send them: what is in force, and odd elements."""

import pytest
from imports.field import expressions
from imports.hospital import Hospital, Resource, counts
from imports.test_stays import movements_of, stay
from imports.test_summaries import fresh

pytestmark = pytest.mark.content

ATTENDING = {
    "coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "ATND"}]
}


def doctor(name: str, **period: str) -> Resource:
    return {"type": [ATTENDING], "individual": {"display": name}, "period": period}


async def sent(hospital: Hospital, number: str, venue: Resource) -> tuple[Resource, list[str]]:
    """Sends a venue; returns what is exported of it, and the paths of the warnings."""
    summary = await hospital.stream(venue)
    assert [one for one in summary.problems if one.severity == "error"] == []
    found = [
        one
        for one in (await hospital.now()).values()
        if any(each["value"] == number for each in one["identifier"])
    ]
    return found[0], expressions(summary)


@pytest.mark.parametrize("end", ["9999-12-31", "9999", "9999-12", "9999-12-31T23:59:59Z"])
@pytest.mark.parametrize("status", ["in-progress", "finished"])
async def test_an_end_that_no_calendar_goes_beyond_is_told(hospital: Hospital, end: str, status: str) -> None:
    period = {"start": "2026-03-01T08:00:00+01:00", "end": end}

    summary = await hospital.stream(fresh(hospital, "C-V1", status=status, period=period))

    assert "Encounter.period.end" in expressions(summary)
    assert counts(summary)[0] == (status == "in-progress")


@pytest.mark.parametrize("ended", [{"use": "old"}, {"period": {"end": "2020"}}])
async def test_the_number_in_force_is_the_venues(hospital: Hospital, ended: Resource) -> None:
    venue = fresh(hospital, "C-V2", status="in-progress", period={"start": "2026-03-01T08:00:00+01:00"})
    (number,) = venue["identifier"]
    venue["identifier"] = [number | {"value": "C-V2-OLD"} | ended, number]

    found, told = await sent(hospital, "C-V2", venue)

    assert [each["value"] for each in found["identifier"]] == ["C-V2"]
    assert told == ["Encounter.identifier[0]"]


@pytest.mark.parametrize(
    ("ended", "at"), [({"use": "old"}, "use"), ({"use": "official", "period": {"end": "2020"}}, "period")]
)
async def test_the_only_number_of_a_venue_is_kept_and_told(
    hospital: Hospital, ended: Resource, at: str
) -> None:
    venue = fresh(hospital, "C-V3", status="in-progress", period={"start": "2026-03-01T08:00:00+01:00"})
    venue["identifier"] = [venue["identifier"][0] | ended]

    _, told = await sent(hospital, "C-V3", venue)

    assert told == [f"Encounter.identifier[0].{at}"]


async def test_the_number_in_force_is_the_movements(hospital: Hospital) -> None:
    venue, movements = stay(hospital, "A01")
    (number,) = movements[0]["identifier"]
    movements[0]["identifier"] = [number | {"value": "C-OLD", "use": "old"}, number]

    summary = await hospital.stream(venue, *movements)

    assert expressions(summary) == ["Encounter.identifier[0]"]
    assert counts(summary)[:2] == (0, 0)
    assert movements_of(await hospital.now(), venue["id"])[0]["identifier"] == [number]


@pytest.mark.parametrize(
    "doctors",
    [
        [doctor("Dr Ancien", end="2026-03-01"), doctor("Dr Actuel")],
        [doctor("Dr Actuel"), doctor("Dr Ancien", end="2026-03-01")],
        [
            doctor("Dr Ancien", end="2026-03-02T09:00:00+01:00"),
            doctor("Dr Actuel", end="2026-03-02T11:00:00+01:00"),
        ],
    ],
)
async def test_the_last_attending_doctor_is_shown(hospital: Hospital, doctors: list[Resource]) -> None:
    period = {"start": "2026-03-01T08:00:00+01:00"}
    venue = fresh(hospital, "C-V4", status="in-progress", period=period, participant=doctors)

    found, told = await sent(hospital, "C-V4", venue)

    assert [one["individual"]["display"] for one in found["participant"]] == ["Dr Actuel"]
    assert len([one for one in told if one.startswith("Encounter.participant")]) >= 1


@pytest.mark.parametrize(
    "above", [{"display": "séjour"}, {"reference": "#v"}, {"identifier": {"value": "1"}}]
)
async def test_what_a_venue_is_part_of_may_be_named_by_nothing(hospital: Hospital, above: Resource) -> None:
    period = {"start": "2026-03-01T08:00:00+01:00"}
    venue = fresh(hospital, "C-V5", status="in-progress", period=period, partOf=above)

    found, told = await sent(hospital, "C-V5", venue)

    assert found["status"] == "in-progress"
    assert told == ["Encounter.partOf"]

"""Shows that another system's Encounters that are parts of a stay are understood without codes of ours."""

import json

import pytest
from imports.hospital import Hospital, Resource, counts, put
from imports.test_stays import event, movements_of
from imports.test_summaries import END, LATE, MIDDLE, START, fresh, problems, shown

pytestmark = pytest.mark.content

SID = "https://outside.example.org/sid"


def part(
    hospital: Hospital, number: str, status: str, start: str, end: str | None, **more: object
) -> Resource:
    """A part of the stay C01: no type, and a number of its own."""
    period = {"start": start} if end is None else {"start": start, "end": end}
    system = hospital.first("Encounter", "mvt-")["identifier"][0]["system"]
    return {
        "resourceType": "Encounter",
        "id": f"x-{number}",
        "identifier": [{"system": system, "value": number}],
        "status": status,
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
        "period": period,
        "partOf": {"reference": "Encounter/x-C01"},
        **more,
    }


def at(place: str) -> dict[str, object]:
    """That a part is at a place."""
    return {"location": [{"location": {"reference": f"Location/{place}"}}]}


def amb() -> dict[str, object]:
    """That a part is an outpatient's."""
    return {"class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}}


def events(resources: dict[str, Resource]) -> list[tuple[str, str]]:
    """Number and event of each movement of the stay C01."""
    venue = shown(resources, "C01")["id"]
    return [(one["identifier"][0]["value"], event(one)) for one in movements_of(resources, venue)]


async def test_the_parts_of_a_finished_stay_are_its_movements(hospital: Hospital) -> None:
    beds = [id_ for id_ in hospital.resources if id_.startswith("bed-")][:2]
    venue = fresh(hospital, "C01", status="finished", period={"start": START, "end": END})
    parts = [
        part(hospital, "P1", "finished", START, MIDDLE, **at(beds[0])),
        part(hospital, "P2", "finished", MIDDLE, LATE, **at(beds[1])),
        part(hospital, "P3", "finished", LATE, END, **at(beds[1])),
    ]

    summary = await hospital.stream(venue, *reversed(parts))

    assert summary.errors == 0
    assert counts(summary) == (4, 0, 0, 0)
    now = await hospital.now()
    assert events(now) == [("P1", "A01"), ("P2", "A02"), ("P3", "A02"), ("derived-C01-1", "A03")]
    stay = shown(now, "C01")
    assert (stay["status"], stay["period"]) == ("finished", {"start": START, "end": END})
    assert [(one["location"]["reference"][9:], one["period"]) for one in stay["location"]] == [
        (beds[0], {"start": START, "end": MIDDLE}),
        (beds[1], {"start": MIDDLE, "end": END}),
    ]
    # Again, all of it, one of it, or the summary alone: nothing changes.
    before = await hospital.exports()
    for again in ([venue, *parts], [venue], [venue, parts[1]]):
        assert counts(await hospital.stream(*again)) == (0, 0, len(again), 0)
        assert await hospital.exports() == before
    # A discharge of its own takes the place of the derived one.
    last = part(hospital, "P4", "finished", END, END)
    assert counts(await hospital.stream(venue, last)) == (1, 1, 0, 0)
    assert events(await hospital.now())[3:] == [("P4", "A03")]
    assert shown(await hospital.now(), "C01") == stay


async def test_parts_that_come_later_than_their_stay(hospital: Hospital) -> None:
    venue = fresh(hospital, "C01", status="finished", period={"start": START, "end": END})
    await hospital.stream(venue)
    stay = shown(await hospital.now(), "C01")
    parts = [
        part(hospital, "P1", "finished", START, MIDDLE),
        part(hospital, "P2", "finished", MIDDLE, END),
    ]

    for one in parts:
        one["partOf"] = {"reference": f"Encounter/{stay['id']}"}
    assert counts(await hospital.stream(*parts)) == (2, 0, 0, 0)

    now = await hospital.now()
    assert [one for _, one in events(now)] == ["A01", "A02", "A03"]
    assert (shown(now, "C01")["status"], shown(now, "C01")["period"]) == ("finished", stay["period"])


async def test_a_stay_that_is_reopened_loses_its_derived_discharge(hospital: Hospital) -> None:
    venue = fresh(hospital, "C01", status="finished", period={"start": START, "end": END})
    await hospital.stream(venue, part(hospital, "P1", "finished", START, END))
    assert [one for _, one in events(await hospital.now())] == ["A01", "A03"]

    await hospital.stream(venue | {"status": "in-progress", "period": {"start": START}})

    assert [one for _, one in events(await hospital.now())] == ["A01"]
    assert shown(await hospital.now(), "C01")["status"] == "in-progress"


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([("planned", MIDDLE, {})], ["A05"]),
        ([("in-progress", START, {}), ("onleave", MIDDLE, {})], ["A01", "A21"]),
        (
            [("finished", START, {}), ("onleave", MIDDLE, {}), ("in-progress", LATE, {})],
            ["A01", "A21", "A22"],
        ),
        ([("finished", START, amb()), ("in-progress", MIDDLE, {})], ["A04", "A06"]),
        ([("finished", START, {}), ("in-progress", MIDDLE, amb())], ["A01", "A07"]),
        ([("in-progress", START, {}), ("planned", LATE, {})], ["A01", "A15"]),
        ([("finished", START, {}), ("in-progress", MIDDLE, {})], ["A01", "A02"]),
    ],
)
async def test_a_part_is_what_its_status_and_its_place_among_the_others_say(
    hospital: Hospital, parts: list[tuple[str, str, Resource]], expected: list[str]
) -> None:
    venue = fresh(hospital, "C01", status=parts[-1][0], period={"start": START})
    if parts[-1][0] == "planned" and len(parts) > 1:
        venue["status"] = "in-progress"
    made = [
        part(hospital, f"P{index}", status, start, None, **more)
        for index, (status, start, more) in enumerate(parts)
    ]

    summary = await hospital.stream(venue, *made)

    assert summary.errors == 0
    now = await hospital.now()
    assert [one for _, one in events(now)] == expected
    assert shown(now, "C01")["status"] == venue["status"]


async def test_nothing_is_created_without_a_number(hospital: Hospital) -> None:
    venue = fresh(hospital, "C01", status="in-progress", period={"start": START})
    numberless = part(hospital, "P1", "in-progress", START, None)
    foreign = json.loads(json.dumps(numberless)) | {"id": "x-P2"}
    del numberless["identifier"]
    foreign["identifier"][0]["system"] = f"{SID}/other"
    before = await hospital.exports()

    assert await hospital.refused(put(venue), put(numberless), put(foreign)) == [
        (1, "Bundle.entry[1].resource.identifier"),
        (2, "Bundle.entry[2].resource.identifier"),
    ]
    assert await hospital.exports() == before
    summary = await hospital.stream(venue, numberless)
    assert problems(summary)[-1] == ("error", "Encounter.identifier")
    assert shown(await hospital.now(), "C01")["status"] == "in-progress"


async def test_a_cancelled_part_that_comes_back_is_active(hospital: Hospital) -> None:
    venue = fresh(hospital, "C01", status="in-progress", period={"start": START})
    parts = [
        part(hospital, "P1", "finished", START, MIDDLE),
        part(hospital, "P2", "in-progress", MIDDLE, None),
    ]
    await hospital.stream(venue, *parts)
    before = await hospital.exports()

    await hospital.stream(venue, parts[1] | {"status": "cancelled"})
    assert events(await hospital.now()) == [("P1", "A01")]
    await hospital.stream(venue, parts[1])

    assert await hospital.exports() == before

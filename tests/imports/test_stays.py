"""Shows what an import does to venues: movements that come, change, are cancelled or deleted, one by one."""

from copy import deepcopy

import pytest
from imports.hospital import Hospital, Resource, counts, delete, put

_EVENT = "/CodeSystem/movement-event"


def event(movement: Resource) -> str:
    """The event of a movement, such as A01."""
    codings = (coding for one in movement["type"] for coding in one["coding"])
    return str(next(coding["code"] for coding in codings if coding["system"].endswith(_EVENT)))


def stay(hospital: Hospital, *events: str) -> tuple[Resource, list[Resource]]:
    """A copy of the first venue that begins with some events, with its movements in their order."""
    for venue in hospital.resources.values():
        movements = movements_of(hospital.resources, venue["id"])
        if [event(one) for one in movements][: len(events)] == list(events):
            return deepcopy(venue), deepcopy(movements)
    raise AssertionError(f"there is no venue that begins with {events}")


def discharged(hospital: Hospital) -> tuple[Resource, list[Resource]]:
    """A copy of the first venue that begins with an admission and is over, with its movements."""
    for venue in hospital.resources.values():
        movements = movements_of(hospital.resources, venue["id"])
        events = [event(one) for one in movements]
        if events[:1] == ["A01"] and "A03" in events:
            return deepcopy(venue), deepcopy(movements)
    raise AssertionError("there is no venue that is over")


def movements_of(resources: dict[str, Resource], venue: str) -> list[Resource]:
    """The movements of a venue, in their order."""
    part_of = {"reference": f"Encounter/{venue}"}
    encounters = (one for one in resources.values() if one["resourceType"] == "Encounter")
    found = [one for one in encounters if one.get("partOf") == part_of]
    return sorted(found, key=lambda one: str(one["period"]["start"]))


async def test_a_transfer_is_cancelled_and_comes_back(hospital: Hospital) -> None:
    venue, movements = stay(hospital, "A01", "A02")
    before = await hospital.exports()
    transfer = movements[1]

    cancelled = await hospital.stream(transfer | {"status": "cancelled"})
    assert counts(cancelled) == (0, 1, 0, 0)
    now = await hospital.now()
    assert transfer["id"] not in now
    assert len(now[venue["id"]]["location"]) < len(venue["location"])
    # Sent again, it changes nothing.
    again = await hospital.stream(transfer | {"status": "cancelled"})
    assert counts(again) == (0, 0, 1, 0)

    assert counts(await hospital.stream(transfer)) == (0, 1, 0, 0)
    assert await hospital.exports() == before


async def test_a_movement_is_deleted_and_sent_again(hospital: Hospital) -> None:
    _, movements = stay(hospital, "A01", "A02")
    before = await hospital.exports()

    assert counts(await hospital.send("transaction", delete(f"Encounter/{movements[1]['id']}"))) == (
        0,
        0,
        0,
        1,
    )
    assert await hospital.exports() != before
    assert counts(await hospital.send("transaction", put(movements[1]))) == (1, 0, 0, 0)
    assert await hospital.exports() == before


@pytest.mark.long
async def test_movements_that_come_one_by_one_make_the_same_stay(hospital: Hospital) -> None:
    for events in (("A01", "A02"), ("A01", "A21"), ("A04",), ("A05",)):
        venue, movements = stay(hospital, *events)
        before = await hospital.exports()
        await hospital.send("transaction", delete(f"Encounter/{venue['id']}"))
        assert venue["id"] not in await hospital.now()

        await hospital.stream(venue)
        for movement in reversed(movements):
            assert counts(await hospital.stream(movement)) == (1, 0, 0, 0)

        assert await hospital.exports() == before


async def test_a_summary_alone_changes_nothing_of_the_movements(hospital: Hospital) -> None:
    venues = [one for id_, one in hospital.resources.items() if id_.startswith("ven-")]
    before = await hospital.exports()

    summary = await hospital.stream(*venues)

    assert counts(summary) == (0, 0, len(venues), 0)
    assert summary.problems == ()
    assert await hospital.exports() == before


async def test_what_does_not_follow_from_the_movements_is_a_warning(hospital: Hospital) -> None:
    venue, _ = stay(hospital, "A01", "A02")
    venue["location"] = venue["location"][:1]

    summary = await hospital.stream(venue)

    assert counts(summary) == (0, 0, 1, 0)
    said = [(one.severity.value, one.expression) for one in summary.problems]
    assert said == [("warning", "Encounter.location")]


async def test_a_discharge_before_the_admission_is_refused(hospital: Hospital) -> None:
    _, movements = discharged(hospital)
    last = next(one for one in movements if event(one) == "A03")
    last["period"] = {"start": "2001-01-01T10:00:00+01:00", "end": "2001-01-01T10:00:00+01:00"}

    assert await hospital.refused(put(last)) == [(0, "Bundle.entry[0].resource.period.start")]
    # The other way round: the admission comes after a discharge that is there.
    first = movements[0]
    first["period"] = {"start": "2031-01-01T10:00:00+01:00"}
    assert await hospital.refused(put(first)) == [(0, "Bundle.entry[0].resource.period.start")]


async def test_a_movement_has_the_patient_of_its_venue(hospital: Hospital) -> None:
    _, movements = stay(hospital, "A01")
    other = next(
        one["id"]
        for one in hospital.resources.values()
        if one["resourceType"] == "Patient" and not movements[0]["subject"]["reference"].endswith(one["id"])
    )
    movements[0]["subject"] = {"reference": f"Patient/{other}"}

    assert await hospital.refused(put(movements[0])) == [(0, "Bundle.entry[0].resource.subject")]


async def test_what_is_not_there_is_refused_with_its_path(
    hospital: Hospital,
) -> None:
    venue, movements = stay(hospital, "A01", "A02")
    first, second, *_ = movements
    venue = hospital.like(venue, "V-NEW", "ven-800000") | {"subject": {"reference": "Patient/pat-999999"}}
    first["serviceProvider"] = {"reference": "Organization/uf-999999"}
    first["location"][0]["location"] = {"reference": "Location/bed-999999"}
    second["partOf"] = {"reference": "Encounter/ven-999999"}

    assert await hospital.refused(put(venue), put(first), put(second)) == [
        (0, "Bundle.entry[0].resource.subject"),
        (1, "Bundle.entry[1].resource.serviceProvider"),
        (1, "Bundle.entry[1].resource.location[0].location"),
        (2, "Bundle.entry[2].resource.partOf"),
    ]


async def test_a_stay_that_contradicts_itself_is_left_out_of_a_batch_whole(hospital: Hospital) -> None:
    venue, movements = discharged(hospital)
    new = hospital.like(venue, "V-NEW", "ven-800000")
    moved = []
    for place, one in enumerate(movements):
        made = hospital.like(one, f"M-NEW{place}", f"mvt-{800_000 + place}")
        made["partOf"] = {"reference": "Encounter/ven-800000"}
        if event(made) == "A03":
            made["period"] = {"start": "2001-01-01T10:00:00+01:00", "end": "2001-01-01T10:00:00+01:00"}
        moved.append(made)
    before = await hospital.exports()

    summary = await hospital.stream(new, *moved)

    assert counts(summary) == (0, 0, 0, 0)
    assert {one.entry for one in summary.problems if one.severity == "error"} == set(range(len(moved) + 1))
    assert await hospital.exports() == before


async def test_a_class_is_as_it_was_told_whatever_comes_before_it(hospital: Hospital) -> None:
    """What other movements show does not change because of one that comes late."""
    venue, movements = stay(hospital, "A01", "A02")
    first, second, *_ = movements
    first["class"] = {**first["class"], "code": "AMB"}

    await hospital.stream(first)

    now = await hospital.now()
    assert now[first["id"]]["class"]["code"] == "AMB"
    assert now[second["id"]]["class"] == second["class"]
    assert now[venue["id"]]["class"] == venue["class"]

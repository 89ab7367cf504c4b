"""Shows that a search and an identifier in one reference name one thing, and that no stay is emptied."""

import pytest
from fhirexport_server.domain.errors import ImportRefusedError
from fhirexport_server.domain.imports import Problem
from imports.hospital import Hospital, Resource, counts, delete, post, put
from imports.test_stays import event, movements_of, stay
from imports.test_summaries import fresh, shown

START = "2026-03-01T08:00:00+01:00"


def search(resource: Resource, index: int = -1) -> Resource:
    """A reference to a resource by a search."""
    number = resource["identifier"][index]
    return {"reference": f"{resource['resourceType']}?identifier={number['system']}|{number['value']}"}


def logical(resource: Resource, index: int = -1) -> Resource:
    """A reference to a resource by an identifier."""
    number = resource["identifier"][index]
    return {"identifier": {"system": number["system"], "value": number["value"]}}


def errors(problems: tuple[Problem, ...]) -> list[str]:
    return [one.expression for one in problems if one.severity == "error"]


@pytest.mark.content
@pytest.mark.parametrize("way", ["stream", "collection"])
async def test_a_search_beside_the_identifier_of_another_patient_is_refused(
    hospital: Hospital, way: str
) -> None:
    first, second = [one for one in hospital.resources.values() if one["resourceType"] == "Patient"][:2]
    before = await hospital.exports()
    for one, other in ((first, second), (second, first)):
        venue = fresh(hospital, "C-V1", status="in-progress", period={"start": START})
        venue["subject"] = search(one) | logical(other)
        if way == "stream":
            assert errors((await hospital.stream(venue)).problems) == ["Encounter.subject"]
        else:
            entry = {"resource": venue}
            with pytest.raises(ImportRefusedError) as caught:
                await hospital.send("collection", entry)
            assert [one.expression for one in caught.value.problems] == ["Bundle.entry[0].resource.subject"]
    assert await hospital.exports() == before


@pytest.mark.content
async def test_a_search_beside_another_identifier_of_the_same_patient_is_understood(
    hospital: Hospital,
) -> None:
    patient = next(
        one
        for one in hospital.resources.values()
        if one["resourceType"] == "Patient" and len(one["identifier"]) > 1
    )
    unknown = {"identifier": {"system": "urn:x", "value": "1"}}
    for number, beside in enumerate((logical(patient, 0), logical(patient), unknown)):
        venue = fresh(hospital, f"C-V{number}", status="in-progress", period={"start": START})
        venue["subject"] = search(patient) | beside

        assert counts(await hospital.stream(venue)) == (1, 0, 0, 0)
        assert shown(await hospital.now(), f"C-V{number}")["subject"] == {
            "reference": f"Patient/{patient['id']}"
        }


@pytest.mark.content
@pytest.mark.parametrize(
    ("prefix", "at", "target"),
    [("uf-", "partOf", "uf-"), ("bed-", "partOf", "room-"), ("bed-", "managingOrganization", "uf-")],
)
async def test_so_are_units_and_places(hospital: Hospital, prefix: str, at: str, target: str) -> None:
    type_ = "Organization" if prefix == "uf-" else "Location"
    resource = hospital.first(type_, prefix)
    targets = [one for id_, one in hospital.resources.items() if id_.startswith(target)]
    one, other = (each for each in targets[-2:])

    summary = await hospital.stream(resource | {at: search(one) | logical(other)})

    assert errors(summary.problems) == [f"{type_}.{at}"]


@pytest.mark.content
async def test_a_venue_beside_another_is_refused(hospital: Hospital) -> None:
    venue, movements = stay(hospital, "A01")
    other = next(
        one for id_, one in hospital.resources.items() if id_.startswith("ven-") and id_ != venue["id"]
    )
    both = search(venue, 0) | logical(other, 0)

    for sent in ((), (venue,), (other,)):
        summary = await hospital.stream(*sent, movements[0] | {"partOf": both})
        assert errors(summary.problems) == ["Encounter.partOf"]


async def test_the_last_movement_of_a_venue_does_not_move_away(hospital: Hospital) -> None:
    start = {"start": START}
    patients = [one for one in hospital.resources.values() if one["resourceType"] == "Patient"]
    venues = [
        fresh(hospital, f"C-V{index}", status="in-progress", period=start) | {"subject": search(patient)}
        for index, patient in enumerate(patients[:2])
    ]
    (movement,) = (one for one in stay(hospital, "A01")[1] if event(one) == "A01")
    movement = hospital.like(movement, "C-M1", "x-m") | {"partOf": search(venues[0], 0)}
    movement.pop("subject")
    assert counts(await hospital.stream(*venues, movement)) == (3, 0, 0, 0)
    before = await hospital.exports()

    elsewhere = movement | {"partOf": search(venues[1], 0)}
    assert errors((await hospital.stream(elsewhere)).problems) == ["Encounter.partOf"]
    assert "Encounter.partOf" in errors((await hospital.stream(venues[1], elsewhere)).problems)
    assert await hospital.exports() == before

    # With its former venue, it moves: that is what it says itself.
    assert errors((await hospital.stream(venues[0], elsewhere)).problems) == []
    now = await hospital.now()
    assert shown(now, "C-V0")["status"] == "in-progress"
    assert [one["identifier"][0]["value"] for one in movements_of(now, shown(now, "C-V1")["id"])] == ["C-M1"]


async def test_a_movement_that_leaves_others_behind_moves(hospital: Hospital) -> None:
    venue, movements = stay(hospital, "A01", "A02")
    other = fresh(hospital, "C-V9", status="in-progress", period={"start": START})
    other["subject"] = venue["subject"]
    assert counts(await hospital.stream(other)) == (1, 0, 0, 0)

    summary = await hospital.stream(movements[1] | {"partOf": search(other, 0)})

    assert errors(summary.problems) == []
    assert counts(summary) == (0, 1, 0, 0)


async def one_movement(hospital: Hospital) -> tuple[Resource, Resource]:
    """Writes a venue with one movement; returns both, as an export shows them."""
    venue = fresh(hospital, "C-V0", status="in-progress", period={"start": START})
    (movement,) = (one for one in stay(hospital, "A01")[1] if event(one) == "A01")
    movement = hospital.like(movement, "C-M1", "x-m") | {"partOf": search(venue)}
    movement.pop("subject")
    assert counts(await hospital.stream(venue, movement)) == (2, 0, 0, 0)
    found = shown(await hospital.now(), "C-V0")
    return found, movements_of(await hospital.now(), found["id"])[0]


async def test_the_last_movement_of_a_venue_is_not_deleted_alone(hospital: Hospital) -> None:
    venue, movement = await one_movement(hospital)
    gone = delete(f"Encounter/{movement['id']}")
    before = await hospital.exports()

    assert await hospital.refused(gone) == [(0, "Bundle.entry[0].request.url")]
    summary = await hospital.send("batch", gone)
    assert errors(summary.problems) == ["Bundle.entry[0].request.url"]
    assert counts(summary) == (0, 0, 0, 0)
    assert await hospital.exports() == before

    # With the venue, with another movement, or with what the venue is without it.
    another = post(movement | {"identifier": [movement["identifier"][0] | {"value": "C-M2"}]})
    assert counts(await hospital.send("transaction", gone, another)) == (1, 0, 0, 1)
    (second,) = movements_of(await hospital.now(), venue["id"])
    gone = delete(f"Encounter/{second['id']}")
    assert counts(await hospital.send("transaction", gone, put(venue)))[3] == 1
    assert shown(await hospital.now(), "C-V0")["status"] == "in-progress"
    (derived,) = movements_of(await hospital.now(), venue["id"])
    gone = delete(f"Encounter/{derived['id']}")
    assert await hospital.refused(gone) == [(0, "Bundle.entry[0].request.url")]
    said = put(venue | {"status": "cancelled"})
    assert counts(await hospital.send("transaction", gone, said, validate_only=True))[3] == 1
    both = [delete(f"Encounter/{one['id']}") for one in (derived, venue)]
    assert (await hospital.send("transaction", *both)).errors == 0
    assert venue["id"] not in await hospital.now()

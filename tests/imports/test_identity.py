"""Shows which row a resource becomes: by its id, by its number, or a new one; and which it never becomes."""

from copy import deepcopy

import pytest
from fhirexport_server.domain.errors import ImportRefusedError
from imports.hospital import Hospital, bundle, counts, delete, post, put
from support.importing import import_bundle


async def test_a_free_id_is_kept(hospital: Hospital) -> None:
    service = hospital.like(hospital.first("Organization", "service"), "NEW1", "service-900000")

    summary = await hospital.send("transaction", put(service))

    assert counts(summary) == (1, 0, 0, 0)
    assert (await hospital.now())["service-900000"]["identifier"][0]["value"] == "NEW1"


async def test_new_ids_come_after_those_that_were_brought(hospital: Hospital) -> None:
    first = hospital.like(hospital.first("Organization", "service"), "NEW1", "service-900000")
    second = hospital.like(first, "NEW2", "x")

    await hospital.send("transaction", put(first))
    await hospital.send("transaction", post(second))

    now = await hospital.now()
    (number,) = [
        int(id_.partition("-")[2])
        for id_, one in now.items()
        if id_.startswith("service") and one["identifier"][0]["value"] == "NEW2"
    ]
    assert number > 900_000


async def test_another_servers_id_leads_to_the_row_with_the_number(hospital: Hospital) -> None:
    patient = hospital.first("Patient")
    known = patient["id"]
    patient["birthDate"] = "1950-02-03"
    foreign = deepcopy(patient) | {"id": "a1b2"}

    summary = await hospital.send("transaction", put(foreign))

    assert counts(summary) == (0, 1, 0, 0)
    assert (await hospital.now())[known]["birthDate"] == "1950-02-03"


async def test_an_id_of_another_ej_is_given_anew(hospital: Hospital) -> None:
    before = await hospital.now()
    other = hospital.first("Organization", "service")
    ej = hospital.like(hospital.first("Organization", "ej"), "690781810", "ej-77")
    ej["identifier"] = [one for one in ej["identifier"] if one["system"] == "https://finess.esante.gouv.fr"]
    copy = deepcopy(other) | {"partOf": {"reference": "Organization/ej-77"}}
    copy["extension"] = [one for one in copy.get("extension", []) if "member" not in one["url"]]
    if not copy["extension"]:
        del copy["extension"]

    summary = await import_bundle(hospital.url, bundle("transaction", put(ej), put(copy)))

    assert counts(summary) == (2, 0, 0, 0)
    assert await hospital.now() == before


async def test_an_id_with_the_number_of_nobody_is_refused(hospital: Hospital) -> None:
    service = hospital.first("Organization", "service")
    service["identifier"][0]["value"] = "NOBODY"

    assert await hospital.refused(put(service)) == [(0, "Bundle.entry[0].resource.id")]


async def test_the_identifiers_of_two_patients_are_refused(hospital: Hospital) -> None:
    first, second = [one for one in hospital.resources.values() if one["resourceType"] == "Patient"][:2]
    both = deepcopy(first)
    both["identifier"] = [*both["identifier"], deepcopy(second["identifier"][-1])]

    problems = await hospital.refused(put(both))

    assert (0, "Bundle.entry[0].resource.identifier") in problems


async def test_references_follow_the_row_that_an_id_of_another_server_leads_to(hospital: Hospital) -> None:
    """Whoever names the id of the import means the import's resource."""
    first = hospital.first("Patient")
    foreign = deepcopy(first) | {"id": "a1b2"}
    venue = hospital.like(hospital.first("Encounter", "ven"), "V-NEW", "ven-800000")
    venue["subject"] = {"reference": "Patient/a1b2"}

    await hospital.stream(venue, foreign)

    assert (await hospital.now())["ven-800000"]["subject"]["reference"] == f"Patient/{first['id']}"


async def test_what_was_refused_is_not_taken_for_what_has_its_id(hospital: Hospital) -> None:
    first, second = [one for one in hospital.resources.values() if one["resourceType"] == "Patient"][:2]
    refused = deepcopy(second) | {"id": first["id"], "gender": "nothing"}
    venue = hospital.like(hospital.first("Encounter", "ven"), "V-NEW", "ven-800000")
    venue["subject"] = {"reference": f"Patient/{first['id']}"}

    summary = await hospital.stream(refused, venue)

    assert {problem.entry for problem in summary.problems if problem.severity == "error"} == {0, 1}
    assert "ven-800000" not in await hospital.now()


async def test_post_creates_and_refuses_what_is_there(hospital: Hospital) -> None:
    service = hospital.like(hospital.first("Organization", "service"), "NEW1", "x")

    assert counts(await hospital.send("transaction", post(service))) == (1, 0, 0, 0)
    assert await hospital.refused(post(service)) == [(0, "Bundle.entry[0].resource.identifier")]


async def test_conditional_create_leaves_what_is_there(hospital: Hospital) -> None:
    service = hospital.first("Organization", "service")
    number = service["identifier"][0]
    search = f"identifier={number['system']}|{number['value']}"
    service["name"] = "Renamed"

    assert counts(await hospital.send("transaction", post(service, ifNoneExist=search))) == (0, 0, 1, 0)
    assert (await hospital.now())[service["id"]]["name"] != "Renamed"

    new = hospital.like(service, "NEW1", "x")
    search = f"identifier={number['system']}|NEW1"
    assert counts(await hospital.send("transaction", post(new, ifNoneExist=search))) == (1, 0, 0, 0)


async def test_conditional_update_finds_its_row(hospital: Hospital) -> None:
    patient = hospital.first("Patient")
    number = patient["identifier"][-1]
    url = f"Patient?identifier={number['system']}|{number['value']}"
    changed = {name: value for name, value in patient.items() if name != "id"} | {"birthDate": "1950-02-03"}
    entry = {"resource": changed, "request": {"method": "PUT", "url": url}}

    assert counts(await hospital.send("transaction", entry)) == (0, 1, 0, 0)
    assert (await hospital.now())[patient["id"]]["birthDate"] == "1950-02-03"


async def test_delete_by_id_and_by_number(hospital: Hospital) -> None:
    first, second = [one for one in hospital.resources.values() if one["id"].startswith("ven-")][:2]
    number = next(one for one in second["identifier"] if one.get("use") == "official")

    summary = await hospital.send(
        "transaction",
        delete(f"Encounter/{first['id']}"),
        delete(f"Encounter?identifier={number['system']}|{number['value']}"),
        delete("Encounter/ven-999999"),
    )

    assert counts(summary) == (0, 0, 0, 2)
    now = await hospital.now()
    assert first["id"] not in now
    assert second["id"] not in now
    assert not [one for one in now.values() if one.get("partOf") == {"reference": f"Encounter/{first['id']}"}]


async def test_what_others_name_is_not_deleted(hospital: Hospital) -> None:
    patient = hospital.first("Encounter", "ven")["subject"]["reference"]

    assert await hospital.refused(delete(patient)) == [(0, "Bundle.entry[0].request.url")]
    assert await hospital.refused(delete("Organization/ej-1")) == [(0, "Bundle.entry[0].request.url")]
    by_number = "Organization?identifier=https://finess.esante.gouv.fr|010780054"
    assert await hospital.refused(delete(by_number)) == [(0, "Bundle.entry[0].request.url")]


async def test_a_bundle_that_makes_its_ej_needs_no_other(hospital: Hospital) -> None:
    ej = hospital.like(hospital.first("Organization", "ej"), "690781810", "ej-1")
    ej["identifier"] = [one for one in ej["identifier"] if one["system"] == "https://finess.esante.gouv.fr"]

    # 1 is another EJ's.
    with pytest.raises(ImportRefusedError):
        await import_bundle(hospital.url, bundle("transaction", put(ej)))
    ej["id"] = "ej-77"
    summary = await import_bundle(hospital.url, bundle("transaction", put(ej)))

    assert counts(summary) == (1, 0, 0, 0)
    assert {token.ej_id for token in summary.revisions} == {77}
    with pytest.raises(ImportRefusedError):
        await hospital.send("transaction", put(ej))

"""Shows that the names of one entry have to agree, on every way in; references land on what they name.

Source: FHIR R4, RESTful API (update, conditional update: 400 where the ids differ), Bundle (fullUrl).
"""

from copy import deepcopy

import pytest
from fhirexport_server.domain.errors import ImportRefusedError
from fhirexport_server.domain.imports import Problem, Severity
from imports.hospital import Hospital, Resource, bundle, counts, delete, post, put
from imports.names import (
    FREE,
    URN,
    Pair,
    by_search,
    disagreeing,
    number_of,
    pair_of,
    with_number,
    without_id,
)
from sqlalchemy import text
from support.exporting import BASE
from support.importing import import_bundle
from support.rows import writing

pytestmark = pytest.mark.content

KINDS = {
    "ej": ("Organization", "ej"),
    "unit": ("Organization", "service"),
    "place": ("Location", "bed"),
    "patient": ("Patient", "pat"),
    "venue": ("Encounter", "ven"),
    "movement": ("Encounter", "mvt"),
}


async def _errors(hospital: Hospital, type_: str, entry: Resource) -> list[Problem]:
    """Sends an entry; returns what it is refused for."""
    try:
        if type_ == "ndjson":
            summary = await hospital.stream(entry)
        else:
            summary = await hospital.send(type_, entry)
    except ImportRefusedError as error:
        return list(error.problems)
    return [one for one in summary.problems if one.severity is Severity.ERROR]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.long
async def test_names_that_disagree_are_refused_on_every_way_in(hospital: Hospital, kind: str) -> None:
    _, prefix = KINDS[kind]
    if kind == "ej":
        first = hospital.first("Organization", "ej")
        pair = Pair(first, with_number(first, "690781810") | {"id": "ej-2"})
        await import_bundle(hospital.url, bundle("collection", {"resource": pair.second}))
    else:
        pair = pair_of(hospital, prefix)
    before = await hospital.exports()

    written = []
    for name, type_, entry in disagreeing(pair):
        problems = await _errors(hospital, type_, entry)
        if not problems:
            written.append(name)
        for one in problems:
            text = f"{one.expression} {one.text}"
            assert number_of(pair.first)["value"] not in text
            assert pair.first["id"] not in text
            assert pair.second["id"] not in text

    assert written == []
    assert await hospital.exports() == before


async def test_an_encounter_is_never_written_to_another_patient_than_the_one_it_names(
    hospital: Hospital,
) -> None:
    """Field case 33, and the same by other ways in."""
    first, second = pair_of(hospital, "pat")
    mixed = first | {"id": second["id"]}
    venue = hospital.like(hospital.first("Encounter", "ven"), "V-NEW", "ven-987654")
    venue["subject"] = {"reference": f"Patient/{second['id']}"}
    search = Pair(first, second).search(first)
    before = await hospital.exports()

    assert await hospital.refused(by_search("PUT", mixed, search), post(venue)) == [
        (0, "Bundle.entry[0].resource.id"),
        (1, "Bundle.entry[1].resource.subject"),
    ]
    for entry in (by_search("PUT", mixed, search), put(mixed), put(mixed, fullUrl=URN)):
        summary = await hospital.send("batch", entry, post(venue))
        assert ({one.entry for one in summary.problems}, counts(summary)) == ({0, 1}, (0, 0, 0, 0))
    summary = await hospital.stream(venue, mixed)
    assert ({one.entry for one in summary.problems}, counts(summary)) == ({0, 1}, (0, 0, 0, 0))
    assert await hospital.exports() == before


async def test_a_name_of_a_refused_entry_leads_nowhere(hospital: Hospital) -> None:
    first, second = pair_of(hospital, "pat")
    venue = hospital.like(hospital.first("Encounter", "ven"), "V-NEW", "ven-987654")
    venue["subject"] = {"reference": f"Patient/{second['id']}"}
    wrong = put(second)
    wrong["request"] |= {"ifMatch": 'W/"1"'}
    twice = {"fullUrl": f"{BASE}/Patient/{second['id']}"}

    for entries in ([wrong], [put(second, **twice), put(first, **twice)]):
        summary = await hospital.send("batch", *entries, post(venue))
        assert {one.entry for one in summary.problems} == set(range(len(entries) + 1))
        assert counts(summary) == (0, 0, 0, 0)


async def test_an_id_that_post_ignores_is_no_name_of_what_is_there(hospital: Hospital) -> None:
    patient = hospital.plain_patients()[0]
    new = with_number(patient, "NEW")
    venue = hospital.like(hospital.first("Encounter", "ven"), "V-NEW", "ven-987654")
    venue["subject"] = {"reference": f"Patient/{patient['id']}"}
    entry = {"resource": new, "request": {"method": "POST", "url": "/Patient"}}

    assert await hospital.refused(entry, post(venue)) == [(1, "Bundle.entry[1].resource.subject")]
    assert counts(await hospital.send("transaction", entry)) == (1, 0, 0, 0)


async def test_a_reference_does_not_mean_an_id_that_the_import_gives(hospital: Hospital) -> None:
    """Whoever sent it cannot have known the id."""
    new = with_number(hospital.plain_patients()[0], "NEW")
    await hospital.send("transaction", post(new))
    (number,) = [
        int(id_.removeprefix("pat-"))
        for id_, one in (await hospital.now()).items()
        if one["resourceType"] == "Patient" and number_of(one)["value"] == "NEW"
    ]
    venue = hospital.like(hospital.first("Encounter", "ven"), "V-NEW", "ven-987654")

    newer = with_number(new, "NEWER")
    for given in (number + 1, number + 2):
        venue["subject"] = {"reference": f"Patient/pat-{given}"}
        summary = await hospital.stream(without_id(newer), venue, validate_only=True)
        assert [(one.entry, one.expression) for one in summary.problems] == [(1, "Encounter.subject")]


async def test_an_id_beyond_those_that_the_import_gives_is_a_name(hospital: Hospital) -> None:
    """Writers in plain SQL may take ids that the sequence knows nothing of."""
    with writing(hospital.url) as connection:
        highest = connection.execute(text("SELECT max(id) FROM patient")).scalar_one()
        number = highest + FREE
        connection.execute(text("INSERT INTO patient (ej_id, id) VALUES (1, :id)"), {"id": number})
        if "sqlite" in hospital.url:
            forgotten = text("UPDATE sqlite_sequence SET seq = :seq WHERE name = 'patient'")
            connection.execute(forgotten, {"seq": highest})
    venue = hospital.like(hospital.first("Encounter", "ven"), "V-NEW", "ven-987654")
    venue["subject"] = {"reference": f"Patient/pat-{number}"}
    new = without_id(with_number(hospital.plain_patients()[0], "NEW"))

    summary = await hospital.stream(new, venue)

    assert (counts(summary)[0], summary.errors) == (2, 0)
    with writing(hospital.url) as connection:
        of_venue = connection.execute(text("SELECT patient_id FROM venue WHERE venue_no = 'V-NEW'"))
        assert of_venue.scalar_one() == number


async def test_the_two_names_of_a_reference_agree(hospital: Hospital) -> None:
    first, second = pair_of(hospital, "pat")
    number = number_of(first)
    identifier = {"system": number["system"], "value": number["value"]}
    venue = hospital.like(hospital.first("Encounter", "ven"), "V-NEW", "ven-987654")

    venue["subject"] = {"reference": f"Patient/{second['id']}", "identifier": identifier}
    assert await hospital.refused(put(venue)) == [(0, "Bundle.entry[0].resource.subject")]
    assert await hospital.refused(put(second), put(venue)) == [(1, "Bundle.entry[1].resource.subject")]
    venue["subject"] = {"reference": f"Patient/{first['id']}", "identifier": identifier}
    assert counts(await hospital.send("transaction", put(venue))) == (1, 0, 0, 0)

    above, other = pair_of(hospital, "service")
    number = number_of(above)
    part = hospital.like(hospital.first("Organization", "uf"), "UF-NEW", "uf-987654")
    part["partOf"] = {
        "reference": f"Organization/{other['id']}",
        "identifier": {"system": number["system"], "value": number["value"]},
    }
    for also in ([], [put(other)], [put(other), put(above)]):
        problems = await hospital.refused(*also, put(part))
        assert (len(also), f"Bundle.entry[{len(also)}].resource.partOf") in problems


async def test_a_delete_names_its_kind(hospital: Hospital) -> None:
    """Units of all kinds share a table: the number alone is no name."""
    service = hospital.first("Organization", "service")
    number = service["id"].partition("-")[2]
    bed = hospital.first("Location", "bed")

    summary = await hospital.send(
        "transaction",
        *(delete(f"Organization/{kind}-{number}") for kind in ("uac", "uf", "pole")),
        delete(f"Location/room-{bed['id'].partition('-')[2]}"),
    )

    assert (counts(summary), summary.problems) == ((0, 0, 0, 0), ())


async def test_what_a_search_deletes_is_not_written_too(hospital: Hospital) -> None:
    venue = hospital.first("Encounter", "ven")
    search = Pair(venue, venue).search(venue)

    problems = await hospital.refused(delete(f"Encounter?{search}"), put(venue))

    assert (1, "Bundle.entry[1].resource") in problems


async def test_a_search_that_finds_several_units_is_refused(hospital: Hospital) -> None:
    """FHIR R4: 412. Units of different kinds may have the same number."""
    service = hospital.first("Organization", "service")
    pole = hospital.first("Organization", "pole")
    same = hospital.like(pole, number_of(service)["value"], "pole-987654")
    same.pop("extension", None)
    await hospital.send("transaction", put(same))
    search = Pair(service, same).search(service)

    assert await hospital.refused(delete(f"Organization?{search}")) == [(0, "Bundle.entry[0].request.url")]
    assert await hospital.refused(by_search("PUT", without_id(service), search)) == [
        (0, "Bundle.entry[0].request.url")
    ]
    assert await hospital.refused(by_search("POST", without_id(service), search)) == [
        (0, "Bundle.entry[0].request.ifNoneExist")
    ]


async def test_an_old_number_names_whose_it_is(hospital: Hospital) -> None:
    """A number changes: the old one stays as such, and the id, or the search for it, is still right."""
    patient = hospital.plain_patients()[0]
    number = number_of(patient)
    now = with_number(patient, "CHANGED")
    now["identifier"].append(deepcopy(number) | {"use": "old"})
    search = f"identifier={number['system']}|{number['value']}"

    assert counts(await hospital.send("transaction", put(now), validate_only=True)) == (0, 1, 0, 0)
    searched = by_search("PUT", without_id(now), search)
    assert counts(await hospital.send("transaction", searched)) == (0, 1, 0, 0)
    assert number_of((await hospital.now())[patient["id"]])["value"] in {"CHANGED", number["value"]}

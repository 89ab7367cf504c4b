"""Shows that the names of one entry have to agree, on every way in; references land on what they name.

Source: FHIR R4, RESTful API (update, conditional update: 400 where the ids differ), Bundle (fullUrl).
"""

from collections.abc import Iterator
from copy import deepcopy
from typing import NamedTuple

import pytest
from fhirexport_server.domain.errors import ImportRefusedError
from fhirexport_server.domain.imports import Problem, Severity
from imports.hospital import Hospital, Resource, bundle, counts, delete, post, put
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
URN = "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"
FREE = 987_654


class Pair(NamedTuple):
    """Two resources of a kind that are there."""

    first: Resource
    second: Resource

    def search(self, which: Resource) -> str:
        """The search that finds one of them."""
        number = _number(which)
        return f"identifier={number['system']}|{number['value']}"


def _number(resource: Resource) -> Resource:
    """The identifier that a resource is found by."""
    found: list[Resource] = resource["identifier"]
    official = [one for one in found if one.get("use") == "official"]
    of_finess = [one for one in found if one["system"] == "https://finess.esante.gouv.fr"]
    return (of_finess if resource["id"].startswith("ej-") else official or found)[-1]


def _pair(hospital: Hospital, prefix: str) -> Pair:
    found = [one for id_, one in hospital.resources.items() if id_.startswith(f"{prefix}-")]
    first, second, *_ = hospital.plain_patients() if prefix == "pat" else found
    return Pair(deepcopy(first), deepcopy(second))


def _with_number(resource: Resource, value: str) -> Resource:
    """A copy with another number."""
    found = deepcopy(resource)
    _number(found)["value"] = value
    return found


def _without_id(resource: Resource) -> Resource:
    return {name: value for name, value in resource.items() if name != "id"}


def _ways(resource: Resource) -> Iterator[tuple[str, str, Resource]]:
    """Yields every way in for a resource that is to be updated: a name, the type of Bundle, the entry."""
    url = f"{BASE}/{resource['resourceType']}/{resource['id']}"
    yield "line", "ndjson", resource
    yield "collection", "collection", {"resource": resource}
    yield "collection with a fullUrl", "collection", {"fullUrl": url, "resource": resource}
    yield "collection with a urn", "collection", {"fullUrl": URN, "resource": resource}
    yield (
        "collection with the id in the fullUrl",
        "collection",
        {
            "fullUrl": url,
            "resource": _without_id(resource),
        },
    )
    for type_ in ("transaction", "batch"):
        yield f"PUT in a {type_}", type_, put(resource)
        yield f"PUT with a fullUrl in a {type_}", type_, put(resource, fullUrl=url)
        yield f"PUT with a urn in a {type_}", type_, put(resource, fullUrl=URN)


def _search(method: str, resource: Resource, search: str, **more: object) -> Resource:
    """An entry with a search."""
    type_ = resource["resourceType"]
    if method == "POST":
        return {
            "resource": resource,
            "request": {"method": "POST", "url": type_, "ifNoneExist": search},
            **more,
        }
    return {"resource": resource, "request": {"method": method, "url": f"{type_}?{search}"}, **more}


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


def _disagreeing(pair: Pair) -> Iterator[tuple[str, str, Resource]]:
    """Yields entries whose names disagree: a name, the type of Bundle, the entry."""
    first, second = pair
    prefix = first["id"].partition("-")[0]
    free = f"{prefix}-{FREE}"
    number_of_nobody = "010000024" if prefix == "ej" else "NOBODY"
    for names, resource in (
        ("id of another", first | {"id": second["id"]}),
        ("id of nobody", first | {"id": free}),
        ("number of nobody", _with_number(second, number_of_nobody)),
    ):
        for way, type_, entry in _ways(resource):
            yield f"{names}, {way}", type_, entry
    found = pair.search(first)
    nobody = pair.search(_with_number(first, number_of_nobody))
    for method in ("PUT", "POST"):
        of_another = first | {"id": second["id"]}
        with_fullurl = {"fullUrl": f"{BASE}/{first['resourceType']}/{second['id']}"}
        yield f"{method} search and id", "transaction", _search(method, of_another, found)
        yield f"{method} search and id, with a urn", "batch", _search(method, of_another, found, fullUrl=URN)
        entry = _search(method, _without_id(first), found, **with_fullurl)
        yield f"{method} search and fullUrl", "transaction", entry
        yield f"{method} search and number", "transaction", _search(method, _without_id(second), found)
        other = _without_id(_with_number(first, number_of_nobody))
        yield f"{method} search and number of nobody", "batch", _search(method, other, found)
        yield f"{method} search of nobody and number", "batch", _search(method, _without_id(first), nobody)
    url = f"{first['resourceType']}/{first['id']}"
    yield "request URL and id", "transaction", put(first) | {"resource": second}
    yield "request URL and fullUrl", "batch", put(first, fullUrl=f"{BASE}/{url}0")
    yield (
        "POST and fullUrl",
        "batch",
        post(_with_number(first, number_of_nobody), fullUrl=f"{BASE}/{url}") | {"fullUrl": f"{BASE}/{url}"},
    )
    for names, more in (
        ("fullUrl", {"fullUrl": f"{BASE}/{first['resourceType']}/{second['id']}"}),
        ("id", {"resource": second}),
        ("type", {"resource": {"resourceType": "Location" if prefix != "bed" else "Patient"}}),
    ):
        yield f"DELETE and {names}", "batch", delete(url) | more
        yield (
            f"DELETE by a search and {names}",
            "transaction",
            (delete(f"{first['resourceType']}?{found}") | more),
        )


@pytest.mark.parametrize("kind", KINDS)
async def test_names_that_disagree_are_refused_on_every_way_in(hospital: Hospital, kind: str) -> None:
    _, prefix = KINDS[kind]
    if kind == "ej":
        first = hospital.first("Organization", "ej")
        pair = Pair(first, _with_number(first, "690781810") | {"id": "ej-2"})
        await import_bundle(hospital.url, bundle("collection", {"resource": pair.second}))
    else:
        pair = _pair(hospital, prefix)
    before = await hospital.exports()

    written = []
    for name, type_, entry in _disagreeing(pair):
        problems = await _errors(hospital, type_, entry)
        if not problems:
            written.append(name)
        for one in problems:
            text = f"{one.expression} {one.text}"
            assert _number(pair.first)["value"] not in text
            assert pair.first["id"] not in text
            assert pair.second["id"] not in text

    assert written == []
    assert await hospital.exports() == before


async def test_an_encounter_is_never_written_to_another_patient_than_the_one_it_names(
    hospital: Hospital,
) -> None:
    """Field case 33, and the same by other ways in."""
    first, second = _pair(hospital, "pat")
    mixed = first | {"id": second["id"]}
    venue = hospital.like(hospital.first("Encounter", "ven"), "V-NEW", "ven-987654")
    venue["subject"] = {"reference": f"Patient/{second['id']}"}
    search = Pair(first, second).search(first)
    before = await hospital.exports()

    assert await hospital.refused(_search("PUT", mixed, search), post(venue)) == [
        (0, "Bundle.entry[0].resource.id"),
        (1, "Bundle.entry[1].resource.subject"),
    ]
    for entry in (_search("PUT", mixed, search), put(mixed), put(mixed, fullUrl=URN)):
        summary = await hospital.send("batch", entry, post(venue))
        assert ({one.entry for one in summary.problems}, counts(summary)) == ({0, 1}, (0, 0, 0, 0))
    summary = await hospital.stream(venue, mixed)
    assert ({one.entry for one in summary.problems}, counts(summary)) == ({0, 1}, (0, 0, 0, 0))
    assert await hospital.exports() == before


async def test_a_name_of_a_refused_entry_leads_nowhere(hospital: Hospital) -> None:
    first, second = _pair(hospital, "pat")
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
    new = _with_number(patient, "NEW")
    venue = hospital.like(hospital.first("Encounter", "ven"), "V-NEW", "ven-987654")
    venue["subject"] = {"reference": f"Patient/{patient['id']}"}
    entry = {"resource": new, "request": {"method": "POST", "url": "/Patient"}}

    assert await hospital.refused(entry, post(venue)) == [(1, "Bundle.entry[1].resource.subject")]
    assert counts(await hospital.send("transaction", entry)) == (1, 0, 0, 0)


async def test_a_reference_does_not_mean_an_id_that_the_import_gives(hospital: Hospital) -> None:
    """Whoever sent it cannot have known the id."""
    new = _with_number(hospital.plain_patients()[0], "NEW")
    await hospital.send("transaction", post(new))
    (number,) = [
        int(id_.removeprefix("pat-"))
        for id_, one in (await hospital.now()).items()
        if one["resourceType"] == "Patient" and _number(one)["value"] == "NEW"
    ]
    venue = hospital.like(hospital.first("Encounter", "ven"), "V-NEW", "ven-987654")

    newer = _with_number(new, "NEWER")
    for given in (number + 1, number + 2):
        venue["subject"] = {"reference": f"Patient/pat-{given}"}
        summary = await hospital.stream(_without_id(newer), venue, validate_only=True)
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
    new = _without_id(_with_number(hospital.plain_patients()[0], "NEW"))

    summary = await hospital.stream(new, venue)

    assert (counts(summary)[0], summary.errors) == (2, 0)
    with writing(hospital.url) as connection:
        of_venue = connection.execute(text("SELECT patient_id FROM venue WHERE venue_no = 'V-NEW'"))
        assert of_venue.scalar_one() == number


async def test_the_two_names_of_a_reference_agree(hospital: Hospital) -> None:
    first, second = _pair(hospital, "pat")
    number = _number(first)
    identifier = {"system": number["system"], "value": number["value"]}
    venue = hospital.like(hospital.first("Encounter", "ven"), "V-NEW", "ven-987654")

    venue["subject"] = {"reference": f"Patient/{second['id']}", "identifier": identifier}
    assert await hospital.refused(put(venue)) == [(0, "Bundle.entry[0].resource.subject")]
    assert await hospital.refused(put(second), put(venue)) == [(1, "Bundle.entry[1].resource.subject")]
    venue["subject"] = {"reference": f"Patient/{first['id']}", "identifier": identifier}
    assert counts(await hospital.send("transaction", put(venue))) == (1, 0, 0, 0)

    above, other = _pair(hospital, "service")
    number = _number(above)
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
    same = hospital.like(pole, _number(service)["value"], "pole-987654")
    same.pop("extension", None)
    await hospital.send("transaction", put(same))
    search = Pair(service, same).search(service)

    assert await hospital.refused(delete(f"Organization?{search}")) == [(0, "Bundle.entry[0].request.url")]
    assert await hospital.refused(_search("PUT", _without_id(service), search)) == [
        (0, "Bundle.entry[0].request.url")
    ]
    assert await hospital.refused(_search("POST", _without_id(service), search)) == [
        (0, "Bundle.entry[0].request.ifNoneExist")
    ]


async def test_an_old_number_names_whose_it_is(hospital: Hospital) -> None:
    """A number changes: the old one stays as such, and the id, or the search for it, is still right."""
    patient = hospital.plain_patients()[0]
    number = _number(patient)
    now = _with_number(patient, "CHANGED")
    now["identifier"].append(deepcopy(number) | {"use": "old"})
    search = f"identifier={number['system']}|{number['value']}"

    assert counts(await hospital.send("transaction", put(now), validate_only=True)) == (0, 1, 0, 0)
    by_search = _search("PUT", _without_id(now), search)
    assert counts(await hospital.send("transaction", by_search)) == (0, 1, 0, 0)
    assert _number((await hospital.now())[patient["id"]])["value"] in {"CHANGED", number["value"]}

"""Shows which Bundles and entries are read, as what, and with which path the others are refused."""

import json
from typing import Any

import pytest
from fhir.samples import BASE
from fhir_reading.changes import READER, read_bundle, valid
from fhirexport_server.fhir.reading.bundles.bundle import BundleType, bundle
from fhirexport_server.fhir.reading.bundles.entries import BundleEntry, Method
from fhirexport_server.fhir.reading.datatypes.own_ids import OwnId
from fhirexport_server.fhir.reading.json.problems import Problems

URN = "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"
ELSEWHERE = "https://elsewhere.example/fhir"
ERROR, WARNING = "error", "warning"
PATIENT = valid()["patient"]


def _read(type_: str, *entries: object) -> tuple[list[BundleEntry], list[tuple[str, str]]]:
    problems = Problems()
    content = json.dumps({"resourceType": "Bundle", "type": type_, "entry": entries}).encode()
    found = bundle(content, READER, problems)
    assert found is not None
    assert found.type == BundleType(type_)
    return list(found.entries), [(one.severity.value, one.expression) for one in problems.listed()]


def _put(url: str, resource: object = PATIENT, **more: object) -> dict[str, Any]:
    return {"resource": resource, "request": {"method": "PUT", "url": url}, **more}


@pytest.mark.parametrize(
    ("type_", "entry", "expected"),
    [
        ("collection", {"resource": PATIENT}, ("PUT", OwnId("PATIENT", 1), None, "Patient/pat-1", None)),
        (
            "collection",
            {"fullUrl": f"{BASE}/Patient/pat-1", "resource": PATIENT},
            ("PUT", OwnId("PATIENT", 1), None, "Patient/pat-1", None),
        ),
        (
            "collection",
            {"fullUrl": f"{ELSEWHERE}/Patient/pat-1", "resource": PATIENT},
            ("PUT", None, None, f"{ELSEWHERE}/Patient/pat-1", ELSEWHERE),
        ),
        ("collection", {"fullUrl": URN, "resource": PATIENT}, ("PUT", OwnId("PATIENT", 1), None, URN, None)),
        ("transaction", _put("Patient/pat-1"), ("PUT", OwnId("PATIENT", 1), None, "Patient/pat-1", None)),
        ("transaction", _put("/Patient/pat-1"), ("PUT", OwnId("PATIENT", 1), None, "Patient/pat-1", None)),
        (
            "transaction",
            _put("/Patient?identifier=urn:x|8"),
            ("PUT", OwnId("PATIENT", 1), ("urn:x", "8"), "Patient/pat-1", None),
        ),
        (
            "transaction",
            {"resource": PATIENT, "request": {"method": "POST", "url": "/Patient"}},
            ("POST", None, None, None, None),
        ),
        (
            "batch",
            {"request": {"method": "DELETE", "url": "/Patient/pat-1"}},
            ("DELETE", OwnId("PATIENT", 1), None, None, None),
        ),
        ("batch", _put(f"{BASE}/Patient/pat-1"), ("PUT", OwnId("PATIENT", 1), None, "Patient/pat-1", None)),
        (
            "transaction",
            _put("Patient/pat-1", fullUrl=f"{ELSEWHERE}/Patient/pat-1"),
            ("PUT", None, None, f"{ELSEWHERE}/Patient/pat-1", ELSEWHERE),
        ),
        (
            "transaction",
            _put("Patient?identifier=urn:x%7C8%20000", fullUrl=URN),
            ("PUT", OwnId("PATIENT", 1), ("urn:x", "8 000"), URN, None),
        ),
        (
            "transaction",
            {"fullUrl": URN, "resource": PATIENT, "request": {"method": "POST", "url": "Patient"}},
            ("POST", None, None, URN, None),
        ),
        (
            "transaction",
            {
                "resource": PATIENT,
                "request": {"method": "POST", "url": "Patient", "ifNoneExist": "identifier=urn:x|8"},
            },
            ("POST", None, ("urn:x", "8"), None, None),
        ),
        (
            "batch",
            {"request": {"method": "DELETE", "url": "Patient/pat-1"}},
            ("DELETE", OwnId("PATIENT", 1), None, None, None),
        ),
        (
            "batch",
            {"request": {"method": "DELETE", "url": "Patient?identifier=urn:x|8"}},
            ("DELETE", None, ("urn:x", "8"), None, None),
        ),
    ],
)
def test_an_entry_says_what_is_to_be_done(type_: str, entry: object, expected: tuple[object, ...]) -> None:
    (found,), said = _read(type_, entry)

    assert said == []
    assert (found.method, found.own, found.search, found.key, found.base) == expected
    assert (found.type, found.place) == ("Patient", 0)
    assert (found.resource is None) == (found.method is Method.DELETE)


@pytest.mark.parametrize(
    ("type_", "entry", "expected"),
    [
        ("collection", {}, (ERROR, "Bundle.entry[0]")),
        ("collection", 1, (ERROR, "Bundle.entry[0]")),
        ("collection", {"fullUrl": URN}, (ERROR, "Bundle.entry[0].resource")),
        ("collection", {"resource": []}, (ERROR, "Bundle.entry[0].resource")),
        ("collection", {"resource": {"id": "1"}}, (ERROR, "Bundle.entry[0].resource.resourceType")),
        ("collection", {"resource": PATIENT | {"id": "_"}}, (ERROR, "Bundle.entry[0].resource.id")),
        ("collection", _put("Patient/pat-1"), (ERROR, "Bundle.entry[0].request")),
        ("collection", {"resource": PATIENT, "search": {}}, (ERROR, "Bundle.entry[0].search")),
        ("collection", {"resource": PATIENT, "response": {}}, (ERROR, "Bundle.entry[0].response")),
        ("collection", {"resource": PATIENT, "link": [1]}, (WARNING, "Bundle.entry[0].link")),
        ("collection", {"resource": PATIENT, "fullUrl": "Patient/pat-1"}, (ERROR, "Bundle.entry[0].fullUrl")),
        ("collection", {"resource": PATIENT, "fullUrl": "urn:uuid:x"}, (ERROR, "Bundle.entry[0].fullUrl")),
        (
            "collection",
            {"resource": PATIENT, "fullUrl": f"{BASE}/Patient/2"},
            (ERROR, "Bundle.entry[0].fullUrl"),
        ),
        (
            "collection",
            {"resource": PATIENT, "fullUrl": URN.replace("c757873d", "C757873D")},
            (ERROR, "Bundle.entry[0].fullUrl"),
        ),
        ("collection", {"resource": PATIENT, "fullUrl": URN.upper()}, (ERROR, "Bundle.entry[0].fullUrl")),
        ("transaction", _put("//Patient/pat-1"), (ERROR, "Bundle.entry[0].request.url")),
        (
            "transaction",
            _put("Patient?identifier=urn:x|8", fullUrl=f"{BASE}/Patient/pat-2"),
            (ERROR, "Bundle.entry[0].fullUrl"),
        ),
        (
            "transaction",
            {
                "fullUrl": f"{BASE}/Patient/pat-2",
                "resource": PATIENT,
                "request": {"method": "POST", "url": "Patient"},
            },
            (ERROR, "Bundle.entry[0].fullUrl"),
        ),
        (
            "transaction",
            {
                "fullUrl": f"{BASE}/Patient/pat-2",
                "request": {"method": "DELETE", "url": "Patient/pat-1"},
            },
            (ERROR, "Bundle.entry[0].fullUrl"),
        ),
        (
            "transaction",
            {
                "fullUrl": f"{ELSEWHERE}/Patient/pat-1",
                "request": {"method": "DELETE", "url": "Patient/pat-1"},
            },
            (ERROR, "Bundle.entry[0].fullUrl"),
        ),
        ("transaction", {"resource": PATIENT}, (ERROR, "Bundle.entry[0].request")),
        ("transaction", _put("Patient/pat-2"), (ERROR, "Bundle.entry[0].resource.id")),
        ("transaction", _put("Location/bed-2"), (ERROR, "Bundle.entry[0].request.url")),
        ("transaction", _put("Patient"), (ERROR, "Bundle.entry[0].request.url")),
        ("transaction", _put("Patient?name=x"), (ERROR, "Bundle.entry[0].request.url")),
        ("transaction", _put("Patient?identifier=8"), (ERROR, "Bundle.entry[0].request.url")),
        ("transaction", _put("Patient/8", PATIENT | {"id": "8"}), (WARNING, "Bundle.entry[0].resource.id")),
        (
            "transaction",
            {"resource": PATIENT, "request": {"method": "PATCH", "url": "Patient/pat-1"}},
            (ERROR, "Bundle.entry[0].request.method"),
        ),
        (
            "transaction",
            {"resource": PATIENT, "request": {"method": "POST", "url": "Patient/pat-1"}},
            (ERROR, "Bundle.entry[0].request.url"),
        ),
        (
            "transaction",
            {"resource": PATIENT, "request": {"method": "POST", "url": "Patient", "ifNoneExist": "name=x"}},
            (ERROR, "Bundle.entry[0].request.ifNoneExist"),
        ),
        (
            "batch",
            {"resource": PATIENT, "request": {"method": "PUT", "url": "Patient/pat-1", "ifMatch": 'W/"1"'}},
            (ERROR, "Bundle.entry[0].request.ifMatch"),
        ),
        (
            "batch",
            {"request": {"method": "DELETE", "url": "Patient/8"}},
            (ERROR, "Bundle.entry[0].request.url"),
        ),
        (
            "batch",
            {"request": {"method": "DELETE", "url": "Observation/8"}},
            (ERROR, "Bundle.entry[0].request.url"),
        ),
        (
            "batch",
            {"resource": PATIENT, "request": {"method": "DELETE", "url": "Patient/pat-1"}},
            (WARNING, "Bundle.entry[0].resource"),
        ),
    ],
)
def test_a_problem_of_an_entry_names_its_element(
    type_: str, entry: object, expected: tuple[str, str]
) -> None:
    assert _read(type_, entry)[1] == [expected]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ([], (ERROR, "Bundle")),
        ({}, (ERROR, "Bundle")),
        ({"resourceType": "Patient", "type": "batch"}, (ERROR, "Bundle.resourceType")),
        ({"resourceType": "Bundle"}, (ERROR, "Bundle.type")),
        ({"resourceType": "Bundle", "type": "searchset"}, (ERROR, "Bundle.type")),
        ({"resourceType": "Bundle", "type": "collection", "entry": []}, (ERROR, "Bundle.entry")),
        ({"resourceType": "Bundle", "type": "collection", "total": 1}, (ERROR, "Bundle.total")),
        ({"resourceType": "Bundle", "type": "collection", "signature": {}}, (WARNING, "Bundle.signature")),
    ],
)
def test_a_problem_of_a_bundle_names_its_element(content: object, expected: tuple[str, str]) -> None:
    problems = Problems()

    bundle(json.dumps(content).encode(), READER, problems)

    assert [(one.severity.value, one.expression) for one in problems.listed()] == [expected]


def test_an_empty_collection_is_read() -> None:
    problems = Problems()

    found = bundle(b'{"resourceType":"Bundle","type":"collection","timestamp":"x"}', READER, problems)

    assert found is not None
    assert (found.type, found.entries, found.nowhere) == (BundleType.COLLECTION, [], set())
    assert problems.listed() == []


@pytest.mark.parametrize(
    "again",
    [
        {"resource": PATIENT},
        {"fullUrl": f"{BASE}/Patient/pat-1", "resource": PATIENT},
    ],
)
def test_no_two_entries_are_the_same_resource(again: object) -> None:
    entries, said = _read("collection", {"resource": PATIENT}, again)

    assert entries == []
    assert said == [(ERROR, "Bundle.entry[0]"), (ERROR, "Bundle.entry[1]")]


def test_what_is_deleted_is_not_written_too() -> None:
    delete = {"request": {"method": "DELETE", "url": "Patient/pat-1"}}

    assert _read("transaction", _put("Patient/pat-1"), delete)[1] == [
        (ERROR, "Bundle.entry[0]"),
        (ERROR, "Bundle.entry[1]"),
    ]


def test_a_resource_of_an_entry_has_the_path_of_the_bundle() -> None:
    broken = PATIENT | {"gender": "M"}

    _, said = read_bundle("collection", [{"resource": PATIENT}, {"resource": broken | {"id": "pat-2"}}])

    assert said == [
        (ERROR, "Bundle.entry[1].resource.gender"),
    ]

"""Shows what is written of an import that has errors, that is only tried, or that is not the first."""

import asyncio
import json
from uuid import uuid4

import pytest
from fhirexport_server.domain.errors import (
    InvalidRequestError,
    RequestIdReusedError,
    RevisionChangedError,
)
from fhirexport_server.domain.imports import ImportOptions, Severity
from fhirexport_server.domain.revision import Token
from imports.hospital import EJ, Hospital, Resource, bundle, counts, put
from sqlalchemy import text
from support.importing import import_bundle, import_lines, importing, pieces
from support.rows import writing


def _services(hospital: Hospital) -> list[Resource]:
    return [one | {"name": "Renamed"} for id_, one in hospital.resources.items() if id_.startswith("service")]


async def test_a_transaction_with_one_error_writes_nothing(hospital: Hospital) -> None:
    services = _services(hospital)
    assert await hospital.refused(put(services[0]), put(services[1] | {"active": 7})) == [
        (1, "Bundle.entry[1].resource.active")
    ]


@pytest.mark.parametrize("type_", ["batch", "lines"])
async def test_entry_by_entry_holds_what_is_reported(hospital: Hospital, type_: str) -> None:
    services = _services(hospital)
    wrong = services[1] | {"active": 7}
    before = await hospital.now()

    if type_ == "batch":
        summary = await hospital.send("batch", *map(put, [services[0], wrong, *services[2:]]))
    else:
        summary = await hospital.stream(services[0], wrong, *services[2:])

    assert counts(summary) == (0, len(services) - 1, 0, 0)
    assert [one.entry for one in summary.problems] == [1]
    now = await hospital.now()
    assert now[wrong["id"]] == before[wrong["id"]]
    assert [now[one["id"]]["name"] for one in services].count("Renamed") == len(services) - 1


async def test_what_is_only_tried_leaves_nothing(hospital: Hospital) -> None:
    before, services = await hospital.exports(), _services(hospital)
    new = hospital.like(services[0], "NEW", "service-800000")

    summary = await hospital.send("transaction", put(new), *map(put, services[:2]), validate_only=True)
    assert (counts(summary), summary.revisions, summary.committed_at) == ((1, 2, 0, 0), (), None)
    wrong = await hospital.send("transaction", put(services[0] | {"active": 7}), validate_only=True)
    assert (counts(wrong), wrong.errors) == ((0, 0, 0, 0), 1)
    tried = await hospital.stream(*services, validate_only=True)
    assert tried.updated == len(services)

    assert await hospital.exports() == before


async def test_a_hundred_problems_are_listed_and_all_are_counted(hospital: Hospital) -> None:
    patient = hospital.first("Patient")
    many = [patient | {"id": f"x{number}", "active": 7, "colour": "blue"} for number in range(150)]

    summary = await hospital.stream(*many)

    assert (len(summary.problems), summary.errors, summary.warnings) == (100, 150, 150)
    assert {one.severity for one in summary.problems} == {Severity.ERROR}
    assert [one.entry for one in summary.problems] == list(range(100))


async def test_unknown_elements_are_said_and_the_rest_is_written(hospital: Hospital) -> None:
    service = _services(hospital)[0]
    service["extension"] = [*service.get("extension", []), {"url": "https://x.example/y", "valueString": "z"}]

    summary = await hospital.send("transaction", put(service | {"alias": ["z"]}))

    assert counts(summary) == (0, 1, 0, 0)
    place = len(service["extension"]) - 1
    assert [(one.severity.value, one.expression) for one in summary.problems] == [
        ("warning", f"Bundle.entry[0].resource.extension[{place}]"),
        ("warning", "Bundle.entry[0].resource.alias"),
    ]


LINES = (
    b"not json",
    b"[]",
    b"{}",
    b'{"a": ' + b"[" * 70 + b"]" * 70 + b"}",
    b'{"resourceType": "Patient", "id": "\\u0000"}',
    b'{"resourceType": "Patient", "id": "\\ud800"}',
    b'{"resourceType": "Patient", "multipleBirthInteger": 1e400}',
    b'{"resourceType": "Patient", "resourceType": "Patient"}',
    b'{"resourceType": "Device"}',
    b'{"resourceType": "Bundle", "type": "batch"}',
    b'{"resourceType": 7}',
    b'{"resourceType": "Encounter", "partOf": 7}',
    b'{"resourceType": "Patient", "id": 7}',
    b'{"resourceType": "Patient", "birthDate": "2026-02-30"}',
    b"\xff\xfe",
    b'{"x": "' + b"y" * (1 << 20) + b'"}',
)


async def test_lines_that_are_nothing_are_said_and_the_others_written(hospital: Hospital) -> None:
    service = json.dumps(_services(hospital)[0]).encode()
    content = b"\n".join([*LINES, b"", b"  ", service])

    summary = await import_lines(hospital.url, content, ej_id=EJ)

    assert counts(summary) == (0, 1, 0, 0)
    assert sorted({one.entry for one in summary.problems if one.entry is not None}) == list(range(len(LINES)))


@pytest.mark.parametrize("size", [1, 3, 1000, 1 << 21])
@pytest.mark.long
async def test_lines_can_be_cut_anywhere(hospital: Hospital, size: int) -> None:
    services = _services(hospital)
    content = b"\r\n".join(json.dumps(one, ensure_ascii=False).encode() for one in services)
    async with importing(hospital.url) as importer:
        summary = await importer.resources(pieces(content, size), ImportOptions(ej_id=EJ))
    assert counts(summary) == (0, len(services), 0, 0)


async def test_the_systems_of_numbers_are_the_ejs_own(hospital: Hospital) -> None:
    place = hospital.first("Location")
    other = hospital.like(place, "NEW", "x")
    other["identifier"][0]["system"] = "https://x.example/sid/place"

    assert await hospital.refused(put(other)) == [(0, "Bundle.entry[0].resource.identifier")]


async def test_a_request_id_is_good_for_one_import_and_for_a_day(hospital: Hospital) -> None:
    services, request_id = _services(hospital), str(uuid4())
    first = await hospital.send("transaction", put(services[0]), request_id=request_id)
    assert counts(first) == (0, 1, 0, 0)
    assert await hospital.send("transaction", put(services[0]), request_id=request_id) == first
    with pytest.raises(RequestIdReusedError):
        await hospital.send("transaction", put(services[1]), request_id=request_id)
    with pytest.raises(RequestIdReusedError):
        await hospital.stream(services[0], request_id=request_id)

    with writing(hospital.url) as connection:
        connection.execute(text("UPDATE import_request SET done_at = '2026-01-01T00:00:00Z'"))
    assert counts(await hospital.send("transaction", put(services[0]), request_id=request_id)) == (0, 0, 1, 0)


async def test_a_refused_import_keeps_no_request_id(hospital: Hospital) -> None:
    services, request_id = _services(hospital), str(uuid4())
    await hospital.refused(put(services[0] | {"active": 7}), request_id=request_id)
    assert counts(await hospital.send("transaction", put(services[0]), request_id=request_id)) == (0, 1, 0, 0)


async def test_the_same_import_sent_twice_at_once_is_written_once(hospital: Hospital) -> None:
    services, request_id = _services(hospital), str(uuid4())
    content = bundle("transaction", *map(put, services))

    both = await asyncio.gather(
        *(import_bundle(hospital.url, content, ej_id=EJ, request_id=request_id) for _ in range(2))
    )

    assert both[0] == both[1]
    assert counts(both[0]) == (0, len(services), 0, 0)


async def test_a_revision_is_that_of_the_ej(hospital: Hospital) -> None:
    services = _services(hospital)
    (first, *_) = (await hospital.send("transaction", put(services[0]))).revisions
    other = Token(2, first.dataset, first.revision)
    with pytest.raises((InvalidRequestError, RevisionChangedError)):
        await hospital.send("transaction", put(services[1]), if_revision=other)

    assert counts(await hospital.send("transaction", put(services[1]), if_revision=first)) == (0, 1, 0, 0)
    with pytest.raises(RevisionChangedError) as caught:
        await hospital.send("transaction", put(services[2]), if_revision=first)
    present = Token.decode(caught.value.revision)
    assert counts(await hospital.send("transaction", put(services[2]), if_revision=present)) == (0, 1, 0, 0)


async def test_an_import_without_an_ej_says_what_it_needs(hospital: Hospital) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        await hospital.send("transaction", put(_services(hospital)[0]), ej_id=None)
    assert [one.field for one in caught.value.violations] == ["options.ej_id"]

"""Shows importing with the library: both clients, against a real server."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any
from uuid import uuid4

import pytest
from fhirexport import (
    AsyncClient,
    Client,
    ConflictError,
    ImportSummary,
    InvalidArgumentError,
    NotFoundError,
)
from fhirexport._internal.uploads.import_calls import Source
from fhirexport.imports import Imports
from support.server import running_server, wait_for_health

EJ = 1


@pytest.fixture
async def address(new_group: Callable[[str, int], str]) -> AsyncIterator[str]:
    url = new_group("sqlite", 20)
    async with running_server(url) as address:
        await wait_for_health(address)
        yield address


def _bundle(resources: Sequence[dict[str, Any]], **changes: object) -> str:
    entries = [
        {"resource": one | changes, "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"}}
        for one in resources
    ]
    return json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries})


async def test_both_clients_import_a_bundle(address: str) -> None:
    def sync() -> tuple[ImportSummary, list[str]]:
        with Client(address) as client:
            found = list(client.patients(EJ))
            summary = client.imports.bundle(_bundle(found[:3], birthDate="1950-02-03"), ej_id=EJ)
            (revision,) = [one.revision for one in summary.revisions if one.dataset == "patients"]
            return summary, [one["birthDate"] for one in client.patients(EJ, at_least=revision)][:3]

    summary, dates = await asyncio.to_thread(sync)
    assert (summary.created_count, summary.updated_count, summary.error_count) == (0, 3, 0)
    assert summary.commit_time is not None
    assert summary.commit_time.tzinfo is not None
    assert dates == ["1950-02-03"] * 3

    async with AsyncClient(address) as client:
        found = [one async for one in client.patients(EJ)]
        again = await client.imports.bundle(_bundle(found[:3], birthDate="1950-02-03").encode(), ej_id=EJ)
    assert (again.unchanged_count, again.revisions, again.commit_time) == (3, (), None)


async def test_resources_come_from_bytes_files_and_pieces(address: str) -> None:
    async with AsyncClient(address) as client:
        content = await client.venues(EJ, movements=True).read("ndjson")
        count = content.count(b"\n")

        async def pieces() -> AsyncIterator[bytes]:
            for start in range(0, len(content), 50_000):
                yield content[start : start + 50_000]

        for source in (content, io.BytesIO(content), [content[:77], content[77:]], pieces()):
            summary = await client.imports.resources(source, ej_id=EJ)
            assert (summary.unchanged_count, summary.problems) == (count, ())

    def sync(source: Source) -> ImportSummary:
        with Client(address) as client:
            return client.imports.resources(source, ej_id=EJ)

    sources: tuple[Source, ...] = (content, io.BytesIO(content), (content[:77], content[77:]))
    for each in sources:
        assert (await asyncio.to_thread(sync, each)).unchanged_count == count


async def test_problems_come_as_they_are_said(address: str) -> None:
    async with AsyncClient(address) as client:
        patient = json.loads((await client.patients(EJ).read("ndjson")).splitlines()[0])
        lines = "\n".join(
            json.dumps(one)
            for one in (patient, patient | {"id": "pat-2", "active": 7}, {"resourceType": "Device"})
        )
        summary = await client.imports.resources(lines.encode(), ej_id=EJ)
        assert [(one.entry_index, one.expression, one.severity) for one in summary.problems] == [
            (1, "Patient.active", "error"),
            (2, "resourceType", "error"),
        ]
        assert (summary.unchanged_count, summary.error_count, summary.warning_count) == (1, 2, 0)

        with pytest.raises(InvalidArgumentError) as caught:
            await client.imports.bundle(_bundle([patient], active=7), ej_id=EJ)
        assert [one.field for one in caught.value.violations] == ["Bundle.entry[0].resource.active"]
        with pytest.raises(NotFoundError):
            await client.imports.bundle(_bundle([patient]), ej_id=99)


async def test_conflicts_are_errors_of_their_own(address: str) -> None:
    async with AsyncClient(address) as client:
        export = client.patients(EJ)
        patients = [one async for one in export]
        assert export.snapshot is not None
        seen = export.snapshot.revision
        first, second = (_bundle(patients[:1], birthDate=day) for day in ("1950-02-03", "1950-02-04"))
        request_id = str(uuid4())

        done = await client.imports.bundle(first, ej_id=EJ, if_revision=seen, request_id=request_id)
        again = await client.imports.bundle(first, ej_id=EJ, if_revision=seen, request_id=request_id)
        assert (again, again.request_id) == (done, request_id)
        with pytest.raises(ConflictError):
            await client.imports.bundle(second, ej_id=EJ, if_revision=seen)
        with pytest.raises(InvalidArgumentError):
            await client.imports.bundle(second, ej_id=EJ, request_id=request_id)


async def test_nothing_is_written_with_validate_only(address: str) -> None:
    async with AsyncClient(address) as client:
        before = await client.patients(EJ).read()
        patients = [one async for one in client.patients(EJ)]
        bundle = _bundle(patients, birthDate="1950-02-03")
        summary = await client.imports.bundle(bundle, ej_id=EJ, validate_only=True)
        assert (summary.updated_count, summary.commit_time, summary.revisions) == (len(patients), None, ())
        assert await client.patients(EJ).read() == before


@pytest.mark.long
async def test_an_upload_that_the_server_ends_half_way_is_told_why(address: str) -> None:
    # More structure than an import may have is refused while the rest of it is still on its way.
    lines = b'{"resourceType": "Organization", "id": "o"}\n' * 300_000

    async def upload(client: AsyncClient) -> None:
        with pytest.raises(InvalidArgumentError):
            await client.imports.resources(lines, ej_id=EJ)

    async with AsyncClient(address) as client:
        for _ in range(5):
            await asyncio.gather(*(upload(client) for _ in range(4)))


def test_a_text_that_is_no_utf_8_is_no_bundle() -> None:
    with pytest.raises(UnicodeDecodeError):
        Imports(stub=None).bundle(b"\xff")  # type: ignore[arg-type]  # it is not asked

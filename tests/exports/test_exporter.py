"""Shows what the exporter promises, on both databases: fresh, deterministic, bounded, whole or not at all."""

import asyncio
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import pytest
from fhirexport_server.domain.datasets import Dataset, Detail, Format
from fhirexport_server.domain.errors import (
    DatabaseUnavailableError,
    EjNotFoundError,
    ExportTimeoutError,
    InvalidRequestError,
    RowNotRenderableError,
    SpoolFullError,
    TooManyExportsError,
)
from fhirexport_server.domain.revision import Revision, Token
from fhirexport_server.domain.rows import EjRow
from fhirexport_server.exports import pipeline
from fhirexport_server.exports.exporter import Exporter
from fhirexport_server.exports.producing import rendering_places
from fhirexport_server.exports.rendering import Rendering
from fhirexport_server.exports.request import AtLeast, ExportRequest
from fhirexport_server.fhir.rendering.ej_context import EjContext
from fhirexport_server.store.snapshot import SnapshotReader
from sqlalchemy import text
from support.exporting import exporting
from support.rows import writing
from support.server import PATIENCE

VENUES = ExportRequest(ej_id=1, dataset=Dataset.VENUES, format=Format.NDJSON)
EVERY_REQUEST = [
    ExportRequest(ej_id=1, dataset=dataset, format=wanted, detail=detail)
    for dataset in Dataset
    for wanted in Format
    for detail in (Detail if dataset is Dataset.VENUES else [Detail.SUMMARY])
]


async def _content(rendering: Rendering) -> bytes:
    return b"".join([chunk.text() async for chunk in rendering.chunks()])


async def _export(exporter: Exporter, request: ExportRequest) -> bytes:
    async with exporter.open(request) as rendering:
        content = await _content(rendering)
        totals = rendering.totals
    assert totals is not None
    assert totals.sha256 == hashlib.sha256(content).hexdigest()
    assert totals.size_bytes == len(content)
    return content


@pytest.fixture
def url(backend: str, new_small: Callable[[str], str]) -> str:
    return new_small(backend)


@pytest.fixture
async def exporter(url: str) -> AsyncIterator[Exporter]:
    async with exporting(url) as exporter:
        yield exporter


# --- the bytes ------------------------------------------------------------------------------------


async def test_both_databases_give_the_same_bytes(new_group: Callable[[str, int], str]) -> None:
    found = []
    for backend in ("sqlite", "postgresql"):
        url = new_group(backend, 150)
        async with exporting(url) as exporter:
            found.append([await _export(exporter, request) for request in EVERY_REQUEST])
    assert found[0] == found[1]
    assert all(len(content) > 1000 for content in found[0])


@pytest.mark.long
def test_processes_and_hash_seeds_give_the_same_bytes(new_group: Callable[[str, int], str]) -> None:
    url = new_group("sqlite", 50)
    program = (
        "import asyncio, sys; sys.path[:0] = sys.argv[2:]\n"
        "import hashlib\n"
        "from exports.exporter_bytes import everything\n"
        "print(hashlib.sha256(asyncio.run(everything(sys.argv[1]))).hexdigest())\n"
    )
    paths = [Path(__file__).parents[1]]
    digests = {
        subprocess.run(
            [sys.executable, "-c", program, url, *paths],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "4711")
    }
    assert len(digests) == 1


async def test_every_reference_resolves_inside_the_exports_of_the_ej(demo_database_url: str) -> None:
    resources: dict[str, dict[str, object]] = {}
    async with exporting(demo_database_url) as exporter:
        for dataset in Dataset:
            detail = Detail.MOVEMENTS if dataset is Dataset.VENUES else Detail.SUMMARY
            request = ExportRequest(ej_id=1, dataset=dataset, format=Format.NDJSON, detail=detail)
            for line in (await _export(exporter, request)).splitlines():
                resource = json.loads(line)
                resources[f"{resource['resourceType']}/{resource['id']}"] = resource
    references = {ref for resource in resources.values() for ref in _references(resource)}
    assert len(references) > 100
    assert references - set(resources) == set()


def _references(value: object) -> set[str]:
    if isinstance(value, dict):
        own = {value["reference"]} if isinstance(value.get("reference"), str) else set()
        return own.union(*map(_references, value.values()))
    if isinstance(value, list):
        return set().union(*map(_references, value))
    return set()


# --- never stale ----------------------------------------------------------------------------------


async def test_an_export_contains_what_was_committed_before_it(url: str, exporter: Exporter) -> None:
    for number in range(2, 6):
        with writing(url) as connection:
            connection.execute(
                text(
                    "INSERT INTO venue (id, ej_id, patient_id, venue_no, patient_class) "
                    f"VALUES ({number}, 1, 1, 'V{number}', 'O')"
                )
            )
        lines = (await _export(exporter, VENUES)).splitlines()
        assert [json.loads(line)["id"] for line in lines] == [f"ven-{n}" for n in range(1, number + 1)]


async def test_an_etag_holds_until_the_data_changes(url: str, exporter: Exporter) -> None:
    async with exporter.open(VENUES) as first:
        etag = first.snapshot.etag
        before = await _content(first)
    conditional = ExportRequest(1, Dataset.VENUES, Format.NDJSON, if_none_match=etag)
    async with exporter.open(conditional) as second:
        assert (second.not_modified, second.snapshot.etag) == (True, etag)
        assert await _content(second) == b""
    with writing(url) as connection:
        connection.execute(text("UPDATE movement SET state = 'cancelled'"))
    async with exporter.open(conditional) as third:
        assert third.not_modified is False
        assert third.snapshot.etag != etag
        assert await _content(third) != before


async def test_an_etag_tells_formats_and_details_apart(exporter: Exporter) -> None:
    etags = []
    for request in EVERY_REQUEST:
        async with exporter.open(request) as rendering:
            etags.append(rendering.snapshot.etag)
    assert len(set(etags)) == len(EVERY_REQUEST)


async def test_a_revision_can_be_asked_for_again(exporter: Exporter) -> None:
    async with exporter.open(VENUES) as first:
        token = first.snapshot.revision
    again = ExportRequest(1, Dataset.VENUES, Format.NDJSON, consistency=AtLeast(token))
    assert await _export(exporter, again) == await _export(exporter, VENUES)


async def test_a_revision_that_the_database_has_lost_is_not_answered(exporter: Exporter) -> None:
    async with exporter.open(VENUES) as first:
        revision = Token.decode(first.snapshot.revision).revision
    ahead = Token(1, Dataset.VENUES, revision._replace(n=revision.n + 1)).encode()
    with pytest.raises(DatabaseUnavailableError):
        await _export(exporter, ExportRequest(1, Dataset.VENUES, Format.NDJSON, consistency=AtLeast(ahead)))


@pytest.mark.parametrize(
    "token",
    [
        "",
        "?",
        "cjE",
        Token(1, Dataset.PATIENTS, Revision("x", 1, 1)).encode(),
        Token(2, Dataset.VENUES, Revision("x", 1, 1)).encode(),
        Token(1, Dataset.VENUES, Revision("x", 1, 1)).encode() + "=",
    ],
)
async def test_a_token_of_something_else_is_refused(exporter: Exporter, token: str) -> None:
    request = ExportRequest(1, Dataset.VENUES, Format.NDJSON, consistency=AtLeast(token))
    with pytest.raises(InvalidRequestError) as refused:
        await _export(exporter, request)
    assert [violation.field for violation in refused.value.violations] == ["consistency.at_least"]


# --- whole or not at all --------------------------------------------------------------------------


async def test_an_ej_that_is_not_there_is_told(exporter: Exporter) -> None:
    with pytest.raises(EjNotFoundError):
        await _export(exporter, ExportRequest(9, Dataset.VENUES, Format.NDJSON))


async def test_a_row_that_cannot_be_rendered_fails_its_whole_export(url: str, exporter: Exporter) -> None:
    with writing(url) as connection:
        for number in (2, 3):
            connection.execute(
                text(
                    "INSERT INTO org_unit (id, ej_id, kind, code, name) "
                    f"VALUES ({number}, 1, 'UF', 'U{number}', 'U')"
                )
            )
        connection.execute(text("UPDATE org_unit SET parent_id = 3 WHERE id = 2"))
        connection.execute(text("UPDATE org_unit SET parent_id = 2 WHERE id = 3"))
    with pytest.raises(RowNotRenderableError) as refused:
        await _export(exporter, ExportRequest(1, Dataset.STRUCTURE, Format.NDJSON))
    assert (refused.value.table, refused.value.row_id) == ("org_unit", 2)


# --- bounded --------------------------------------------------------------------------------------


async def test_a_place_is_given_back_when_a_reader_leaves(url: str) -> None:
    async with exporting(url, max_renderings=1) as exporter:
        for _ in range(5):
            async with exporter.open(VENUES) as rendering:
                async for _chunk in rendering.chunks():
                    break
        assert await _export(exporter, VENUES)


async def test_a_slow_reader_holds_no_place_and_no_transaction(url: str) -> None:
    async with exporting(url, max_renderings=1) as exporter, exporter.open(VENUES) as slow:
        while slow.totals is None:
            await asyncio.sleep(0.01)
        assert await _export(exporter, VENUES)
        assert await _content(slow)


async def test_no_place_in_time_is_told_with_the_limit(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering_places, "PLACE_SECONDS", 0.05)
    async with exporting(url, max_renderings=1) as exporter:
        async with exporter._producer._places.place():  # noqa: SLF001 - for longer than this test waits
            with pytest.raises(TooManyExportsError) as refused:
                await _export(exporter, VENUES)
        assert refused.value.limit == 1
        assert await _export(exporter, VENUES)


async def test_a_rendering_that_takes_too_long_is_ended(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    context = pipeline.context

    def slow(snapshot: SnapshotReader, ej: EjRow, request: ExportRequest, base_url: str) -> EjContext:
        time.sleep(1)
        return context(snapshot, ej, request, base_url)

    monkeypatch.setattr(pipeline, "context", slow)
    async with exporting(url, rendering_timeout=0.05) as exporter:
        with pytest.raises(ExportTimeoutError):
            await _export(exporter, VENUES)


async def test_a_spool_that_is_full_is_told_and_emptied(demo_database_url: str) -> None:
    async with exporting(demo_database_url, spool_limit_bytes=2000) as exporter:
        for _ in range(2):
            with pytest.raises(SpoolFullError):
                await _export(exporter, VENUES)


async def test_cancelled_exports_leave_nothing_behind(demo_database_url: str) -> None:
    async with exporting(demo_database_url, max_renderings=2) as exporter:
        for delay in (0, 0.001, 0.003, 0.01, 0.02) * 4:
            task = asyncio.create_task(_export(exporter, VENUES))
            await asyncio.sleep(delay)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        first = await _export(exporter, VENUES)
        assert await _export(exporter, VENUES) == first
        async with asyncio.timeout(PATIENCE):
            while exporter.database._threads.runs or exporter._flights._space._used:  # noqa: SLF001 - nothing else shows a leak
                await asyncio.sleep(0.01)


async def test_a_database_out_of_reach_is_told(tmp_path: object) -> None:
    async with exporting(f"sqlite:///{tmp_path}/missing/fhirexport.db") as exporter:
        with pytest.raises(DatabaseUnavailableError):
            await _export(exporter, VENUES)
        with pytest.raises(DatabaseUnavailableError):
            await exporter.database.check()

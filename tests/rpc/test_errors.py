"""Shows every row of the table of errors in docs/api.md, against the real server."""

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable, Collection
from contextlib import AbstractAsyncContextManager, ExitStack
from pathlib import Path
from typing import TypeAlias

import grpc
import pytest
from fhirexport.v1.export_service_pb2 import (
    ExportPatientsRequest,
    ExportStructureRequest,
    ExportVenuesRequest,
    ListLegalEntitiesRequest,
    StreamExportRequest,
)
from fhirexport.v1.export_service_pb2_grpc import ExportServiceStub
from fhirexport.v1.types_pb2 import DATASET_PATIENTS, DATASET_STRUCTURE, FORMAT_NDJSON
from fhirexport_server.domain.rows import Batch, EjRow
from fhirexport_server.exports.rendering import Rendering
from fhirexport_server.exports.request import ExportRequest
from fhirexport_server.rpc.admission.call_limits import Limits
from fhirexport_server.store.loader import load
from fhirexport_server.store.migrate import migrate
from sqlalchemy import text
from structlog.testing import capture_logs
from support.locks import locked, until_waiting
from support.postgres import Postgres, running_postgres
from support.rows import writing
from support.server import exporting, running_server, wait_for_health
from support.status import Refused, refused

Raw: TypeAlias = "grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]"
STRUCTURE = ExportStructureRequest(ej_id=1)


@pytest.fixture
def each_url(backend: str, new_small: Callable[[str], str]) -> str:
    """The small hospital, on either backend."""
    return new_small(backend)


async def _refusal(call: Awaitable[object]) -> Refused:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return refused(caught.value)


async def _read(stream: AsyncIterable[object]) -> list[object]:
    return [event async for event in stream]


async def test_invalid_field(each_url: str) -> None:
    async with exporting(each_url) as stub:
        found = await _refusal(stub.ExportVenues(ExportVenuesRequest(if_none_match="*")))
    assert (found.code, found.reason) == ("INVALID_ARGUMENT", "INVALID_FIELD")
    assert found.violations.keys() == {"ej_id", "if_none_match"}


async def test_invalid_field_of_a_revision_token_that_is_none(each_url: str) -> None:
    request = ExportVenuesRequest(ej_id=1)
    request.consistency.at_least = "CANARY"
    async with exporting(each_url) as stub:
        found = await _refusal(stub.ExportVenues(request))
    assert (found.code, found.reason) == ("INVALID_ARGUMENT", "INVALID_FIELD")
    assert found.violations.keys() == {"consistency.at_least"}
    assert "CANARY" not in repr(found)


async def test_invalid_field_of_a_message_that_cannot_be_parsed(each_url: str) -> None:
    async with running_server(each_url) as address, grpc.aio.insecure_channel(address) as channel:
        call: Raw = channel.unary_unary("/fhirexport.v1.ExportService/ExportVenues")
        found = await _refusal(call(b"\xff\xff"))
    assert (found.code, found.reason) == ("INVALID_ARGUMENT", "INVALID_FIELD")


async def test_ej_not_found(each_url: str) -> None:
    async with exporting(each_url) as stub:
        found = await _refusal(stub.ExportPatients(ExportPatientsRequest(ej_id=7)))
    assert (found.code, found.reason, found.metadata) == ("NOT_FOUND", "EJ_NOT_FOUND", {"ej_id": "7"})


async def test_export_too_large(demo_database_url: str) -> None:
    limits = Limits(stream_seconds=60, unary_bytes=10_000)
    async with exporting(demo_database_url, limits=limits) as stub:
        found = await _refusal(stub.ExportPatients(ExportPatientsRequest(ej_id=1)))
    assert (found.code, found.reason) == ("RESOURCE_EXHAUSTED", "EXPORT_TOO_LARGE")
    assert found.metadata.keys() == {"size_bytes", "limit_bytes"}
    assert int(found.metadata["size_bytes"]) > int(found.metadata["limit_bytes"]) == 10_000
    assert "StreamExport" in found.message


async def test_database_unavailable_without_the_directory_of_its_file(tmp_path: Path) -> None:
    async with exporting(f"sqlite:///{tmp_path}/not/there.db") as stub:
        found = await _refusal(stub.ExportStructure(STRUCTURE))
    assert (found.code, found.reason) == ("UNAVAILABLE", "DATABASE_UNAVAILABLE")
    assert found.retry_seconds == 1.0


@pytest.mark.long
async def test_database_unavailable_while_postgresql_is_stopped() -> None:
    with ExitStack() as stack:
        server: Postgres = stack.enter_context(running_postgres())
        url = server.create_database()
        migrate(url)
        async with running_server(url) as address, grpc.aio.insecure_channel(address) as channel:
            await wait_for_health(address)
            await asyncio.to_thread(stack.close)
            stub = ExportServiceStub(channel)
            found = await _refusal(stub.ListLegalEntities(ListLegalEntitiesRequest()))
            await wait_for_health(address, serving=False)
    assert (found.code, found.reason) == ("UNAVAILABLE", "DATABASE_UNAVAILABLE")
    assert found.retry_seconds == 1.0


@pytest.mark.long
async def test_too_many_exports(lockable_url: str) -> None:
    async with locked(lockable_url, "org_unit"), exporting(lockable_url, max_renderings=1) as stub:
        first = stub.ExportStructure(STRUCTURE)
        waiting = asyncio.create_task(_refusal(first))
        await until_waiting(lockable_url)
        # Another export: the same one would join the rendering that is under way.
        other = ExportStructureRequest(ej_id=1, format=FORMAT_NDJSON)
        found = await _refusal(stub.ExportStructure(other))
        waiting.cancel()
    assert (found.code, found.reason) == ("RESOURCE_EXHAUSTED", "TOO_MANY_EXPORTS")
    assert found.metadata == {"limit": "1"}
    assert found.retry_seconds == 2.0


async def test_spool_full(each_url: str) -> None:
    async with exporting(each_url, spool_limit=1) as stub:
        found = await _refusal(stub.ExportStructure(STRUCTURE))
    assert (found.code, found.reason) == ("RESOURCE_EXHAUSTED", "SPOOL_FULL")
    assert found.metadata == {"limit_bytes": "1"}
    assert found.retry_seconds == 10.0


async def test_row_not_renderable(each_url: str) -> None:
    unit = {"id": 2, "ej_id": 1, "kind": "SERVICE", "code": "S1", "name": "Service", "parent_id": 1}
    load(each_url, [Batch("org_unit", [unit])])
    with writing(each_url) as connection:
        connection.execute(text("UPDATE org_unit SET parent_id = 2 WHERE id = 1"))
    stream = StreamExportRequest(ej_id=1, dataset=DATASET_STRUCTURE)
    with capture_logs() as lines:
        async with exporting(each_url) as stub:
            unary = await _refusal(stub.ExportStructure(STRUCTURE))
            streamed = await _refusal(_read(stub.StreamExport(stream)))
    for found in (unary, streamed):
        assert (found.code, found.reason) == ("INTERNAL", "ROW_NOT_RENDERABLE")
        assert found.metadata == {"table": "org_unit", "id": "1"}
    logged = [line for line in lines if line["event"] == "row_not_renderable"]
    assert [(line["table"], line["id"]) for line in logged] == [("org_unit", 1)] * 2
    assert all(line["rule"] for line in logged)


class _Broken:
    """An exporter with a bug, whose exceptions quote a patient."""

    def open(self, request: ExportRequest) -> AbstractAsyncContextManager[Rendering]:
        raise ValueError(f"CANARY {request.ej_id}")

    async def legal_entities(
        self, *, finess: str | None, after_id: int, limit: int, ids: Collection[int] | None = None
    ) -> list[EjRow]:
        raise KeyError(f"CANARY {finess} {after_id} {limit} {ids}")


async def test_internal(tmp_path: Path) -> None:
    stream = StreamExportRequest(ej_id=1, dataset=DATASET_PATIENTS)
    with capture_logs() as lines:
        async with exporting(f"sqlite:///{tmp_path}/none.db", exports=_Broken()) as stub:
            refusals = [
                await _refusal(stub.ExportStructure(STRUCTURE)),
                await _refusal(_read(stub.StreamExport(stream))),
                await _refusal(stub.ListLegalEntities(ListLegalEntitiesRequest())),
            ]
    logged = [line for line in lines if line["event"] == "internal_error"]
    assert {(found.code, found.reason) for found in refusals} == {("INTERNAL", "INTERNAL")}
    assert [line["request_id"] for line in logged] == [found.request_id for found in refusals]
    assert [line["where"][0] for line in logged] == ["ValueError", "ValueError", "KeyError"]
    assert any("test_errors.py" in place for place in logged[0]["where"])
    assert "CANARY" not in repr(refusals) + repr(lines)


async def test_schema_mismatch(tmp_path: Path) -> None:
    async with exporting(f"sqlite:///{tmp_path}/empty.db") as stub:
        found = await _refusal(stub.ExportStructure(STRUCTURE))
    assert (found.code, found.reason) == ("FAILED_PRECONDITION", "SCHEMA_MISMATCH")
    assert found.metadata.keys() == {"expected", "found"}
    assert "migrate" in found.message


async def test_deadline_exceeded_by_a_unary_call(lockable_url: str) -> None:
    limits = Limits(stream_seconds=60, unary_seconds=0.5)
    async with locked(lockable_url, "org_unit"), exporting(lockable_url, limits=limits) as stub:
        found = await _refusal(stub.ExportStructure(STRUCTURE))
    assert (found.code, found.reason) == ("DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED")
    assert found.metadata == {"limit_seconds": "0.5"}


async def test_deadline_exceeded_by_a_stream(lockable_url: str) -> None:
    stream = StreamExportRequest(ej_id=1, dataset=DATASET_STRUCTURE)
    async with locked(lockable_url, "org_unit"), exporting(lockable_url, rendering_timeout=0.5) as stub:
        found = await _refusal(_read(stub.StreamExport(stream)))
    assert (found.code, found.reason) == ("DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED")
    assert found.metadata == {"limit_seconds": "0.5"}

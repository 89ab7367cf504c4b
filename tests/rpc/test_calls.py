"""Shows how calls are bounded: bursts, slow readers, callers that leave, deadlines of their own."""

import asyncio
from collections import Counter
from collections.abc import MutableMapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import grpc
import pytest
from fhirexport.v1.export_service_pb2 import (
    ExportPatientsRequest,
    ExportStructureRequest,
    StreamExportRequest,
    StreamExportResponse,
)
from fhirexport.v1.export_service_pb2_grpc import ExportServiceStub
from fhirexport.v1.types_pb2 import DATASET_PATIENTS, DATASET_VENUES, VENUE_DETAIL_MOVEMENTS
from fhirexport_server.rpc.admission.call_limits import Limits
from fhirexport_server.rpc.call import Call, Inner
from structlog.testing import capture_logs
from support.locks import locked, until_waiting
from support.server import PATIENCE, exporting, running_server
from support.status import refused

if TYPE_CHECKING:
    from fhirexport.v1.export_service_pb2_grpc import ExportServiceAsyncStub  # exists for type checkers only

Line: TypeAlias = MutableMapping[str, Any]
SMALL_WINDOW = [("grpc.http2.lookahead_bytes", 65_536), ("grpc.http2.bdp_probe", 0)]


async def _until_logged(lines: Sequence[Line], event: str) -> Line:
    async with asyncio.timeout(PATIENCE):
        while True:
            for line in lines:
                if line["event"] == event:
                    return line
            await asyncio.sleep(0.01)


async def test_a_burst_of_500_calls_on_one_connection_loses_none(tmp_path: Path) -> None:
    async def outcome(stub: "ExportServiceAsyncStub") -> str:
        try:
            await stub.ExportStructure(ExportStructureRequest())
        except grpc.aio.AioRpcError as error:
            return refused(error).reason
        return "OK"

    # On a busy machine more of them wait at once than have room in what answers may take.
    async with exporting(f"sqlite:///{tmp_path}/none.db", bytes_in_flight=1 << 32) as stub:
        outcomes = await asyncio.gather(*(outcome(stub) for _ in range(500)))
    assert Counter(outcomes) == {"INVALID_FIELD": 500}


@pytest.mark.long
async def test_a_client_that_does_not_read_loses_its_stream(large_url: str) -> None:
    request = StreamExportRequest(ej_id=1, dataset=DATASET_VENUES, detail=VENUE_DETAIL_MOVEMENTS)
    limits = Limits(stream_seconds=PATIENCE, write_seconds=0.5)
    with capture_logs() as lines:
        async with (
            running_server(large_url, limits=limits) as address,
            grpc.aio.insecure_channel(address, options=SMALL_WINDOW) as channel,
        ):
            stream = ExportServiceStub(channel).StreamExport(request)
            await stream.read()
            line = await _until_logged(lines, "call")
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                while await stream.read() is not grpc.aio.EOF:
                    pass
    found = refused(caught.value)
    assert (found.code, found.reason) == ("DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED")
    assert found.metadata == {"limit_seconds": "0.5"}
    assert (line["code"], line["request_id"]) == ("DEADLINE_EXCEEDED", found.request_id)


@pytest.mark.long
async def test_a_slow_client_that_does_read_gets_everything(large_url: str) -> None:
    request = StreamExportRequest(ej_id=1, dataset=DATASET_VENUES)
    limits = Limits(stream_seconds=PATIENCE, write_seconds=5)
    last: object = None
    async with (
        running_server(large_url, limits=limits) as address,
        grpc.aio.insecure_channel(address, options=SMALL_WINDOW) as channel,
    ):
        async for event in ExportServiceStub(channel).StreamExport(request):
            await asyncio.sleep(0.2)
            last = event
    assert isinstance(last, StreamExportResponse)
    assert last.HasField("finished")


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_cancelled_call_gives_its_place_to_the_next(lockable_url: str, *, streamed: bool) -> None:
    with capture_logs() as lines:
        async with locked(lockable_url, "patient"), exporting(lockable_url, max_renderings=1) as stub:
            call: grpc.aio.Call = (
                stub.StreamExport(StreamExportRequest(ej_id=1, dataset=DATASET_PATIENTS))
                if streamed
                else stub.ExportPatients(ExportPatientsRequest(ej_id=1))
            )
            await until_waiting(lockable_url)
            call.cancel()
            # The patients are still locked: only the end of the first rendering makes room for this one.
            answer = await stub.ExportStructure(ExportStructureRequest(ej_id=1))
    assert answer.snapshot.resource_count == 3
    calls = [(line["dataset"], line["code"]) for line in lines if line["event"] == "call"]
    assert sorted(calls) == [("patients", "CANCELLED"), ("structure", "OK")]


@pytest.mark.long
async def test_a_deadline_of_the_caller_ends_the_rendering_too(lockable_url: str) -> None:
    with capture_logs() as lines:
        async with locked(lockable_url, "patient"), exporting(lockable_url, max_renderings=1) as stub:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                # Time enough to arrive on a busy machine: a call that never came leaves no line.
                await stub.ExportPatients(ExportPatientsRequest(ej_id=1), timeout=3)
            line = await _until_logged(lines, "call")
            answer = await stub.ExportStructure(ExportStructureRequest(ej_id=1))
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert line["code"] in ("DEADLINE_EXCEEDED", "CANCELLED")
    assert answer.snapshot.resource_count == 3


async def test_a_method_that_does_not_exist_is_unimplemented(tmp_path: Path) -> None:
    async with (
        running_server(f"sqlite:///{tmp_path}/none.db") as address,
        grpc.aio.insecure_channel(address) as channel,
    ):
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
            "/fhirexport.v1.ExportService/ExportNothing"
        )
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call(b"")
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_request_over_the_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    async with exporting(f"sqlite:///{tmp_path}/none.db") as stub:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.ExportStructure(ExportStructureRequest(if_none_match="x" * (16 * 1024 * 1024)))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_the_headers_of_an_answer_wait_for_all_that_is_done_after_it(
    small_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # gRPC never sends a call again whose headers have come: a server that is killed before the rest loses it.
    answered, waited_for = asyncio.Event(), asyncio.Event()

    async def waits(_call: Call, inner: Inner) -> bytes:
        response = await inner()
        answered.set()
        await waited_for.wait()
        return response

    monkeypatch.setattr("fhirexport_server.rpc.interceptors.chain.access_log", lambda: waits)
    async with exporting(small_url) as stub, asyncio.timeout(PATIENCE):
        call = stub.ExportStructure(ExportStructureRequest(ej_id=1))
        headers = asyncio.create_task(call.initial_metadata())
        await answered.wait()
        await asyncio.wait({headers}, timeout=0.2)
        assert not headers.done()
        waited_for.set()
        assert {"x-request-id", "cache-status"} <= {name for name, _ in await headers}
        assert (await call).snapshot.resource_count == 3

"""Shows that nobody is locked out by the idle calls of others, and how those end."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import grpc
import pytest
from fhirexport.v1 import import_service_pb2 as pb
from fhirexport.v1.export_service_pb2 import (
    ExportStructureRequest,
    ExportVenuesRequest,
    StreamExportRequest,
    WatchExportsRequest,
)
from fhirexport.v1.export_service_pb2_grpc import ExportServiceStub
from fhirexport.v1.import_service_pb2_grpc import ImportServiceStub
from fhirexport.v1.types_pb2 import DATASET_VENUES, VENUE_DETAIL_MOVEMENTS
from fhirexport_server.app import running
from fhirexport_server.rpc.admission.call_limits import Limits
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from support import attacking
from support.attacking import Connection, framed
from support.server import PATIENCE, running_server, settings, wait_for_health
from support.status import refused

EXPORT = "/fhirexport.v1.ExportService/"
IMPORT = "/fhirexport.v1.ImportService/"
WATCH = "/grpc.health.v1.Health/Watch"
OPTIONS = pb.ImportResourcesRequest(options=pb.ImportOptions(ej_id=1)).SerializeToString()
STREAM = StreamExportRequest(ej_id=1, dataset=DATASET_VENUES, detail=VENUE_DETAIL_MOVEMENTS)
WATCH_EXPORTS = WatchExportsRequest(
    exports=[WatchExportsRequest.WatchedExport(ej_id=1, dataset=DATASET_VENUES)]
)
FEW = Limits(
    stream_seconds=PATIENCE,
    write_seconds=PATIENCE,
    request_seconds=PATIENCE,
    idle_seconds=PATIENCE,
    calls=20,
    calls_per_peer=20,
    calls_assured=2,
    watches=20,
    watches_per_peer=20,
    watches_assured=2,
    health_calls=20,
    health_calls_assured=2,
)


async def _half_sent(connection: Connection) -> None:
    stream = await connection.call(f"{EXPORT}ExportStructure", end=False)
    await connection.send(stream, framed(bytes(100))[:50])
    await connection.flush()


async def _only_options(connection: Connection) -> None:
    await connection.call(f"{IMPORT}ImportResources", OPTIONS, end=False)


async def _unread_stream(connection: Connection) -> None:
    await connection.call(f"{EXPORT}StreamExport", STREAM.SerializeToString())


async def _watch(connection: Connection) -> None:
    await connection.call(WATCH, HealthCheckRequest(service="").SerializeToString())


async def _export_watch(connection: Connection) -> None:
    await connection.call(f"{EXPORT}WatchExports", WATCH_EXPORTS.SerializeToString())


async def _reflection(connection: Connection) -> None:
    await connection.call("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", end=False)


@asynccontextmanager
async def _connections(address: str, count: int) -> AsyncIterator[Sequence[Connection]]:
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(attacking.connected(address, window=0, grants=False))
            for _ in range(count)
        ]


@pytest.mark.parametrize(
    "idle", [_half_sent, _only_options, _unread_stream, _watch, _export_watch, _reflection]
)
@pytest.mark.long
async def test_idle_calls_leave_places_to_others(idle: object, large_url: str) -> None:
    async with (
        asyncio.timeout(2 * PATIENCE),
        running_server(large_url, limits=FEW) as address,
        _connections(address, 10) as connections,
    ):
        await wait_for_health(address)
        for connection in connections:
            for _ in range(30):
                await idle(connection)  # type: ignore[operator]  # one of the above
        streams = [stream for connection in connections for stream in connection.streams.values()]
        # Those that are refused are told why at once; the others stay.
        while sum(stream.ended.is_set() for stream in streams) < 300 - 20 - 10 * 2:
            await asyncio.sleep(0.01)
        told = [stream for stream in streams if stream.ended.is_set()]
        assert {stream.status for stream in told} == {"8"}
        assert all("grpc-status-details-bin" in stream.headers for stream in told)
        async with grpc.aio.insecure_channel(address) as channel:
            answer = await ExportServiceStub(channel).ExportStructure(ExportStructureRequest(ej_id=1))
            assert answer.snapshot.resource_count > 0
            check = await HealthStub(channel).Check(HealthCheckRequest(service=""))
            assert check.status == HealthCheckResponse.SERVING


async def test_a_call_too_many_is_refused_with_words(large_url: str) -> None:
    limits = Limits(stream_seconds=PATIENCE, calls=3, calls_assured=1)
    async with (
        asyncio.timeout(PATIENCE),
        running(settings(large_url), limits=limits) as app,
        grpc.aio.insecure_channel(app.address) as channel,
    ):
        idle = [ImportServiceStub(channel).ImportResources() for _ in range(3)]
        for call in idle:
            await call.write(pb.ImportResourcesRequest(options=pb.ImportOptions(ej_id=1)))
        # What is written may not have arrived.
        while app.registry.get_sample_value("fhirexport_calls_in_progress", {"places": "calls"}) != len(idle):
            await asyncio.sleep(0.01)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await ExportServiceStub(channel).ExportStructure(ExportStructureRequest(ej_id=1))
        found = refused(caught.value)
        for call in idle:
            call.cancel()
    assert (found.code, found.reason) == ("RESOURCE_EXHAUSTED", "TOO_MANY_CALLS")
    assert found.metadata == {"limit": "3"}
    assert found.retry_seconds is not None


@pytest.mark.parametrize("messages", [0, 1, 2])
async def test_an_import_that_sends_nothing_ends(messages: int, sixty_url: str) -> None:
    sent = (
        pb.ImportResourcesRequest(options=pb.ImportOptions(ej_id=1)),
        pb.ImportResourcesRequest(chunk=b'{"resourceType": "Patient"}\n'),
    )
    limits = Limits(stream_seconds=PATIENCE, idle_seconds=0.5)
    async with (
        running_server(sixty_url, limits=limits) as address,
        grpc.aio.insecure_channel(address) as channel,
    ):
        call = ImportServiceStub(channel).ImportResources()
        for message in sent[:messages]:
            await call.write(message)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
    found = refused(caught.value)
    assert (found.code, found.reason) == ("DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED")
    assert found.metadata == {"limit_seconds": "0.5"}


async def test_a_request_that_does_not_come_whole_ends(sixty_url: str) -> None:
    limits = Limits(stream_seconds=PATIENCE, request_seconds=0.5, bundle_seconds=0.5)
    async with (
        asyncio.timeout(PATIENCE),
        running_server(sixty_url, limits=limits) as address,
        attacking.connected(address) as connection,
    ):
        for method in (f"{EXPORT}ExportStructure", f"{EXPORT}StreamExport", f"{IMPORT}ImportBundle"):
            stream = await connection.call(method, end=False)
            await connection.send(stream, framed(bytes(1000))[:500])
            assert (await connection.answered(stream)).status == "4"


async def test_a_request_without_a_message_is_refused(sixty_url: str) -> None:
    async with (
        asyncio.timeout(PATIENCE),
        running_server(sixty_url) as address,
        attacking.connected(address) as connection,
    ):
        stream = await connection.answered(await connection.call(f"{EXPORT}ExportStructure"))
        assert stream.status == "3"
        assert "grpc-status-details-bin" in stream.headers


async def test_answers_that_others_leave_lying_keep_no_room_from_a_reader(large_url: str) -> None:
    limits = Limits(stream_seconds=PATIENCE, write_seconds=PATIENCE, bytes_in_flight=64 << 20)
    request = ExportVenuesRequest(ej_id=1)
    async with (
        asyncio.timeout(2 * PATIENCE),
        running_server(large_url, limits=limits) as address,
        _connections(address, 6) as connections,
        grpc.aio.insecure_channel(address) as channel,
    ):
        for connection in connections:
            for _ in range(20):
                await connection.call(f"{EXPORT}ExportVenues", request.SerializeToString())
        # The room is theirs, again and again, and every answer is had all the same.
        for _ in range(20):
            answer = await ExportServiceStub(channel).ExportVenues(request)
            assert len(answer.json) > 1_000_000

"""Shows that calls which are refused, cancelled or never taken give their memory back."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import psutil
import pytest
from fhirexport.v1 import import_service_pb2 as pb
from fhirexport.v1.export_service_pb2 import ExportVenuesRequest
from fhirexport.v1.import_service_pb2_grpc import ImportServiceStub
from support import attacking
from support.metrics import read
from support.server import PATIENCE, ServerProcess, server_process

if TYPE_CHECKING:
    from fhirexport.v1.import_service_pb2_grpc import ImportServiceAsyncStub  # exists for type checkers only

CALLS = 40
MOST_MIB = 192
"""What a server may grow by: a few Bundles at once, and what the allocator keeps. Each refused one took
25 MiB."""
BUNDLE = '{"resourceType": "Bundle", "type": "transaction", "entry": [' + '{"x": "' + "y" * 8_000_000 + '"}'
"""As long as a Bundle may be, nearly, and not closed."""
VENUES = "/fhirexport.v1.ExportService/ExportVenues"


def _chunks() -> Iterator[pb.ImportResourcesRequest]:
    yield pb.ImportResourcesRequest(options=pb.ImportOptions(ej_id=1))
    yield pb.ImportResourcesRequest(chunk=b"x" * 8_000_000)
    yield pb.ImportResourcesRequest(options=pb.ImportOptions(ej_id=1))


async def _malformed(stub: "ImportServiceAsyncStub") -> None:
    await stub.ImportBundle(pb.ImportBundleRequest(bundle=BUNDLE))


async def _wrong_options(stub: "ImportServiceAsyncStub") -> None:
    await stub.ImportBundle(pb.ImportBundleRequest(bundle=BUNDLE, options=pb.ImportOptions(ej_id=-1)))


async def _lines(stub: "ImportServiceAsyncStub") -> None:
    await stub.ImportResources(_chunks())


def _mib(server: ServerProcess) -> float:
    return psutil.Process(server.process.pid).memory_info().rss / 1024**2


@pytest.mark.parametrize("call", [_malformed, _wrong_options, _lines])
async def test_what_is_refused_is_let_go(
    call: Callable[["ImportServiceAsyncStub"], Awaitable[None]], sixty_url: str, tmp_path: Path
) -> None:
    async with (
        server_process(tmp_path, sixty_url) as server,
        grpc.aio.insecure_channel(server.address, options=[("grpc.max_send_message_length", -1)]) as channel,
    ):
        before = _mib(server)
        for _ in range(CALLS):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call(ImportServiceStub(channel))
            assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert _mib(server) - before < MOST_MIB


async def test_what_is_cancelled_is_let_go(sixty_url: str, tmp_path: Path) -> None:
    message = attacking.framed(pb.ImportBundleRequest(bundle=BUNDLE).SerializeToString())
    path = "/fhirexport.v1.ImportService/ImportBundle"
    async with asyncio.timeout(PATIENCE), server_process(tmp_path, sixty_url) as server:
        before = _mib(server)
        async with attacking.connected(server.address) as connection:
            for number in range(CALLS):
                stream = await connection.call(path, end=False)
                # Some end while the message comes, some when it is there, some while it is read.
                part = number % 3 + 1
                await connection.send(stream, message[: len(message) * part // 3], end=part == 3)
                await connection.reset(stream)
        assert _mib(server) - before < MOST_MIB
        assert "internal_error" not in server.log()


async def test_what_gzip_would_blow_up_is_refused_before_it_is(sixty_url: str, tmp_path: Path) -> None:
    async with (
        server_process(tmp_path, sixty_url) as server,
        grpc.aio.insecure_channel(server.address, compression=grpc.Compression.Gzip) as channel,
    ):
        before = _mib(server)
        for _ in range(CALLS):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await _malformed(ImportServiceStub(channel))
            assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
            assert "gzip" in str(caught.value.details())
        assert _mib(server) - before < MOST_MIB / 4
        # Nor does it fill the log, which gRPC's core would do.
        assert [line for line in server.log().splitlines() if not line.startswith("{")] == []


async def test_answers_that_are_not_taken_are_few_and_end(large_url: str, tmp_path: Path) -> None:
    request = ExportVenuesRequest(ej_id=1).SerializeToString()
    room = 64 << 20
    async with (
        asyncio.timeout(2 * PATIENCE),
        server_process(
            tmp_path, large_url, BYTES_IN_FLIGHT=str(room), ANSWER_TIMEOUT="2", METRICS_ADDRESS="127.0.0.1:0"
        ) as server,
        AsyncExitStack() as stack,
    ):
        metrics = server.metrics_address()
        before, most = _mib(server), 0.0
        connections = [
            await stack.enter_async_context(attacking.connected(server.address, window=0, grants=False))
            for _ in range(4)
        ]
        for connection in connections:
            for _ in range(30):
                await connection.call(VENUES, request)
        # Nobody takes a byte; each of 120 answers would be 2 MB, and is in memory twice.
        while any(
            not one.ended.is_set() for connection in connections for one in connection.streams.values()
        ):
            most = max(most, _mib(server))
            assert (await read(metrics)).value("fhirexport_bytes_in_flight", direction="out") <= room
            await connections[0].call("/none", b"")  # gRPC lets go of a call when it takes the next one
            await asyncio.sleep(0.1)
        assert most - before < 64 + MOST_MIB
        page = await read(metrics)
        assert page.value("fhirexport_bytes_in_flight", direction="out") == 0
        assert page.value("fhirexport_calls_dropped_total") > 0
        codes = page.counted("grpc_server_handled_total", "grpc_code", grpc_method="ExportVenues")
        assert codes.keys() <= {("OK",), ("ResourceExhausted",)}

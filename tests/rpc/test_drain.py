"""Shows how a server ends: nothing in flight is lost, and the program that is shipped says 0."""

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import TypeAlias

import grpc
import pytest
from fhirexport.v1.export_service_pb2 import StreamExportRequest, StreamExportResponse
from fhirexport.v1.export_service_pb2_grpc import ExportServiceStub
from fhirexport.v1.types_pb2 import DATASET_VENUES, VENUE_DETAIL_MOVEMENTS
from fhirexport_server.app import running
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from rpc.watching import ended, request, told, watching
from support import http2
from support.locks import locked, until_waiting
from support.server import PATIENCE, server_process, settings, wait_for_health

Stream: TypeAlias = "grpc.aio.UnaryStreamCall[StreamExportRequest, StreamExportResponse]"
# A window that takes little: what the client has not read, the server has still to send.
SMALL_WINDOW = [("grpc.http2.lookahead_bytes", 65_536), ("grpc.http2.bdp_probe", 0)]
STREAM = StreamExportRequest(ej_id=1, dataset=DATASET_VENUES, detail=VENUE_DETAIL_MOVEMENTS)


async def _next(stream: Stream) -> StreamExportResponse | None:
    """The next event, None when the stream has ended."""
    event = await stream.read()
    return event if isinstance(event, StreamExportResponse) else None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_stream_in_flight_ends_well(number: signal.Signals, large_url: str, tmp_path: Path) -> None:
    async with server_process(tmp_path, large_url) as server:
        async with grpc.aio.insecure_channel(server.address, options=SMALL_WINDOW) as channel:
            watch = HealthStub(channel).Watch(HealthCheckRequest(service=""))
            stream = ExportServiceStub(channel).StreamExport(STREAM)
            assert (await watch.read()).status == HealthCheckResponse.SERVING
            first = await _next(stream)
            assert first
            assert first.HasField("started")
            server.process.send_signal(number)
            assert (await watch.read()).status == HealthCheckResponse.NOT_SERVING
            assert await watch.read() is grpc.aio.EOF
            events: list[StreamExportResponse] = []
            while event := await _next(stream):
                events.append(event)
            assert events[-1].WhichOneof("event") == "finished"
            assert sum(len(event.chunk.json) for event in events) > 1024 * 1024
        assert await server.stopped(send=None) == 0
    events = [json.loads(line)["event"] for line in server.log().splitlines()]
    assert events[0] == "starting"
    assert "listening" in events
    assert events[-3:] == ["draining", "call", "stopped"], server.log()


async def test_calls_are_taken_during_the_delay(small_url: str, tmp_path: Path) -> None:
    async with server_process(tmp_path, small_url, DRAIN_DELAY="300") as server:
        async with grpc.aio.insecure_channel(server.address) as watching:
            watch = HealthStub(watching).Watch(HealthCheckRequest(service=""))
            assert (await watch.read()).status == HealthCheckResponse.SERVING
            server.process.send_signal(signal.SIGTERM)
            assert (await watch.read()).status == HealthCheckResponse.NOT_SERVING
        async with grpc.aio.insecure_channel(server.address) as channel:
            events = [event async for event in ExportServiceStub(channel).StreamExport(STREAM)]
        assert events[-1].WhichOneof("event") == "finished"
        # A second signal does not wait for the rest of the five minutes.
        assert await server.stopped(send=signal.SIGTERM) == 0


async def test_a_call_that_outlives_the_grace_is_cancelled(lockable_url: str, tmp_path: Path) -> None:
    async with (
        locked(lockable_url, "venue"),
        server_process(tmp_path, lockable_url, DRAIN_GRACE="0.1") as server,
        grpc.aio.insecure_channel(server.address) as channel,
    ):
        answer = asyncio.create_task(ExportServiceStub(channel).StreamExport(STREAM).read())
        await until_waiting(lockable_url)
        assert await server.stopped() == 0
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await answer
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    calls = [line for line in map(json.loads, server.log().splitlines()) if line["event"] == "call"]
    assert [call["code"] for call in calls] == ["CANCELLED"]


async def test_it_ends_while_its_database_is_not_there(tmp_path: Path) -> None:
    url = "postgresql://nobody@127.0.0.1:9/none?connect_timeout=1"
    async with server_process(tmp_path, url, serving=False) as server:
        assert await server.stopped() == 0
    assert "exports_unavailable" in server.log()


@pytest.mark.parametrize("address", ["127.0.0.1:0", "unix:server.sock"])
@pytest.mark.long
async def test_a_second_server_on_the_same_address_says_so(
    address: str, small_url: str, tmp_path: Path
) -> None:
    async with server_process(tmp_path, small_url, serving=False, LISTEN_ADDRESS=address) as server:
        second = await asyncio.create_subprocess_exec(
            Path(sys.executable).with_name("fhirexport-server"),
            "serve",
            env={"LISTEN_ADDRESS": server.address, "METRICS_ADDRESS": "off", "DATABASE_URL": small_url},
            cwd=tmp_path,
            stderr=asyncio.subprocess.PIPE,
        )
        _, said = await second.communicate()
    assert second.returncode == 1
    assert said.decode().splitlines()[-1].startswith("cannot listen on LISTEN_ADDRESS")


async def test_watches_do_not_hold_up_a_drain(small_url: str) -> None:
    async with running(settings(small_url)) as app, watching(app.address) as stub:
        watches = [stub.WatchExports(request()) for _ in range(20)]
        for watch in watches:
            await told(watch)
        async with asyncio.timeout(PATIENCE):
            await app.drain(delay=0, grace=10 * PATIENCE)
        assert {await ended(watch) for watch in watches} == {grpc.StatusCode.OK}


async def test_watches_end_before_their_connection_is_told_to_go_away(small_url: str) -> None:
    watched, healthy = request().SerializeToString(), HealthCheckRequest().SerializeToString()
    async with (
        running(settings(small_url)) as app,
        http2.connected(int(app.address.rpartition(":")[2])) as peer,
    ):
        await wait_for_health(app.address)
        streams = set(range(1, 41, 2))
        for stream in streams:
            if stream % 4 == 1:
                peer.call(stream, "/fhirexport.v1.ExportService/WatchExports", watched)
            else:
                peer.call(stream, "/grpc.health.v1.Health/Watch", healthy)
        begun = set[int]()
        while begun != streams:
            begun.add((await _frame(peer, http2.DATA)).stream)
        drained = asyncio.create_task(app.drain(delay=0, grace=10 * PATIENCE))
        ended = set[int]()
        while (frame := await _frame(peer, http2.HEADERS, http2.GOAWAY)).type != http2.GOAWAY:
            if frame.ends_stream:
                ended.add(frame.stream)
        assert ended == streams
        assert await peer.receive(http2.HEADERS) is None  # acknowledges what is left to be, until it is over
        await drained


async def _frame(peer: http2.Peer, *kinds: int) -> http2.Frame:
    frame = await peer.receive(*kinds)
    assert frame is not None, "the server has hung up"
    return frame

"""Shows that gRPC knows every channel argument that is set, and what each of the server's does.

gRPC passes over a name that it does not know. The times of an argument are scaled down here; that the
argument works at all is what is shown.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import grpc
import pytest
from fhirexport.v1.import_service_pb2 import ImportOptions, ImportResourcesRequest
from fhirexport.v1.import_service_pb2_grpc import ImportServiceStub
from fhirexport_server.rpc.server import options
from grpc._cython import cygrpc  # type: ignore[attr-defined] # the library publishes no types of it
from support import http2
from support.echo import (
    CLIENT,
    ECHO,
    KEEP,
    PING_INTERVAL,
    SERVER,
    SHORT,
    WAIT,
    channel_to,
    code,
    echoing,
    method,
)
from support.http2 import connected
from support.server import PATIENCE, running_server
from support.status import refused

LIBRARY = Path(cygrpc.__file__).read_bytes()


@pytest.mark.parametrize("name", sorted({name for name, _ in [*SERVER, *CLIENT]}))
def test_the_library_knows_the_argument(name: str) -> None:
    assert name.encode() + b"\0" in LIBRARY


@pytest.mark.parametrize("name", ["grpc.http2.min_recv_ping_interval_without_data_ms", "grpc.keepalive"])
def test_a_name_that_the_library_does_not_know_is_found_out(name: str) -> None:
    assert name.encode() + b"\0" not in LIBRARY


async def test_a_port_is_one_servers_alone() -> None:
    async with echoing() as (port, _):
        other = grpc.aio.server(options=SERVER)
        with pytest.raises(RuntimeError):
            other.add_insecure_port(f"127.0.0.1:{port}")


async def test_messages_have_a_greatest_size_both_ways() -> None:
    most = dict(SERVER)["grpc.max_receive_message_length"]
    async with echoing() as (port, _), channel_to(port) as channel:
        echo = method(channel, ECHO)
        assert await code(echo(bytes(3 << 20))) == "OK"
        assert await code(echo(bytes(most + 1))) == "RESOURCE_EXHAUSTED"
        # What it would send is 6 MiB; the client would take it.
        async with channel_to(port, ("grpc.max_receive_message_length", -1)) as patient:
            call = method(patient, ECHO)(b"twice" + bytes(3 << 20))
            assert await code(call) == "RESOURCE_EXHAUSTED"
            assert "Sent message larger than max" in await call.details()


async def test_metadata_have_a_greatest_size() -> None:
    async with echoing() as (port, _), channel_to(port) as channel:
        echo = method(channel, ECHO)
        assert await code(echo(b"", metadata=[("x", "y" * (6 << 10))])) == "OK"
        assert await code(echo(b"", metadata=[("x", "y" * (16 << 10))])) == "RESOURCE_EXHAUSTED"


@pytest.mark.parametrize("name", ["max_metadata_size", "absolute_max_metadata_size"])
async def test_of_the_two_bounds_of_metadata_each_counts(name: str) -> None:
    # Between the two, gRPC refuses some. It takes the larger one where the absolute one is the smaller.
    scaled = {"max_metadata_size": 1 << 10, "absolute_max_metadata_size": 1 << 10}
    async with echoing(**scaled) as (port, _), channel_to(port) as channel:
        call = method(channel, ECHO)(b"", metadata=[("x", "y" * (2 << 10))])
        assert await code(call) == "RESOURCE_EXHAUSTED"
    async with echoing(**scaled | {name: 32 << 10}) as (port, _), channel_to(port) as channel:
        call = method(channel, ECHO)(b"", metadata=[("x", "y" * (512))])
        assert await code(call) == "OK"


async def test_a_connection_has_so_many_calls_and_a_burst_over_them_waits() -> None:
    most = dict(SERVER)["grpc.max_concurrent_streams"]
    async with echoing() as (port, echo), connected(port) as peer:
        first = await peer.receive(http2.SETTINGS)
        assert first is not None
        assert first.settings[http2.MAX_CONCURRENT_STREAMS] == most
        async with channel_to(port) as channel:
            calls = [method(channel, WAIT)(b"") for _ in range(3 * most)]
            echo.let_go.set()
            assert {await code(call) for call in calls} == {"OK"}


@pytest.mark.parametrize("ended", [20, 1000])
async def test_calls_that_were_reset_count_until_they_are_out_of_memory(ended: int) -> None:
    most = min(400, ended + dict(SERVER)["grpc.max_concurrent_streams"])
    async with echoing(max_deallocating_streams=ended) as (port, echo), connected(port) as peer:
        assert await peer.pinged()  # until it has acknowledged the settings, it has no more than those
        for number in range(400):
            peer.call(2 * number + 1, KEEP, b"")
            while echo.kept < min(most, number + 1):
                await asyncio.sleep(0.001)
            peer.send(http2.RST_STREAM, http2.CANCEL.to_bytes(4), stream=2 * number + 1)
        if most < 400:
            refused = await peer.receive(http2.RST_STREAM)
            assert refused is not None
            assert refused.error == http2.REFUSED_STREAM
        assert await peer.pinged()
        assert most <= echo.kept <= most + 1


async def _burst(port: int) -> set[str]:
    """Make a thousand calls at once, from ten connections; return the codes that they end with."""
    async with AsyncExitStack() as stack:
        connections = [await stack.enter_async_context(channel_to(port)) for _ in range(10)]
        calls = [code(method(channel, ECHO)(b"x")) for channel in connections for _ in range(100)]
        return set(await asyncio.gather(*calls))


@pytest.mark.long
async def test_no_call_of_a_burst_is_lost() -> None:
    async with asyncio.timeout(PATIENCE):
        async with echoing() as (port, _):
            assert await _burst(port) == {"OK"}
        async with echoing(max_pending_requests=1, max_pending_requests_hard_limit=1) as (port, _):
            while (codes := await _burst(port)) == {"OK"}:
                pass
            assert "CANCELLED" in codes


async def test_connections_have_a_greatest_number() -> None:
    async with echoing(max_allowed_incoming_connections=2) as (port, _), AsyncExitStack() as stack:
        served = [await stack.enter_async_context(connected(port)) for _ in range(2)]
        assert [await peer.pinged() for peer in served] == [True, True]
        refused = await stack.enter_async_context(connected(port))
        assert not await refused.pinged()
        assert [await peer.pinged() for peer in served] == [True, True]


async def test_who_connects_and_says_nothing_is_hung_up_on() -> None:
    async with echoing(server_handshake_timeout_ms=SHORT) as (port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await reader.read()  # until the end
        writer.close()


async def test_a_client_is_pinged_without_a_call_too_and_one_that_is_gone_is_let_go() -> None:
    # One that is slow to answer, on a busy machine, is not gone.
    patient = int(PATIENCE * 1000)
    async with (
        echoing(keepalive_time_ms=SHORT, ping_timeout_ms=patient) as (port, _),
        connected(port) as peer,
    ):
        for _ in range(4):
            assert await peer.receive(http2.PING) is not None
    async with (
        echoing(keepalive_time_ms=SHORT, ping_timeout_ms=SHORT) as (port, _),
        connected(port, acks_pings=False) as gone,
    ):
        while await gone.receive(http2.PING, http2.GOAWAY) is not None:
            pass


async def test_a_client_may_ping_every_10_seconds() -> None:
    assert dict(SERVER)[PING_INTERVAL] <= 10_000 / 2
    scaled = dict(SERVER)[PING_INTERVAL] // 100
    async with echoing(min_ping_interval_without_data_ms=scaled) as (port, _), connected(port) as peer:
        for _ in range(10):
            assert await peer.pinged()
            await asyncio.sleep(10 / 100)


async def test_who_pings_all_the_time_is_sent_away_at_the_third_strike() -> None:
    strikes = dict(SERVER)["grpc.http2.max_ping_strikes"]
    async with echoing() as (port, _), connected(port) as peer:
        # The first ping is no strike.
        assert [await peer.pinged() for _ in range(1 + strikes)] == [True] * (1 + strikes)
        peer.send(http2.PING, bytes(8))
        away = await peer.receive(http2.GOAWAY)
        assert away is not None
        assert (away.error, away.debug) == (http2.ENHANCE_YOUR_CALM, b"too_many_pings")


async def test_an_idle_connection_is_closed() -> None:
    async with echoing(max_connection_idle_ms=SHORT) as (port, _), connected(port) as peer:
        away = await peer.receive(http2.GOAWAY)
        assert away is not None
        assert away.debug == b"connection idle"


async def test_an_old_connection_is_closed_and_its_calls_are_not_cut_off() -> None:
    async with echoing(max_connection_age_ms=SHORT) as (port, echo), channel_to(port) as channel:
        call = method(channel, WAIT)(b"")
        async with connected(port) as peer:
            assert await peer.receive(http2.GOAWAY) is not None
        echo.let_go.set()
        assert await code(call) == "OK"
    aged = {"max_connection_age_ms": SHORT, "max_connection_age_grace_ms": SHORT}
    async with echoing(**aged) as (port, _), channel_to(port) as channel:
        assert await code(method(channel, WAIT)(b"")) == "UNAVAILABLE"


async def test_no_channelz_is_kept() -> None:
    def servers() -> set[str]:
        found = json.loads(cygrpc.channelz_get_servers(0))
        return {server["ref"]["serverId"] for server in found.get("server", [])}

    before = servers()
    async with echoing():
        assert servers() == before
    async with echoing(enable_channelz=1):
        assert servers() != before


async def test_a_paused_import_outlives_a_client_that_pings(new_database: Callable[[str], str]) -> None:
    """The field's case 32, with time a hundred times as fast: 50 s of silence, a ping every 10 s."""
    pings = [("grpc.keepalive_time_ms", 100), ("grpc.http2.max_pings_without_data", 0)]

    async def parts() -> AsyncIterator[ImportResourcesRequest]:
        yield ImportResourcesRequest(options=ImportOptions(ej_id=1))
        yield ImportResourcesRequest(chunk=b"\n")
        await asyncio.sleep(1)
        yield ImportResourcesRequest(chunk=b"\n")

    scaled = {PING_INTERVAL: dict(SERVER)[PING_INTERVAL] // 100}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "fhirexport_server.rpc.server.options",
            lambda limits, **_: [*(dict(options(limits)) | scaled).items()],
        )
        async with (
            running_server(new_database("sqlite")) as address,
            grpc.aio.insecure_channel(address, options=pings) as channel,
        ):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await ImportServiceStub(channel).ImportResources(parts())
    # It came to an answer of the server: there is no such EJ, and nothing to import.
    assert refused(caught.value).reason in {"EJ_NOT_FOUND", "INVALID_FIELD"}

"""Shows what each channel argument of the client does; their times are scaled down here."""

import asyncio

import grpc
import pytest
from fhirexport._internal import channels
from support import http2
from support.echo import (
    CLIENT,
    ECHO,
    PING_INTERVAL,
    SERVER,
    SHORT,
    WAIT,
    Option,
    channel_to,
    code,
    echoing,
    method,
)
from support.http2 import accepting
from support.listening import listening
from support.server import PATIENCE


def _scaled(**values: int) -> list[Option]:
    given = dict(channels.options(watched=False))
    names = {name.rpartition(".")[2]: name for name in given}
    return [*(given | {names[name]: value for name, value in values.items()}).items()]


@pytest.mark.long
async def test_a_silent_call_is_watched_over_for_as_long_as_it_takes() -> None:
    async with (
        accepting() as (port, peers),
        channel_to(port, *_scaled(keepalive_time_ms=SHORT)) as channel,
    ):
        call = method(channel, WAIT)(b"")
        peer = await asyncio.wait_for(peers.get(), PATIENCE)
        for _ in range(6):
            assert await peer.receive(http2.PING) is not None
        call.cancel()


async def test_a_server_that_is_gone_is_found_out() -> None:
    scaled = _scaled(keepalive_time_ms=SHORT, ping_timeout_ms=SHORT)
    async with accepting(acks_pings=False) as (port, peers), channel_to(port, *scaled) as channel:
        call = method(channel, WAIT)(b"")
        peer = await asyncio.wait_for(peers.get(), PATIENCE)
        assert await peer.receive(http2.PING) is not None
        assert await peer.receive() is None
        assert await asyncio.wait_for(code(call), PATIENCE) == "UNAVAILABLE"


def test_the_clients_own_pings_are_within_what_the_server_allows() -> None:
    assert dict(CLIENT)["grpc.keepalive_time_ms"] >= 2 * dict(SERVER)[PING_INTERVAL]


async def test_a_server_knows_which_client_calls() -> None:
    async with echoing() as (port, echo), channel_to(port, *channels.options(watched=False)) as channel:
        await method(channel, ECHO)(b"")
    assert echo.agents[0].startswith("fhirexport/")


async def test_a_server_that_is_away_is_looked_for_again_and_again() -> None:
    # At gRPC's own pace, the twelfth attempt would be minutes away.
    attempts = asyncio.Semaphore(0)

    async def hang_up(_reader: object, _writer: object) -> None:
        attempts.release()

    async with (
        listening(hang_up) as port,
        asyncio.timeout(PATIENCE),
        channel_to(port, *_scaled(max_reconnect_backoff_ms=SHORT)) as channel,
    ):
        call = method(channel, ECHO)(b"", wait_for_ready=True)
        for _ in range(12):
            await attempts.acquire()
        call.cancel()


async def test_the_service_config_counts() -> None:
    """Two servers at one name, of which one does not serve: every call reaches the other one."""
    config = dict(channels.options())["grpc.service_config"]
    assert "round_robin" in config
    async with echoing() as (one, first), echoing() as (other, second):
        target = f"ipv4:127.0.0.1:{one},127.0.0.1:{other}"
        async with grpc.aio.insecure_channel(target, options=channels.options(watched=False)) as channel:
            echo = method(channel, ECHO)
            while not (first.agents and second.agents):
                await echo(b"", wait_for_ready=True)

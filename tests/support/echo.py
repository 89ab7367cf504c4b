"""A server that echoes, with the channel arguments that are shipped, and channels to it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import grpc
from fhirexport._internal import channels
from fhirexport_server.rpc.admission.call_limits import Limits
from fhirexport_server.rpc.server import options

from support.server import PATIENCE

Option = tuple[str, Any]
SERVER: Sequence[Option] = options(Limits(stream_seconds=900))
"""The arguments of the server that is shipped."""
CLIENT: Sequence[Option] = [*channels.options(), *channels.options(watched=False)]
"""Those of the client's channels."""
PING_INTERVAL = "grpc.http2.min_ping_interval_without_data_ms"
ECHO, WAIT, KEEP = "/test.Test/Echo", "/test.Test/Wait", "/test.Test/Keep"
SHORT = 200
"""Milliseconds: long for two processes of one machine, short for a test."""


class Echo(grpc.GenericRpcHandler):
    """Answers a call with its request, and others once they are let go: KEEP ones live on without callers."""

    def __init__(self) -> None:
        self.agents: list[str] = []
        self.kept = 0
        self.let_go = asyncio.Event()

    def service(self, details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes]":
        self.agents += [str(value) for key, value in details.invocation_metadata if key == "user-agent"]
        if details.method == ECHO:
            return grpc.unary_unary_rpc_method_handler(self._echo)
        if details.method == KEEP:
            return grpc.unary_unary_rpc_method_handler(self._keep)
        return grpc.unary_unary_rpc_method_handler(self._wait)

    async def _echo(self, request: bytes, _context: object) -> bytes:
        return request * 2 if request.startswith(b"twice") else request

    async def _wait(self, request: bytes, _context: object) -> bytes:
        await self.let_go.wait()
        return request

    async def _keep(self, request: bytes, _context: object) -> bytes:
        self.kept += 1
        while not self.let_go.is_set():
            with suppress(asyncio.CancelledError):
                await self.let_go.wait()
        return request


@asynccontextmanager
async def echoing(**scaled: int) -> AsyncIterator[tuple[int, Echo]]:
    """Run a server with the options that are shipped, some with other values; yield its port."""
    given = dict(SERVER)
    names = {name.rpartition(".")[2]: name for name in given}
    given |= {names[name]: value for name, value in scaled.items()}
    server = grpc.aio.server(options=list(given.items()))
    echo = Echo()
    server.add_generic_rpc_handlers([echo])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with asyncio.timeout(PATIENCE):
            yield port, echo
    finally:
        echo.let_go.set()
        await server.stop(None)


def channel_to(port: int, *given: Option) -> grpc.aio.Channel:
    # A pool of its own: another channel's connection would be another one's bounds.
    return grpc.aio.insecure_channel(
        f"127.0.0.1:{port}", options=[("grpc.use_local_subchannel_pool", 1), *given]
    )


def method(channel: grpc.aio.Channel, name: str) -> "grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]":
    return channel.unary_unary(name)


async def code(call: "grpc.aio.UnaryUnaryCall[bytes, bytes]") -> str:
    return (await call.code()).name

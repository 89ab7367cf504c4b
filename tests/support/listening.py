"""Servers of asyncio for a test: the connections that they have accepted end with them."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

from support.server import PATIENCE

Serve = Callable[[StreamReader, StreamWriter], Coroutine[Any, Any, None]]
Connection = tuple[StreamReader, StreamWriter]


@asynccontextmanager
async def listening(serve: Serve, *, port: int = 0) -> AsyncIterator[int]:
    """Serve whoever connects to a port of the loopback; yield the port.

    A connection is cut off as soon as `serve` returns, and at the end. OSError in `serve` is a peer that has
    gone.
    """
    serving: set[asyncio.Task[None]] = set()

    async def _served(reader: StreamReader, writer: StreamWriter) -> None:
        with suppress(OSError):
            await serve(reader, writer)

    def accept(reader: StreamReader, writer: StreamWriter) -> None:
        # The connection itself: of TLS on top of it, `abort` does nothing once both ends have closed that.
        # By a callback: a task that is cancelled before its first step runs nothing of its own.
        connection = writer.transport
        task = asyncio.create_task(_served(reader, writer))
        serving.add(task)
        task.add_done_callback(lambda _: connection.abort())
        task.add_done_callback(serving.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        # Python 3.11 loses a connection that has come in the very turn in which its server is closed.
        for one in server.sockets:
            asyncio.get_running_loop().remove_reader(one.fileno())
        await _turns()
        server.close()
        for task in serving.copy():
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        await _turns()


async def held(_reader: StreamReader, _writer: StreamWriter) -> None:
    """Serve nothing, and keep the connection."""
    await asyncio.Event().wait()


async def relay(reader: StreamReader, writer: StreamWriter, other: Connection) -> None:
    """Pass on both ways, between a connection and another one, until both have ended; abort the other one."""
    there_reader, there = other
    try:
        await asyncio.gather(_pass(reader, there), _pass(there_reader, writer))
    finally:
        there.transport.abort()


async def connected(address: str) -> Connection:
    """Connect to `host:port`, or to the path of a Unix socket."""
    async with asyncio.timeout(PATIENCE):
        if address.startswith("/"):
            return await asyncio.open_unix_connection(address)
        host, _, port = address.rpartition(":")
        return await asyncio.open_connection(host, int(port))


async def _pass(reader: StreamReader, writer: StreamWriter) -> None:
    with suppress(OSError):
        while content := await reader.read(65_536):
            writer.write(content)
            await writer.drain()
    writer.close()


async def _turns() -> None:
    """Let the event loop do what it has begun: accept a connection, or close one."""
    for _ in range(5):
        await asyncio.sleep(0)

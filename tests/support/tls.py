"""A server behind TLS, as a proxy puts it there; and certificates whose keys protect nothing."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "client" / "tls"
"""`ca.pem` has issued `server.pem`, which is for `export.test`, `localhost` and 127.0.0.1, and `client.pem`;
nobody has its key any more. `certificate.pem` vouches for itself."""
CA, CERT, KEY = FOLDER / "ca.pem", FOLDER / "client.pem", FOLDER / "client-key.pem"
OTHER_CA = FOLDER / "certificate.pem"
_HANDSHAKE = 0x16
"""The first byte of TLS."""


@asynccontextmanager
async def behind_tls(
    address: str, *, mutual: bool = False, context: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """Puts TLS in front of a server that speaks plaintext; yields the address of that.

    Args:
        address: The server's: `host:port`, or the path of its Unix socket.
        mutual: Whether callers must show a certificate.
        context: The TLS, in place of all this.
    """
    if context is None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=CA)
        context.load_cert_chain(FOLDER / "server.pem", FOLDER / "server-key.pem")
        context.set_alpn_protocols(["h2"])
        if mutual:
            context.verify_mode = ssl.CERT_REQUIRED
    passing: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        passing.add(task)
        writers = [writer]
        try:
            # Here, and not by the server: whoever has not shaken hands yet is one to be sent away as well.
            with suppress(OSError):
                await writer.start_tls(context)
                inner_reader, inner_writer = await _connected(address)
                writers.append(inner_writer)
                await asyncio.gather(_pass(reader, inner_writer), _pass(inner_reader, writer))
        finally:
            for one in writers:
                one.transport.abort()
            passing.discard(task)

    server = await asyncio.start_server(accept, "127.0.0.1")
    try:
        yield f"localhost:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await _turns()
        for task in passing.copy():
            task.cancel()
        await asyncio.gather(*passing, return_exceptions=True)
        await _turns()


@asynccontextmanager
async def with_or_without_tls(address: str, context: ssl.SSLContext) -> AsyncIterator[int]:
    """Puts a port before a server that speaks plaintext, for callers of either kind; yields the port.

    So servers that name each other have one address, for each other and for callers with TLS.
    """
    passing: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        passing.add(task)
        writers = [writer]
        try:
            with suppress(OSError):
                begun = await reader.read(65_536)
                if begun:
                    there, back = await _connected(encrypted if begun[0] == _HANDSHAKE else address)
                    writers.append(back)
                    back.write(begun)
                    await asyncio.gather(_pass(reader, back), _pass(there, writer))
        finally:
            for one in writers:
                one.transport.abort()
            passing.discard(task)

    async with behind_tls(address, context=context) as encrypted:
        server = await asyncio.start_server(accept, "127.0.0.1")
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            await _turns()
            for task in passing.copy():
                task.cancel()
            await asyncio.gather(*passing, return_exceptions=True)
            await _turns()


async def _connected(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if address.startswith("/"):
        return await asyncio.open_unix_connection(address)
    host, _, port = address.rpartition(":")
    return await asyncio.open_connection(host, int(port))


async def _turns() -> None:
    """Let the event loop do what it has begun: accept a connection, or close one."""
    for _ in range(5):
        await asyncio.sleep(0)


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while content := await reader.read(65_536):
            writer.write(content)
            await writer.drain()
    writer.close()

"""A proxy that counts what a server has sent on each connection: also what its client has not taken yet."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

_PIECE = 1 << 12


class Wiretap:
    """What came from the server on the one connection of one client."""

    def __init__(self, server: str, pause: float) -> None:
        """Stand before a server.

        Args:
            server: Its address.
            pause: How long to wait after each piece that it sends, so that messages take a while to pass.
        """
        host, _, port = server.rpartition(":")
        self._server = host, int(port)
        self._pause = pause
        self.received = 0
        """The bytes that the server has sent."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        """Yields the address to connect to."""
        listening = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        host, port = listening.sockets[0].getsockname()
        try:
            yield f"{host}:{port}"
        finally:
            listening.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            below = await asyncio.open_connection(*self._server, limit=_PIECE)
        except OSError:
            writer.close()
            return
        requests = asyncio.create_task(self._passed(reader, below[1], counts=False))
        await self._passed(below[0], writer, counts=True)
        await requests

    async def _passed(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, counts: bool
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(_PIECE):
                if counts:
                    self.received += len(data)
                    await asyncio.sleep(self._pause)
                writer.write(data)
                await writer.drain()
        writer.close()

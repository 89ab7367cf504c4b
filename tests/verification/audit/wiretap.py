"""A proxy that counts what a server has sent on each connection: also what its client has not taken yet."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from support.listening import listening

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
        async with listening(self._connected) as port:
            yield f"127.0.0.1:{port}"

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        below_reader, below = await asyncio.open_connection(*self._server, limit=_PIECE)
        try:
            await asyncio.gather(
                self._passed(reader, below, counts=False), self._passed(below_reader, writer, counts=True)
            )
        finally:
            below.transport.abort()

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

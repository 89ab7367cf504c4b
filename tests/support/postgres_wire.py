"""A way to a PostgreSQL that breaks, or stops, at a certain message."""

import asyncio
import socket
import struct
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum

from support.listening import Connection, connected, listening

_REQUESTS = (80877103, 80877104)
"""The codes of what asks for TLS or GSSAPI; one byte answers it."""
_HANGS_FOR = 0.02


class Break(StrEnum):
    """What happens to a message."""

    END = "end"
    """Both ends see that the other one has closed the connection."""
    RESET = "reset"
    HALF = "half"
    """Half of it arrives, then the connection is reset."""
    HANG = "hang"
    """Nothing arrives for a moment, then the connection is reset."""
    TERMINATED = "terminated"
    """The server says that it is shutting down, and closes the connection."""
    LATE = "late"
    """It arrives; then the server says that it is shutting down, and closes the connection."""
    CRASHED = "crashed"
    """A pooler says that its connection to the server has crashed, and closes its own."""
    STRANGE = "strange"
    """The client gets a message that there is not, and this one after it."""


_SHUTDOWN = ("57P01", "terminating connection due to administrator command")
_SAID = {
    Break.TERMINATED: _SHUTDOWN,
    Break.LATE: _SHUTDOWN,
    Break.CRASHED: ("08P01", "server conn crashed?"),
}


def _fatal(state: str, text: str) -> bytes:
    pairs = (("S", "FATAL"), ("V", "FATAL"), ("C", state), ("M", text))
    fields = b"".join(f"{kind}{value}\0".encode() for kind, value in pairs)
    return b"E" + struct.pack("!i", len(fields) + 5) + fields + b"\0"


class Wire:
    """Passes messages on, and breaks at one: of all connections, both ways, since it was armed."""

    def __init__(self, address: str) -> None:
        """Lead to a server.

        Args:
            address: The path of its socket, or its host and port.
        """
        self._address = address
        self._due: list[tuple[int, Break | None]] = []
        self._containing = b""
        self.reached = asyncio.Event()
        """Whether the message has come that waits, after `hold`."""
        self._released = asyncio.Event()

    def arm(self, after: int, how: Break, *, containing: bytes = b"", again: int | None = None) -> None:
        """Break at the message after so many.

        Args:
            after: How many messages pass before.
            how: What happens then.
            containing: Only messages that contain this count.
            again: How many pass after that until it breaks once more; None: it does not.
        """
        self._due = [(after, how)] if again is None else [(after, how), (again, how)]
        self._containing = containing

    def hold(self, containing: bytes) -> None:
        """Have the next message that contains something wait for `release`."""
        self._due, self._containing = [(0, None)], containing

    def release(self) -> None:
        """Let it pass."""
        self._released.set()

    def disarm(self) -> bool:
        """Break no more; return whether it has broken as often as it was to."""
        has_broken, self._due = not self._due, []
        return has_broken

    @asynccontextmanager
    async def open(self) -> AsyncIterator[int]:
        """Listen; yield the port."""
        async with listening(self._serve) as port:
            yield port

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        below = await connected(self._address)
        try:
            await _Link((reader, writer), below, self).run()
        finally:
            below[1].transport.abort()

    async def due(self, message: bytes) -> Break | None:
        """Count a message; return how the connection breaks at it."""
        if not self._due or self._containing not in message:
            return None
        (left, how), *others = self._due
        if left:
            self._due[0] = (left - 1, how)
            return None
        self._due = others
        if how is None:
            self.reached.set()
            await self._released.wait()
        return how


class _Link:
    """A connection, and the one to the server that it leads to."""

    def __init__(self, above: Connection, below: Connection, wire: Wire) -> None:
        self._above, self._below, self._wire = above, below, wire
        self._bytes_due = 0
        """How many answers of one byte, without a length, are to come."""

    async def run(self) -> None:
        """Pass messages on until one way ends or breaks."""
        ways = [asyncio.create_task(self._up()), asyncio.create_task(self._down())]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _up(self) -> None:
        reader, writer = self._above[0], self._below[1]
        is_request = True
        while is_request:
            message = await _rest(reader)
            is_request = struct.unpack("!i", message[4:8])[0] in _REQUESTS
            self._bytes_due += is_request
            if await self._breaks(message, writer):
                return
        while not await self._breaks(await reader.readexactly(1) + await _rest(reader), writer):
            pass

    async def _down(self) -> None:
        reader, writer = self._below[0], self._above[1]
        while True:
            message = await reader.readexactly(1)
            # Nothing but the request for it comes before an answer of one byte.
            if self._bytes_due:
                self._bytes_due -= 1
            else:
                message += await _rest(reader)
            if await self._breaks(message, writer):
                return

    async def _breaks(self, message: bytes, writer: StreamWriter) -> bool:
        """Pass a message on, or break; return whether it has."""
        how, client = await self._wire.due(message), self._above[1]
        if how is Break.STRANGE:
            client.write(b"\1\0\0\0\4")
        if how in {None, Break.STRANGE, Break.LATE}:
            writer.write(message)
            await writer.drain()
        elif how is Break.HALF:
            writer.write(message[: len(message) // 2])
        elif how is Break.HANG:
            await asyncio.sleep(_HANGS_FOR)
        if how is None or how is Break.STRANGE:
            return False
        if how in _SAID:
            client.write(_fatal(*_SAID[how]))
        if how is Break.END or how in _SAID:
            client.close()
            await client.wait_closed()
        else:
            linger = struct.pack("ii", 1, 0)
            client.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            client.transport.abort()
        return True


async def _rest(reader: StreamReader) -> bytes:
    """Read what follows the kind of a message: its size, and the rest of it."""
    size = await reader.readexactly(4)
    return size + await reader.readexactly(struct.unpack("!i", size)[0] - 4)

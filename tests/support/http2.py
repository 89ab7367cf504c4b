"""HTTP/2 frames over a socket, for what no gRPC client or server does by itself (RFC 9113)."""

import asyncio
from asyncio import IncompleteReadError, StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from hpack import Encoder

from support.listening import held, listening
from support.server import PATIENCE

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
ACK = END_STREAM = 1
END_HEADERS = 4
MAX_CONCURRENT_STREAMS = 3
REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM = 7, 8, 11


@dataclass(frozen=True)
class Frame:
    """One frame."""

    type: int
    flags: int
    stream: int
    payload: bytes

    @property
    def acknowledges(self) -> bool:
        """Whether it only says that another one has come."""
        return self.type in {SETTINGS, PING} and bool(self.flags & ACK)

    @property
    def ends_stream(self) -> bool:
        """Whether nothing comes after it on its stream."""
        return self.type in {DATA, HEADERS} and bool(self.flags & END_STREAM)

    @property
    def settings(self) -> dict[int, int]:
        """What a SETTINGS frame sets, by the numbers of its settings."""
        starts = range(0, len(self.payload), 6)
        pairs = [(self.payload[start : start + 2], self.payload[start + 2 : start + 6]) for start in starts]
        return {int.from_bytes(name): int.from_bytes(value) for name, value in pairs}

    @property
    def error(self) -> int:
        """The error code of a GOAWAY or RST_STREAM frame."""
        return int.from_bytes(self.payload[4:8] if self.type == GOAWAY else self.payload)

    @property
    def debug(self) -> bytes:
        """What a GOAWAY frame says for people."""
        return self.payload[8:]


class Peer:
    """One end of a connection. It acknowledges settings, and pings where it is told to."""

    def __init__(self, reader: StreamReader, writer: StreamWriter, *, acks_pings: bool = True) -> None:
        self._reader = reader
        self._writer = writer
        self._acks_pings = acks_pings
        self._encoder = Encoder()

    def send(self, kind: int, payload: bytes = b"", *, flags: int = 0, stream: int = 0) -> None:
        """Send one frame, of the connection itself where no stream is named."""
        head = len(payload).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4)
        self._writer.write(head + payload)

    def call(self, stream: int, path: str, message: bytes) -> None:
        """Begin a call of gRPC on a stream that is free, and send its only message."""
        headers = [
            (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "localhost"),
            ("content-type", "application/grpc"), ("te", "trailers"),
        ]  # fmt: skip
        self.send(HEADERS, self._encoder.encode(headers), flags=END_HEADERS, stream=stream)
        self.send(DATA, bytes(1) + len(message).to_bytes(4) + message, flags=END_STREAM, stream=stream)

    async def receive(self, *kinds: int) -> Frame | None:
        """Return the next frame of these kinds, no acknowledgement; None where the other end hangs up."""
        while (frame := await self._next()) is not None:
            if frame.type in kinds and not frame.acknowledges:
                return frame
        return None

    async def pinged(self) -> bool:
        """Send a ping; return whether it is acknowledged: False where the other end goes away instead."""
        self.send(PING, bytes(8))
        while (frame := await self._next()) is not None and frame.type != GOAWAY:
            if frame.type == PING and frame.acknowledges:
                return True
        return False

    async def _next(self) -> Frame | None:
        try:
            async with asyncio.timeout(PATIENCE):
                head = await self._reader.readexactly(9)
                payload = await self._reader.readexactly(int.from_bytes(head[:3]))
        except (IncompleteReadError, ConnectionError):
            return None
        frame = Frame(head[3], head[4], int.from_bytes(head[5:9]), payload)
        if not frame.acknowledges and frame.type == SETTINGS:
            self.send(SETTINGS, flags=ACK)
        if not frame.acknowledges and frame.type == PING and self._acks_pings:
            self.send(PING, payload, flags=ACK)
        return frame


@asynccontextmanager
async def connected(port: int, *, acks_pings: bool = True) -> AsyncIterator[Peer]:
    """Connect to a server of this machine, and say what a client of HTTP/2 says first."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(PREFACE)
        peer = Peer(reader, writer, acks_pings=acks_pings)
        peer.send(SETTINGS)
        yield peer
    finally:
        await _closed(writer)


@asynccontextmanager
async def accepting(*, acks_pings: bool = True) -> AsyncIterator[tuple[int, "asyncio.Queue[Peer]"]]:
    """Listen on this machine as a server of HTTP/2 that answers no call; yield its port and its peers."""
    peers: asyncio.Queue[Peer] = asyncio.Queue()

    async def greet(reader: StreamReader, writer: StreamWriter) -> None:
        with suppress(IncompleteReadError):
            await reader.readexactly(len(PREFACE))
            peer = Peer(reader, writer, acks_pings=acks_pings)
            peer.send(SETTINGS)
            peers.put_nowait(peer)
            await held(reader, writer)

    async with listening(greet) as port:
        yield port, peers


async def _closed(writer: StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()

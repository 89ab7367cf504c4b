"""A raw HTTP/2 client that sends, reads, stops and resets exactly what a test says.

What a gRPC library would never do: open calls and send no message, grant no window, reset a stream or the
whole connection in the middle. For tests of what a server does with such callers.
"""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events
import h2.settings

CANCEL = 8
"""HTTP/2's error code for a call that nobody wants any more. Source: RFC 9113, 7."""
WINDOW = 65_535
"""HTTP/2's default window, in bytes."""


@dataclass
class Stream:
    """What has come back on one stream."""

    headers: dict[str, str] = field(default_factory=dict)
    """Of the answer and its trailers, together."""
    data_bytes: int = 0
    """How many bytes of messages came, with their prefixes."""
    data: bytearray = field(default_factory=bytearray)
    """The bytes themselves, where they are kept."""
    reset: int | None = None
    """The code that the server reset it with."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def status(self) -> str | None:
        """The grpc-status, None where there is none."""
        return self.headers.get("grpc-status")


class Connection:
    """One HTTP/2 connection. It takes what its window lets come, and grants more only when it is told to."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        window: int,
        grants: bool,
        keeps: bool,
        headers: Sequence[tuple[str, str]] = (),
        scheme: str = "http",
    ) -> None:
        self._headers = headers
        self._scheme = scheme
        self._reader, self._writer = reader, writer
        self._grants, self._keeps = grants, keeps
        self._h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self._h2.local_settings = h2.settings.Settings(
            client=True,
            initial_values={
                h2.settings.SettingCodes.ENABLE_PUSH: 0,
                h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: window,
            },
        )
        self._moved = asyncio.Event()
        self.streams: dict[int, Stream] = {}
        self.goaway: str | None = None
        """Why the server has ended the connection, where it says so."""
        self.greeted = asyncio.Event()
        """Set once the server's settings have come."""
        self.closed = asyncio.Event()
        """Set once the server, or this side, has ended the connection."""

    async def call(
        self, path: str, *messages: bytes, end: bool = True, headers: Iterable[tuple[str, str]] = ()
    ) -> int:
        """Begins a call and sends messages; returns the number of its stream."""
        while self._h2.open_outbound_streams >= self._h2.remote_settings.max_concurrent_streams:
            await self._changed()
        number = self._h2.get_next_available_stream_id()
        self.streams[number] = Stream()
        fields = [
            (":method", "POST"), (":scheme", self._scheme), (":path", path), (":authority", "localhost"),
            ("content-type", "application/grpc"), ("te", "trailers"), *self._headers, *headers,
        ]  # fmt: skip
        self._h2.send_headers(number, fields, end_stream=end and not messages)
        for place, message in enumerate(messages, 1):
            await self.send(number, framed(message), end=end and place == len(messages))
        await self.flush()
        return number

    async def send(self, number: int, data: bytes, *, end: bool = False) -> None:
        """Sends bytes of a stream, as its window allows; stops where the server has ended it."""
        view = memoryview(data)
        while view:
            if self.streams[number].ended.is_set():
                return
            size = min(
                self._h2.local_flow_control_window(number), self._h2.max_outbound_frame_size, len(view)
            )
            if size <= 0:
                await self.flush()
                await self._changed()
                continue
            self._h2.send_data(number, bytes(view[:size]), end_stream=end and size == len(view))
            view = view[size:]
            await self.flush()

    async def grant(self, number: int, size: int) -> None:
        """Lets so many more bytes of a stream come."""
        self._h2.increment_flow_control_window(size, number)
        await self.flush()

    async def reset(self, number: int, code: int = CANCEL) -> None:
        """Ends a stream in the middle."""
        if not self.streams[number].ended.is_set():
            self._h2.reset_stream(number, code)
            self.streams[number].ended.set()
        await self.flush()

    async def answered(self, number: int) -> Stream:
        """Waits until the server has ended a stream."""
        await self.streams[number].ended.wait()
        return self.streams[number]

    async def flush(self) -> None:
        """Sends what there is to send."""
        if data := self._h2.data_to_send():
            self._writer.write(data)
        if not self.closed.is_set():
            await self._writer.drain()

    def abort(self) -> None:
        """Resets the TCP connection: the server gets an error, not an end."""
        if found := self._writer.get_extra_info("socket"):
            found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()
        self.closed.set()

    async def begin(self) -> None:
        """Sends the preface."""
        self._h2.initiate_connection()
        await self.flush()

    async def run(self) -> None:
        """Takes what comes, until the connection ends."""
        try:
            while data := await self._reader.read(1 << 16):
                for event in self._h2.receive_data(data):
                    self._take(event)
                await self.flush()
                self._moved.set()
        except OSError:
            pass
        finally:
            self.closed.set()
            self.greeted.set()
            self._moved.set()
            for stream in self.streams.values():
                stream.ended.set()

    def _take(self, event: h2.events.Event) -> None:
        stream = self.streams.get(getattr(event, "stream_id", 0) or 0, Stream())
        match event:
            case h2.events.ResponseReceived() | h2.events.TrailersReceived():
                stream.headers.update((str(name), str(value)) for name, value in event.headers or ())
            case h2.events.DataReceived():
                stream.data_bytes += len(event.data or b"")
                if self._keeps:
                    stream.data += event.data or b""
                if self._grants:
                    self._h2.acknowledge_received_data(
                        event.flow_controlled_length or 0, event.stream_id or 0
                    )
            case h2.events.StreamReset():
                stream.reset = int(event.error_code or 0)
                stream.ended.set()
            case h2.events.RemoteSettingsChanged():
                self.greeted.set()
            case h2.events.ConnectionTerminated():
                self.goaway = f"{event.error_code}: {event.additional_data!r}"
            case h2.events.StreamEnded():
                stream.ended.set()

    async def _changed(self) -> None:
        if self.closed.is_set():
            raise ConnectionResetError("the server has ended the connection")
        self._moved.clear()
        await self._moved.wait()


def framed(message: bytes, *, compressed: bool = False) -> bytes:
    """Returns a message with gRPC's prefix. Source: gRPC over HTTP2, Length-Prefixed-Message."""
    return struct.pack(">?I", compressed, len(message)) + message


@asynccontextmanager
async def connected(
    address: str,
    *,
    window: int = WINDOW,
    grants: bool = True,
    keeps: bool = False,
    source: str | None = None,
    context: ssl.SSLContext | None = None,
    headers: Sequence[tuple[str, str]] = (),
) -> AsyncIterator[Connection]:
    """Connects to a server.

    Args:
        address: `host:port`.
        window: how many bytes of each stream the server may send unasked.
        grants: whether it may send more once these were taken.
        keeps: whether to keep the bytes of the messages.
        source: the address to connect from: on Linux, any of 127.0.0.0/8 is another peer.
        context: the TLS; None for plaintext.
        headers: what goes with each call.
    """
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(
        host.strip("[]"), int(port), local_addr=(source, 0) if source else None, ssl=context
    )
    connection = Connection(
        reader,
        writer,
        window=window,
        grants=grants,
        keeps=keeps,
        headers=headers,
        scheme="https" if context else "http",
    )
    await connection.begin()
    running = asyncio.create_task(connection.run())
    await connection.greeted.wait()
    try:
        yield connection
    finally:
        if not running.done():
            running.cancel()
        await asyncio.wait({running})
        writer.transport.abort()
        if not running.cancelled():
            running.result()  # whatever went wrong on this side

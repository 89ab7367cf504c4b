"""The channel between the parent and one worker: messages in JSON, one a line, over a socket pair.

Either end sees when the other process ends, however it ends: the socket is closed then.
"""

import asyncio
import json
import socket
from contextlib import suppress
from enum import StrEnum
from typing import Any, Final, NamedTuple, Self

_LONGEST: Final = 32 * 1024**2
"""How long a message may be, in bytes: all metrics of a worker take some 200 KB."""


class MessageKind(StrEnum):
    """What a message is about."""

    METRICS = "metrics"
    """From the parent: send your metrics. From the worker: these are they."""
    DRAIN = "drain"
    """From the parent: the server stops. Say NOT_SERVING, wait, let the calls in flight end, and end."""
    RETIRE = "retire"
    """From the parent: another worker has your place. Let the calls in flight end, and end."""
    END = "end"
    """From the parent: end at once."""
    LISTENING = "listening"
    """From the worker: it accepts calls."""
    SERVING = "serving"
    """From the worker: it serves exports."""


class Message(NamedTuple):
    """One message."""

    kind: MessageKind
    content: Any = None


class Control:
    """One end of the channel."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def over(cls, end: socket.socket) -> Self:
        """Return the end whose socket this is; it closes the socket."""
        end.setblocking(False)
        return cls(*await asyncio.open_unix_connection(sock=end, limit=_LONGEST))

    def send(self, message: Message) -> None:
        """Send a message. It is lost where the other process has ended."""
        self._writer.write(json.dumps(message).encode() + b"\n")

    async def flush(self) -> None:
        """Wait until the other process has most of what was sent."""
        with suppress(OSError):
            await self._writer.drain()

    async def receive(self) -> Message | None:
        """Return the next message; None once the other process has ended."""
        try:
            line = await self._reader.readline()
        except (OSError, ValueError):
            return None
        if not line.endswith(b"\n"):
            return None
        kind, content = json.loads(line)
        return Message(MessageKind(kind), content)

    def close(self) -> None:
        """Close this end."""
        self._writer.close()

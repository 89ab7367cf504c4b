"""Owns what is known of the call in progress: what the log, the metrics and the answer say about it."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import grpc
from google.protobuf.message import Message

Context: TypeAlias = grpc.aio.ServicerContext[Message, Message]
Kind: TypeAlias = Literal["unary", "client_stream", "server_stream"]


@dataclass
class Call:
    """One call. The layers around it and the method that answers it write down here what they learn."""

    service: str
    """Its full name, such as `fhirexport.v1.ExportService`."""
    method: str
    """Its own name, such as `ExportVenues`."""
    kind: Kind
    context: Context
    request_id: str
    room: Callable[[int], Awaitable[None]]
    """Waits for room for an answer of so many bytes, before it is made."""
    code: grpc.StatusCode = grpc.StatusCode.OK
    reason: str = ""
    """The reason of its ErrorInfo; empty when it succeeded or was cancelled."""
    received: int = 0
    """How many messages came in."""
    sent: int = 0
    """How many messages went out."""
    sent_bytes: int = 0
    """How many bytes they were together."""
    aborted: Exception | None = None
    """What gRPC is to be left with; it asks for it where a call was refused."""
    facts: dict[str, str | int] = field(default_factory=dict)
    """What its line in the log says beside that. Never content."""

    def let_go(self) -> None:
        """Lets go of gRPC's side of a call that is answered.

        Every timer that was set during a call remembers the call until its time comes, also when it was
        cancelled long before: asyncio leaves it where it is.
        """
        del self.context, self.room

    def went_out(self, message: bytes) -> None:
        """Counts a message that the caller was sent."""
        self.sent += 1
        self.sent_bytes += len(message)


Layer: TypeAlias = Callable[[Call], AbstractAsyncContextManager[None]]
"""What is done before and after a call: entered with it, left with its exception."""

_CURRENT: ContextVar[Call] = ContextVar("call")


def current() -> Call:
    """Returns the call that the running task answers.

    Raises:
      LookupError: it answers none.
    """
    return _CURRENT.get()


def begin(call: Call) -> None:
    """Makes it the call that the running task answers. gRPC runs every call in a task of its own."""
    _CURRENT.set(call)

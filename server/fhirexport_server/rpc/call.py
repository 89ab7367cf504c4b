"""The call in progress, for the log, the metrics and the response."""

import time
from collections.abc import Awaitable, Callable, Collection
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import grpc
from google.protobuf.message import Message

from fhirexport_server.domain.identity import Identity

Context: TypeAlias = grpc.aio.ServicerContext[Message, Message]
Headers: TypeAlias = Collection[tuple[str, str | bytes]]
"""What a caller has sent before its request. gRPC makes it anew each time that it is asked."""
Kind: TypeAlias = Literal["unary", "client_stream", "server_stream"]


@dataclass
class Call:
    """One call. The layers around it and its method record here what they learn."""

    service: str
    """The service's full name, such as `fhirexport.v1.ExportService`."""
    method: str
    """The method's name, such as `ExportVenues`."""
    kind: Kind
    context: Context
    request_id: str
    peer: str
    """The other end of its connection, as gRPC names it: `ipv4:10.0.0.7:51123`."""
    room: Callable[[int], Awaitable[None]]
    """Waits for room for a response of this many bytes, before it is built."""
    identity: Identity | None = None
    """Who calls, where that is proven; None where the server asks for no proof."""
    begun: float = field(default_factory=time.monotonic)
    """When its first byte came, on the monotonic clock."""
    code: grpc.StatusCode = grpc.StatusCode.OK
    reason: str = ""
    """The reason of its ErrorInfo; empty when it succeeded or was cancelled."""
    received: int = 0
    """How many messages were received."""
    sent: int = 0
    """How many messages were sent."""
    sent_bytes: int = 0
    """The bytes of all messages sent."""
    aborted: Exception | None = None
    """The exception to raise to gRPC, which requires it where a call was refused."""
    audit_id: str = ""
    """What it is called in the audit trail; empty where none is kept."""
    is_audited: bool = False
    """Whether the audit trail has the line that lets it have an effect."""
    metadata: tuple[tuple[str, str], ...] = ()
    """What the initial metadata of a unary response has beside the id. It goes just before the response."""
    facts: dict[str, str | int] = field(default_factory=dict)
    """Further fields of its log line. Never content."""

    def release(self) -> None:
        """Drop the references to gRPC's side of a call that has its response.

        Every timer that was set during a call refers to it until the timer is due, even if it was cancelled:
        asyncio leaves it in its queue.
        """
        del self.context, self.room

    def record_sent(self, message: bytes) -> None:
        """Count a message that was sent to the caller."""
        self.sent += 1
        self.sent_bytes += len(message)


def is_watch(service: str, method: str) -> bool:
    """Return whether calls of a method are watches of exports, which are silent for as long as they last."""
    return (service, method) == ("fhirexport.v1.ExportService", "WatchExports")


Inner: TypeAlias = Callable[[], Awaitable[bytes]]
"""What a layer is around: it returns the response, or raises what has ended the call. To be called once."""
Layer: TypeAlias = Callable[[Call, Inner], Awaitable[bytes]]
"""Runs what it is around, and returns the response. A plain coroutine, because every call waits for each."""

_CURRENT: ContextVar[Call] = ContextVar("call")


def current() -> Call:
    """Return the call that the running task handles.

    Raises:
      LookupError: It handles none.
    """
    return _CURRENT.get()


def begin(call: Call) -> None:
    """Make this the call of the running task. gRPC runs every call in a task of its own."""
    _CURRENT.set(call)

"""The messages of one call: each has a time limit to arrive or to be accepted, and room in memory."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import grpc
import structlog

from fhirexport_server.rpc.admission.bytes_in_flight import Hold
from fhirexport_server.rpc.admission.caller import Caller
from fhirexport_server.rpc.admission.keeper import keeper
from fhirexport_server.rpc.admission.places import Places
from fhirexport_server.rpc.admission.transport_errors import (
    IdleClientError,
    SlowClientError,
    TooManyBytesError,
)
from fhirexport_server.rpc.call import Call, Context

if TYPE_CHECKING:
    from fhirexport_server.rpc.admission.gate import Gate

_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

T = TypeVar("T")
_AT_ONCE_SECONDS: Final = 0.05
"""Messages that arrive within this time take no room."""
_STATUS_SECONDS: Final = 5.0
"""How long a caller who did not accept its response may take to accept the status."""
_SMALL_BYTES: Final = 64 * 1024
_COPIES: Final = 2
"""An outbound message is in memory twice: here and in gRPC."""


class Exchange:
    """Reads and writes the messages of one call."""

    def __init__(
        self, caller: Caller, context: Context, gate: "Gate", places: Places, *, is_bulk: bool = False
    ) -> None:
        """Make the exchange of a call that has no place yet.

        Args:
            caller: The caller.
            context: gRPC's context of the call.
            gate: What all calls share.
            places: Where the call takes its place.
            is_bulk: Whether its messages may be long: they are asked for in turn.
        """
        self._is_bulk = is_bulk
        self.caller = caller
        self._context = cast("grpc.aio.ServicerContext[bytes, bytes]", context)
        self._gate = gate
        self._places = places
        self._is_admitted = False
        self._kept: Hold | None = None
        self._answer: Hold | None = None
        self._patience = gate.limits.write_seconds
        self._first: list[bytes | None] = []

    def admit(self) -> None:
        """Take a place for the call.

        Raises:
            TooManyCallsError: No place is free.
        """
        self._places.take(self.caller)
        self._is_admitted = True

    async def begin(self, seconds: float) -> None:
        """Wait for the first message of the call, which `read` returns.

        Args:
            seconds: How long it may take to arrive.

        Raises:
            IdleClientError, TooManyBytesError: As `read` raises them.
        """
        message = await self._arrived(seconds)
        if message is None:
            # gRPC says in a moment whether the caller has left, or has sent no message.
            await asyncio.sleep(_AT_ONCE_SECONDS)
        self._first.append(message)

    async def read(self, seconds: float) -> bytes | None:
        """Return the next message; None where there is no other, or the call has died.

        Args:
            seconds: How long it may take to arrive.

        Raises:
            IdleClientError: It did not arrive in time.
            TooManyBytesError: Others need the memory that it would take.
        """
        return self._first.pop() if self._first else await self._arrived(seconds)

    async def _arrived(self, seconds: float) -> bytes | None:
        until = 0.0
        if self._is_bulk:
            try:
                until = await self._gate.pace.turn(self.caller.owner)
            except TimeoutError:
                raise TooManyBytesError(self._gate.limits.bytes_in_flight) from None
        # One timer, for nearly all messages arrive at once: what is slow has its time limit from then on.
        coming = _Waited(asyncio.timeout(None))
        try:
            async with coming.scope:
                loop = asyncio.get_running_loop()
                slow = loop.call_later(
                    min(_AT_ONCE_SECONDS, seconds), self._slow, coming, loop.time() + seconds
                )
                try:
                    message = await self._context.read()
                finally:
                    slow.cancel()
        except TimeoutError:
            if coming.is_evicted:
                raise TooManyBytesError(self._gate.limits.bytes_in_flight) from None
            raise IdleClientError(seconds) from None
        finally:
            if coming.hold is not None:
                self._gate.inbound.give_back(coming.hold)
        is_end = message is cast("bytes", grpc.aio.EOF)
        if self._is_bulk:
            self._gate.pace.received(0 if is_end else len(message), until)
        return None if is_end else message

    async def parsed(self, parse: Callable[[bytes], T], raw: bytes) -> T:
        """Return a message as `parse` returns it: a large one in its turn, with room while it waits for that.

        Raises:
            TooManyBytesError: There is no room.
            Exception: What `parse` raises.
        """
        if len(raw) <= _SMALL_BYTES:
            return parse(raw)
        hold = None if self._kept else self._gate.inbound.enter(self.caller, len(raw), None)
        try:
            return await self._gate.intake.parsed(parse, raw)
        finally:
            if hold is not None:
                self._gate.inbound.give_back(hold)

    def keep(self, size: int) -> None:
        """Take room for a message that is kept until the call ends.

        Raises:
            TooManyBytesError: There is no room.
        """
        if size > _SMALL_BYTES:
            self._kept = self._gate.inbound.enter(self.caller, size, None)

    async def room(self, size: int) -> None:
        """Wait for room for a response, before it is built. It is given back when the call is over.

        Args:
            size: The size of the response, in bytes.

        Raises:
            TooManyBytesError: No room became free in time.
        """
        if self._answer is None:
            self._answer = await self._gate.outbound.take(self.caller, _COPIES * size)

    async def write(self, message: bytes) -> None:
        """Send one message of a stream.

        Raises:
            SlowClientError: The client did not accept it in time, or others needed the memory.
            TooManyBytesError: There was no room.
        """
        await self.room(len(message))
        seconds = self._gate.limits.write_seconds
        going = _Waited(asyncio.timeout(seconds), self._answer)
        try:
            async with going.scope:
                if going.hold is not None:
                    going.hold.evict = going.evict
                await self._context.write(message)
        except TimeoutError:
            # gRPC keeps the message until the call is over, so the room is kept until then.
            self._patience = 0.0 if going.is_evicted else _STATUS_SECONDS
            raise SlowClientError(seconds) from None
        except BaseException:
            self._patience = _STATUS_SECONDS
            raise
        if going.hold is not None:
            self._gate.outbound.give_back(going.hold)
            self._answer = None

    def end(self, call: Call) -> None:
        """End the call. From now on, its peer has a limited time to accept the rest of the response."""
        kept = keeper()
        if kept is None or kept.done():
            self._over(kept)
            return
        kept.add_done_callback(self._over)
        self._gate.sweeper.end(kept, self._patience, partial(self._dropped, call))
        if self._answer is not None:
            self._answer.evict = partial(self._gate.sweeper.cut, kept)

    def _over(self, _task: asyncio.Task[Any] | None) -> None:
        if self._is_admitted:
            self._is_admitted = False
            self._places.give_back(self.caller)
        if self._kept is not None:
            self._gate.inbound.give_back(self._kept)
        if self._answer is not None:
            self._gate.outbound.give_back(self._answer)

    def _dropped(self, call: Call) -> None:
        self._gate.dropped()
        _log.info(
            "call_dropped",
            rpc=f"{call.service}/{call.method}",
            peer=self.caller.connection,
            request_id=call.request_id,
        )

    def _slow(self, coming: "_Waited", until: float) -> None:
        """Take room for a message that is slow to arrive, at the size that it may reach, and give it time."""
        coming.scope.reschedule(until)
        try:
            size = self._gate.limits.message_bytes
            coming.hold = self._gate.inbound.enter(self.caller, size, coming.evict)
        except TooManyBytesError:
            coming.evict()


@dataclass
class _Waited:
    """A message that is read, or waits to be accepted."""

    scope: asyncio.Timeout
    hold: Hold | None = None
    is_evicted: bool = False

    def evict(self) -> None:
        """End the wait now."""
        if not self.scope.expired():
            self.is_evicted = True
            self.scope.reschedule(asyncio.get_running_loop().time())

"""The memory that messages in flight may take: all together, and those of each connection.

A call that holds room while it waits for its caller can be ended when others need the room: the oldest one of
the connection that holds most, after a second at least. A part of the room is reserved for connections that
have none. So a caller who reads its responses gets them, whatever others leave unread.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from fhirexport_server.rpc.admission.caller import Caller
from fhirexport_server.rpc.admission.transport_errors import TooManyBytesError

_ASSURED_SECONDS = 1.0
_LOOK_SECONDS = 0.1
_RESERVED = 4
"""The part of the room that is reserved for connections without any: one in this many."""


@dataclass(eq=False)
class Hold:
    """The room of one message."""

    connection: str
    size: int
    evict: Callable[[], None] | None = None
    """Ends the call where others need the room; None while the call does not wait for its caller."""
    since: float = 0.0
    is_evicted: bool = False


class BytesInFlight:
    """The room for messages in one direction. It belongs to one event loop."""

    def __init__(self, *, total: int, per_connection: int, patience: float = 5.0) -> None:
        """Make a room without messages.

        Args:
            total: The size of the room, in bytes.
            per_connection: How many of them one connection may take.
            patience: How long a message may wait for room, in seconds.
        """
        self._total, self._per_connection, self._patience = total, per_connection, patience
        self._by_connection: Counter[str] = Counter()
        self._holds: dict[Hold, None] = {}  # the oldest first
        self._waiting: dict[Hold, asyncio.Future[None]] = {}
        self._look: asyncio.TimerHandle | None = None
        self.taken = 0
        """How many bytes are taken."""

    async def take(self, caller: Caller, size: int) -> Hold:
        """Take room for a message; wait for it where there is none.

        Args:
            caller: The caller of the message.
            size: The size of the message, in bytes.

        Raises:
            TooManyBytesError: No room became free in time.
        """
        hold = Hold(caller.connection, size)
        if self._fits(hold):  # of those who wait none fits, or it would wait no longer
            self._add(hold)
            return hold
        waiter = self._waiting[hold] = asyncio.get_running_loop().create_future()
        if self._look is None:
            self._watch()
        try:
            async with asyncio.timeout(self._patience):
                await waiter
        except TimeoutError:
            self._withdraw(hold)
            raise TooManyBytesError(self._total) from None
        except asyncio.CancelledError:
            self._withdraw(hold)
            raise
        return hold

    def enter(self, caller: Caller, size: int, evict: Callable[[], None] | None) -> Hold:
        """Take room for a message that is arriving already, by ending others if there is none.

        Args:
            caller: The caller of the message.
            size: The size that the message may reach, in bytes.
            evict: Ends the call where others need the room.

        Raises:
            TooManyBytesError: There is no room, and no other call may be ended for it.
        """
        hold = Hold(caller.connection, size, evict)
        if not self._fits(hold) and not (self._fits_connection(hold) and self._evict(hold)):
            raise TooManyBytesError(self._total)
        self._add(hold)
        return hold

    def give_back(self, hold: Hold) -> None:
        """Give room back, unless it was given back already."""
        if hold not in self._holds:
            return
        del self._holds[hold]
        self.taken -= hold.size
        self._by_connection[hold.connection] -= hold.size
        if not self._by_connection[hold.connection]:
            del self._by_connection[hold.connection]
        if self._waiting:
            self._grant()

    def _withdraw(self, hold: Hold) -> None:
        self._waiting.pop(hold, None)
        self.give_back(hold)  # it may have been granted just before

    def _add(self, hold: Hold) -> None:
        hold.since = asyncio.get_running_loop().time()
        self._holds[hold] = None
        self.taken += hold.size
        self._by_connection[hold.connection] += hold.size

    def _fits(self, hold: Hold) -> bool:
        return self.taken + hold.size <= self._limit(hold) and self._fits_connection(hold)

    def _limit(self, hold: Hold) -> int:
        has_none = hold.connection not in self._by_connection
        return self._total if has_none else self._total - self._total // _RESERVED

    def _fits_connection(self, hold: Hold) -> bool:
        return self._by_connection[hold.connection] + hold.size <= self._per_connection

    def _grant(self, *, is_watching: bool = False) -> Hold | None:
        """Grant room to waiting messages, smallest holders first; return the first that others block."""
        free, blocked = self._total - self.taken, None
        # A thousand calls may wait, and as many give room back one after the other.
        if not is_watching and free < min((hold.size for hold in self._waiting), default=0):
            return None
        for hold in sorted(self._waiting, key=lambda waiting: self._by_connection[waiting.connection]):
            waiter = self._waiting[hold]
            if waiter.done() or not self._fits_connection(hold):
                continue
            if self._fits(hold):
                del self._waiting[hold]
                self._add(hold)
                waiter.set_result(None)
            else:
                blocked = blocked or hold
        return blocked

    def _watch(self) -> None:
        self._look = None
        blocked = self._grant(is_watching=True)
        if blocked is not None:
            self._evict(blocked)
        if self._waiting:
            self._look = asyncio.get_running_loop().call_later(_LOOK_SECONDS, self._watch)

    def _evict(self, hold: Hold) -> bool:
        """End calls to make room for a message; return whether that will be enough."""
        now = asyncio.get_running_loop().time()
        needed = self.taken + hold.size - self._limit(hold)
        needed -= sum(other.size for other in self._holds if other.is_evicted)
        held = self._by_connection.copy()
        for victim in sorted(self._holds, key=lambda other: -held[other.connection]):
            if needed <= 0:
                break
            if victim.is_evicted or victim.evict is None:
                continue
            if now - victim.since < _ASSURED_SECONDS or held[victim.connection] <= held[hold.connection]:
                continue
            victim.is_evicted = True
            victim.evict()
            held[victim.connection] -= victim.size
            needed -= victim.size
        return needed <= 0

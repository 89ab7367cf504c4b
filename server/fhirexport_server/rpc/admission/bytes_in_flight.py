"""The memory that messages on their way may take: of everybody together, and of each connection.

Whoever holds room while it waits for its caller can be ended when others need that room: the oldest one of
the connection that holds most, after a second at least. And a part of the room is for those that have none.
So a caller that takes what it asked for gets it, whatever the others leave lying.
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
"""What part of the room is for the connections that have none of it yet: one in so many."""


@dataclass(eq=False)
class Hold:
    """The room of one message."""

    connection: str
    size: int
    evict: Callable[[], None] | None = None
    """Ends the call, where others need the room; None while it is not the caller who is waited for."""
    since: float = 0.0
    is_evicted: bool = False


class BytesInFlight:
    """The room for messages that go in one direction. Belongs to one event loop."""

    def __init__(self, *, total: int, per_connection: int, patience: float = 5.0) -> None:
        """Makes free room.

        Args:
            total: how many bytes there are.
            per_connection: how many of these may be one connection's.
            patience: how long a message may wait for room, in seconds.
        """
        self._total, self._per_connection, self._patience = total, per_connection, patience
        self._by_connection: Counter[str] = Counter()
        self._holds: dict[Hold, None] = {}  # the oldest first
        self._waiting: dict[Hold, asyncio.Future[None]] = {}
        self._look: asyncio.TimerHandle | None = None
        self.taken = 0
        """How many bytes are taken."""

    async def take(self, caller: Caller, size: int) -> Hold:
        """Returns room for a message, having waited for it where there was none.

        Args:
            caller: whose message it is.
            size: how long it is, in bytes.

        Raises:
            TooManyBytesError: none came free in time.
        """
        hold = Hold(caller.connection, size)
        if not self._waiting and self._fits(hold):
            self._add(hold)
            return hold
        waiter = self._waiting[hold] = asyncio.get_running_loop().create_future()
        if self._look is None:
            self._watch()
        else:
            self._grant()
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
        """Returns room for a message that is coming already, at the cost of others if there is none.

        Args:
            caller: whose message it is.
            size: how long it may become, in bytes.
            evict: what to do where others need the room.

        Raises:
            TooManyBytesError: the others have better claims.
        """
        hold = Hold(caller.connection, size, evict)
        if not self._fits(hold) and not (self._fits_connection(hold) and self._evict(hold)):
            raise TooManyBytesError(self._total)
        self._add(hold)
        return hold

    def give_back(self, hold: Hold) -> None:
        """Gives room back; what was given back already is left alone."""
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
        self.give_back(hold)  # it may have been granted at the last moment

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

    def _grant(self) -> Hold | None:
        """Gives room to those who wait, who have least first; returns the first that others keep from it."""
        blocked = None
        for hold in sorted(self._waiting, key=lambda one: self._by_connection[one.connection]):
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
        blocked = self._grant()
        if blocked is not None:
            self._evict(blocked)
        if self._waiting:
            self._look = asyncio.get_running_loop().call_later(_LOOK_SECONDS, self._watch)

    def _evict(self, hold: Hold) -> bool:
        """Ends what is in the way of a message; returns whether that will be enough for it."""
        now = asyncio.get_running_loop().time()
        needed = self.taken + hold.size - self._limit(hold)
        needed -= sum(one.size for one in self._holds if one.is_evicted)
        left = self._by_connection.copy()
        for victim in sorted(self._holds, key=lambda one: -left[one.connection]):
            if needed <= 0:
                break
            if victim.is_evicted or victim.evict is None:
                continue
            if now - victim.since < _ASSURED_SECONDS or left[victim.connection] <= left[hold.connection]:
                continue
            victim.is_evicted = True
            victim.evict()
            left[victim.connection] -= victim.size
            needed -= victim.size
        return needed <= 0

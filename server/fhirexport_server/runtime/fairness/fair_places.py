"""Places for work of one kind, which callers share fairly."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

_CALLER: ContextVar[str] = ContextVar("caller", default="")


def work_for(caller: str) -> None:
    """Say for whom the running task works, and every task that it starts from now on.

    Args:
        caller: The key of a caller: all that have the same key share their places.
    """
    _CALLER.set(caller)


class FairPlaces:
    """A number of places. It belongs to one event loop.

    Of those who wait, the caller with the fewest places is next; of two with as many, the one that has waited
    longer. So a caller who asks for everything keeps the others waiting for one place to become free, not for
    all that it has asked for.
    """

    def __init__(self, number: int, *, reserved: int = 0) -> None:
        """Make free places.

        Args:
            number: How many there are.
            reserved: How many of them only a caller who has none may take; at most all but one are.
        """
        self._free = number
        self._reserved = min(reserved, number - 1)
        self._held: Counter[str] = Counter()
        self._waiting: dict[asyncio.Future[None], str] = {}  # the longest waiting first

    @asynccontextmanager
    async def place(self, seconds: float) -> AsyncIterator[None]:
        """Wait for a place for the caller of the running task, and hold it.

        Args:
            seconds: How long to wait.

        Raises:
            TimeoutError: None became free in time.
        """
        caller = _CALLER.get()
        await self._taken(caller, seconds)
        try:
            yield
        finally:
            self._give_back(caller)

    async def _taken(self, caller: str, seconds: float) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting[turn] = caller
        self._grant()
        try:
            async with asyncio.timeout(seconds):
                await turn
        except BaseException:
            if turn.done() and not turn.cancelled():  # it was granted in the same moment
                self._give_back(caller)
            raise
        finally:
            self._waiting.pop(turn, None)

    def _give_back(self, caller: str) -> None:
        self._free += 1
        self._held[caller] -= 1
        if not self._held[caller]:
            del self._held[caller]
        self._grant()

    def _grant(self) -> None:
        while turn := self._next():
            caller = self._waiting.pop(turn)
            self._free -= 1
            self._held[caller] += 1
            turn.set_result(None)

    def _next(self) -> asyncio.Future[None] | None:
        ready = [turn for turn, caller in self._waiting.items() if not turn.done() and self._may(caller)]
        return min(ready, key=lambda turn: self._held[self._waiting[turn]], default=None)

    def _may(self, caller: str) -> bool:
        return self._free > (self._reserved if self._held[caller] else 0)

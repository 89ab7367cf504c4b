"""The pace at which long messages are received."""

import asyncio
from typing import Final

_LONG_BYTES: Final = 2 * 1024 * 1024
"""A message that is longer holds the interpreter so long that others notice it."""
_SET_ASIDE_SECONDS: Final = 0.02
"""What is set aside for a message that was asked for, until it shows how large it is."""


class Pace:
    """Lets calls ask for their next message one by one. It belongs to one event loop.

    gRPC copies a message of megabytes while nothing else runs. A message that nobody has asked for stays with
    its sender. Owners of calls take turns, so that a call waits for one of each other owner, not for all that
    an owner sends.
    """

    def __init__(self, bytes_per_second: int, patience: float, set_aside: float = _SET_ASIDE_SECONDS) -> None:
        """Make a pace at which nothing was received.

        Args:
            bytes_per_second: How much of long messages is received, over all callers.
            patience: How long a call may wait for its turn, in seconds.
            set_aside: How long nobody else asks while a message that was asked for is on its way, in seconds.
        """
        self._rate, self._patience, self._set_aside = bytes_per_second, patience, set_aside
        self._free_at = 0.0
        # The owner whose turn is next first, and of each the call that has waited longest.
        self._waiting: dict[str, dict[asyncio.Future[float], None]] = {}
        self._timer: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> int:
        """How many calls wait for their turn."""
        return sum(map(len, self._waiting.values()))

    async def turn(self, owner: str) -> float:
        """Wait until a call may ask for a message: not at all, where nothing long was received lately.

        Args:
            owner: The owner of the call.

        Returns:
            Until when time is set aside for the message, in the event loop's time.

        Raises:
            TimeoutError: Its turn did not come in time.
        """
        now = asyncio.get_running_loop().time()
        if not self._waiting and now >= self._free_at:
            self._free_at = now + self._set_aside
            return self._free_at
        turn: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(owner, {})[turn] = None
        self._wait()
        try:
            async with asyncio.timeout(self._patience):
                return await turn
        finally:
            self._forget(owner, turn)

    def received(self, size: int, until: float) -> None:
        """Let the next message be asked for as late as one that has come is long, or at once.

        Args:
            size: Its size, in bytes.
            until: Until when time was set aside for it, as `turn` returned it.
        """
        now = asyncio.get_running_loop().time()
        seconds = size / self._rate if size > _LONG_BYTES else 0.0
        self._free_at = max(self._free_at - max(until - now, 0.0), now) + seconds
        if self._timer is not None and self._free_at < self._timer.when():
            self._timer.cancel()
            self._timer = None
            self._wait()

    def _forget(self, owner: str, turn: asyncio.Future[float]) -> None:
        turns = self._waiting.get(owner, {})
        turns.pop(turn, None)
        if not turns:
            self._waiting.pop(owner, None)

    def _wait(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_at(self._free_at, self._next)

    def _next(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        while self._waiting and now >= self._free_at:
            owner = next(iter(self._waiting))
            turns = self._waiting.pop(owner)
            turn = next(iter(turns))
            del turns[turn]
            if turns:
                self._waiting[owner] = turns
            if not turn.done():  # or the call is over
                self._free_at = now + self._set_aside
                turn.set_result(self._free_at)
        if self._waiting:
            self._wait()

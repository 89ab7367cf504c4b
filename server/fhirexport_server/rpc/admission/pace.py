"""The pace at which long messages are received."""

import asyncio
from typing import Final

_LONG_BYTES: Final = 2 * 1024 * 1024
"""A message that is longer holds the interpreter so long that others notice it."""
_SET_ASIDE_SECONDS: Final = 0.02
"""What is set aside for a message that was waited for, until it shows how large it is."""


class Pace:
    """Lets calls ask for their next message one by one. It belongs to one event loop.

    gRPC copies a message of megabytes while nothing else runs. A message that nobody has asked for stays with
    its sender. Owners of calls take turns, so that a call waits for one of each other owner, not for all that
    an owner sends.
    """

    def __init__(self, bytes_per_second: int, patience: float) -> None:
        """Make a pace at which nothing was received.

        Args:
            bytes_per_second: How much of long messages is received, over all callers.
            patience: How long a call may wait for its turn, in seconds.
        """
        self._rate, self._patience = bytes_per_second, patience
        self._free_at = 0.0
        # The owner whose turn is next first, and of each the call that has waited longest.
        self._waiting: dict[str, dict[asyncio.Future[None], None]] = {}
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
            How many seconds are set aside for the message.

        Raises:
            TimeoutError: Its turn did not come in time.
        """
        now = asyncio.get_running_loop().time()
        if not self._waiting and now >= self._free_at:
            return 0.0
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(owner, {})[turn] = None
        self._wait()
        try:
            async with asyncio.timeout(self._patience):
                await turn
        finally:
            self._forget(owner, turn)
        return _SET_ASIDE_SECONDS

    def received(self, size: int, set_aside: float = 0.0) -> None:
        """Let the next message be asked for later, where one that has come is long.

        Args:
            size: Its size, in bytes.
            set_aside: What was set aside for it, in seconds.
        """
        seconds = size / self._rate if size > _LONG_BYTES else 0.0
        if seconds or set_aside:
            now = asyncio.get_running_loop().time()
            self._free_at = max(self._free_at - set_aside, now) + seconds

    def _forget(self, owner: str, turn: asyncio.Future[None]) -> None:
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
                turn.set_result(None)
                self._free_at = now + _SET_ASIDE_SECONDS
        if self._waiting:
            self._wait()

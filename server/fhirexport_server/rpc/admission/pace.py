"""The pace at which large messages are received."""

import asyncio
from collections import deque
from typing import Final

_SET_ASIDE_SECONDS: Final = 0.02
"""What is set aside for a message that was waited for, until it shows how large it is."""


class Pace:
    """Lets calls ask for their next message one by one. It belongs to one event loop.

    gRPC copies a message of megabytes while nothing else runs. A message that nobody has asked for stays with
    its sender. Owners of calls take turns, so that a call waits for one of each other owner, not for all that
    an owner sends.
    """

    def __init__(self, patience: float) -> None:
        """Make a pace at which nothing was received.

        Args:
            patience: How long a call may wait for its turn, in seconds.
        """
        self._patience = patience
        self._free_at = 0.0
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}  # the owner whose turn is next first
        self._timer: asyncio.TimerHandle | None = None

    async def turn(self, owner: str) -> float:
        """Wait until a call may ask for a message: not at all, where nothing large was received lately.

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
        self._waiting.setdefault(owner, deque()).append(turn)
        self._wait()
        async with asyncio.timeout(self._patience):
            await turn
        return _SET_ASIDE_SECONDS

    def spend(self, seconds: float, set_aside: float = 0.0) -> None:
        """Let the next message be asked for later, for one that has come.

        Args:
            seconds: How much later.
            set_aside: What was set aside for it, in seconds.
        """
        self._free_at = max(self._free_at - set_aside, asyncio.get_running_loop().time()) + seconds

    def _wait(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_at(self._free_at, self._next)

    def _next(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        while self._waiting and now >= self._free_at:
            owner = next(iter(self._waiting))
            turns = self._waiting.pop(owner)
            turn = turns.popleft()
            if turns:
                self._waiting[owner] = turns
            if not turn.done():  # or the call is over
                turn.set_result(None)
                self._free_at = now + _SET_ASIDE_SECONDS
        if self._waiting:
            self._wait()

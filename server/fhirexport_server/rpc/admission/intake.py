"""The parsing of large messages: one at a time, in a thread, at a limited rate.

To copy and parse megabytes holds the interpreter, and so everybody's calls. However many large messages
arrive at once, other calls go on between two of them.
"""

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")
_LONG_BYTES: Final = 2 * 1024 * 1024
"""Of a message that holds the interpreter so long that others notice it."""


class Intake:
    """Parses the large messages of all callers. It belongs to one event loop.

    Who waits holds room in `Gate.inbound`, so that a message waits as long as that room takes at this rate,
    at most.
    """

    def __init__(self, bytes_per_second: int, long_bytes_per_second: int) -> None:
        """Make an intake at rest.

        Args:
            bytes_per_second: How much it parses, over all callers.
            long_bytes_per_second: How much, of messages longer than 2 MiB.
        """
        self._rate, self._long_rate = bytes_per_second, long_bytes_per_second
        self._turn = asyncio.Lock()
        self._next = 0.0

    def seconds(self, size: int) -> float:
        """Return how long a message of so many bytes takes of everybody's time."""
        return size / (self._rate if size <= _LONG_BYTES else self._long_rate)

    async def parsed(self, parse: Callable[[bytes], T], raw: bytes) -> T:
        """Return a message that was parsed in its turn; the first to come is the first.

        Args:
            parse: Parses it. It may be called in another thread.
            raw: The message.

        Raises:
            Exception: What `parse` raises.
        """
        loop = asyncio.get_running_loop()
        async with self._turn:
            await asyncio.sleep(self._next - loop.time())
            try:
                return await asyncio.to_thread(parse, raw)
            finally:
                self._next = loop.time() + self.seconds(len(raw))

"""The parsing of large messages: one at a time, in a thread, at a limited rate.

To copy and parse megabytes holds the interpreter, and so everybody's calls. However many large messages
arrive at once, other calls go on between two of them.
"""

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Intake:
    """Parses the large messages of all callers. It belongs to one event loop.

    Who waits holds room in `Gate.inbound`, so that a message waits as long as that room takes at this rate,
    at most.
    """

    def __init__(self, bytes_per_second: int) -> None:
        """Make an intake at rest.

        Args:
            bytes_per_second: How much it parses, over all callers.
        """
        self._rate = bytes_per_second
        self._turn = asyncio.Lock()
        self._next = 0.0

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
                self._next = loop.time() + len(raw) / self._rate

"""One reading for all who ask for it meanwhile, and not too often."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from fhirexport_server.runtime.fairness.event_loop import for_all

_PATIENCE_SECONDS: Final = 6.0
"""How long a call waits for a reading that is under way."""
_WAIT_SECONDS: Final = 0.5
"""How long it waits until one may begin."""


class SharedReading:
    """Reads something anew for whoever asks. Make it inside the event loop."""

    def __init__(self, read: Callable[[], Awaitable[None]], apart_seconds: float) -> None:
        """Make it.

        Args:
            read: Reads, and raises nothing.
            apart_seconds: How far apart the beginnings of readings are that callers ask for.
        """
        self._read = read
        self._apart = apart_seconds
        self._running: asyncio.Task[None] | None = None
        self._begun = float("-inf")

    async def ask(self) -> None:
        """Return when a reading that begins from now on has ended, or when none may begin soon."""
        loop = asyncio.get_running_loop()
        asked = loop.time()
        while self._begun < asked and loop.time() - asked < _PATIENCE_SECONDS:
            # One that is under way may have read already what was there before.
            await self._ended()
            wait = self._begun + self._apart - loop.time()
            if wait > _WAIT_SECONDS:
                return
            await asyncio.sleep(max(wait, 0))
            if self._begun < asked:
                self._begin()
        await self._ended()

    async def read(self) -> None:
        """Read however short ago the last reading was, and return when it has ended."""
        self._begin()
        await self._ended()

    def _begin(self) -> None:
        if self._running is None:
            self._begun = asyncio.get_running_loop().time()
            work = self._run()
            self._running = asyncio.create_task(work, name="identities-reading", context=for_all())

    async def _ended(self) -> None:
        if self._running is not None:
            # Whoever waits may leave; the reading goes on for the others.
            await asyncio.wait({self._running}, timeout=_PATIENCE_SECONDS)

    async def _run(self) -> None:
        try:
            await self._read()
        finally:
            self._running = None

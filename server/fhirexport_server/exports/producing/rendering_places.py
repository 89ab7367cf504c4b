"""Places: how many renderings may run at once, and how long one waits for its turn and may take."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar

from fhirexport_server.domain.errors import ExportTimeoutError, TooManyExportsError
from fhirexport_server.runtime.fairness.fair_places import FairPlaces
from fhirexport_server.runtime.threads import Run
from fhirexport_server.telemetry.metrics import Metrics

T = TypeVar("T")
PLACE_SECONDS = 5.0
"""How long a rendering may wait for a place."""
_RESERVED = 1
"""How many places are for callers who have none, so that one caller cannot take all."""
_FEW = 2
"""So many places are too few to reserve one."""


class RenderingPlaces:
    """The places for renderings of one kind."""

    def __init__(self, number: int, timeout: float, metrics: Metrics) -> None:
        """Make places.

        Args:
            number: How many renderings may run at once.
            timeout: How long one may take, in seconds.
            metrics: Counts those that got no place.
        """
        self._number = number
        self._places = FairPlaces(number, reserved=_RESERVED if number > _FEW else 0)
        self._timeout = timeout
        self._metrics = metrics

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Wait for a place, and hold it.

        Raises:
            TooManyExportsError: No place became free in PLACE_SECONDS.
        """
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(self._places.place(PLACE_SECONDS))
            except TimeoutError:
                self._metrics.renderings.refused()
                raise TooManyExportsError(self._number) from None
            yield

    async def result(self, run: Run[T], fail: Callable[[ExportTimeoutError], None] | None = None) -> T:
        """Wait for the result of a thread, and stop it on leaving.

        Args:
            run: The thread.
            fail: Is called where it takes too long, before the thread is stopped.

        Raises:
            ExportTimeoutError: It took longer than it may.
        """
        try:
            async with asyncio.timeout(self._timeout):
                await asyncio.wait({run.thread})
        except TimeoutError:
            error = ExportTimeoutError(self._timeout)
            if fail is not None:
                fail(error)
            raise error from None
        finally:
            run.stop()
            # The spool belongs to the thread while that runs.
            await asyncio.wait({run.thread})
        return run.thread.result()

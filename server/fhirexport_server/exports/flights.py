"""Renderings in progress: one for each key, shared by all its readers (single-flight)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from fhirexport_server.domain.outcomes import LookupOutcome
from fhirexport_server.exports.spool import Spool
from fhirexport_server.runtime.fairness.event_loop import for_all
from fhirexport_server.runtime.spool_space import SpoolSpace


class Flight:
    """A rendering in progress, from its first request until it is kept and its last reader has left."""

    def __init__(self, space: SpoolSpace) -> None:
        self.spool = Spool(space)
        self.outcome = LookupOutcome.MISS
        """The outcome of its look-up in the shared cache."""
        self.validated_ms = 0
        """The time of that look-up, by the cache's clock; 0 where it did not answer."""
        self.rendered: int | None = None
        """How many resources were rendered to bring it up to date; None where it was not made so."""
        self.readers = 0
        self.ended = asyncio.Event()
        """Set once it is kept, or could not be kept."""
        self.abandoned = False
        """Whether its last reader left before the end, without an error."""

    @property
    def complete(self) -> bool:
        """Whether it has its last chunk."""
        return self.spool.totals is not None


Make = Callable[[Flight], Awaitable[None]]


class Flights:
    """Starts renderings, and lets later requests with the same key join them.

    The key has an etag whose revision was read after the request arrived. The rendering reads its
    rows later still, so that a reader who joins it misses no write.
    """

    def __init__(self, space: SpoolSpace) -> None:
        self._space = space
        self._by_key: dict[str, Flight] = {}
        self._tasks: dict[Flight, asyncio.Task[None]] = {}

    @asynccontextmanager
    async def reading(self, key: str | None, make: Make) -> AsyncIterator[tuple[Flight, bool]]:
        """Open a rendering; yield the flight, and whether it was in progress already.

        Args:
            key: The name by which others may join it; None for a rendering that is not shared.
            make: Fills the spool of a new flight. It is cancelled when the last reader leaves an
                incomplete rendering, but not after completion.
        """
        flight = self._by_key.get(key) if key is not None else None
        joined = flight is not None
        if flight is None:
            flight = self._start(key, make)
        flight.readers += 1
        try:
            yield flight, joined
        finally:
            flight.readers -= 1
            if not flight.readers:
                self._abandon(key, flight)

    async def stop(self) -> None:
        """Cancel all flights, and wait for their ends."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, key: str | None, make: Make) -> Flight:
        flight = Flight(self._space)
        if key is not None:
            self._by_key[key] = flight
        # In a task of its own: the request that starts it may leave before the others do, and their turns may
        # come sooner than its own.
        task = self._tasks[flight] = asyncio.create_task(self._fly(flight, make), context=for_all())
        task.add_done_callback(lambda _: self._ended(key, flight))
        return flight

    async def _fly(self, flight: Flight, make: Make) -> None:
        try:
            await make(flight)
        except Exception as error:  # noqa: BLE001 - the spool raises it again, in its readers
            flight.spool.fail(error)

    def _abandon(self, key: str | None, flight: Flight) -> None:
        # Even one that is complete and being kept: later requests find it in the cache.
        self._forget(key, flight)
        task = self._tasks.get(flight)
        if task is None:
            flight.spool.close()
        elif not flight.complete:
            flight.abandoned = flight.spool.error is None
            task.cancel()

    def _ended(self, key: str | None, flight: Flight) -> None:
        del self._tasks[flight]
        flight.ended.set()
        self._forget(key, flight)
        if not flight.readers:
            flight.spool.close()

    def _forget(self, key: str | None, flight: Flight) -> None:
        if key is not None and self._by_key.get(key) is flight:
            del self._by_key[key]

"""Renderings in progress: one for each etag, shared by all its readers (single-flight)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from fhirexport_server.domain.outcomes import LookupOutcome
from fhirexport_server.exports.spool import Spool
from fhirexport_server.runtime.spool_space import SpoolSpace


class Flight:
    """A rendering in progress, from its first request until it is kept and its last reader has left."""

    def __init__(self, space: SpoolSpace) -> None:
        self.spool = Spool(space)
        self.outcome = LookupOutcome.MISS
        """The outcome of its look-up in the shared cache."""
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
    """Starts renderings, and lets later requests for the same etag join them.

    A request joins by an etag whose revision was read after the request arrived. The rendering reads its
    rows later still, so that a reader who joins it misses no write.
    """

    def __init__(self, space: SpoolSpace) -> None:
        self._space = space
        self._by_etag: dict[str, Flight] = {}
        self._tasks: dict[Flight, asyncio.Task[None]] = {}

    @asynccontextmanager
    async def reading(self, etag: str | None, make: Make) -> AsyncIterator[tuple[Flight, bool]]:
        """Open a rendering; yield the flight, and whether it was in progress already.

        Args:
            etag: The etag by which others may join it; None for a rendering that is not shared.
            make: Fills the spool of a new flight. It is cancelled when the last reader leaves an
                incomplete rendering, but not after completion.
        """
        flight = self._by_etag.get(etag) if etag is not None else None
        joined = flight is not None
        if flight is None:
            flight = self._start(etag, make)
        flight.readers += 1
        try:
            yield flight, joined
        finally:
            flight.readers -= 1
            if not flight.readers:
                self._abandon(etag, flight)

    async def stop(self) -> None:
        """Cancel all flights, and wait for their ends."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, etag: str | None, make: Make) -> Flight:
        flight = Flight(self._space)
        if etag is not None:
            self._by_etag[etag] = flight
        # In a task of its own: the request that starts it may leave before the others do.
        task = self._tasks[flight] = asyncio.create_task(self._fly(flight, make))
        task.add_done_callback(lambda _: self._ended(etag, flight))
        return flight

    async def _fly(self, flight: Flight, make: Make) -> None:
        try:
            await make(flight)
        except Exception as error:  # noqa: BLE001 - the spool raises it again, in its readers
            flight.spool.fail(error)

    def _abandon(self, etag: str | None, flight: Flight) -> None:
        # Even one that is complete and being kept: later requests find it in the cache.
        self._forget(etag, flight)
        task = self._tasks.get(flight)
        if task is None:
            flight.spool.close()
        elif not flight.complete:
            flight.abandoned = flight.spool.error is None
            task.cancel()

    def _ended(self, etag: str | None, flight: Flight) -> None:
        del self._tasks[flight]
        flight.ended.set()
        self._forget(etag, flight)
        if not flight.readers:
            flight.spool.close()

    def _forget(self, etag: str | None, flight: Flight) -> None:
        if etag is not None and self._by_etag.get(etag) is flight:
            del self._by_etag[etag]

"""Owns the renderings under way: one for each etag, read by whoever wants it (single-flight)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fhirexport_server.domain.errors import ExportTimeoutError, TooManyExportsError
from fhirexport_server.exports.fill import Fill
from fhirexport_server.exports.spool import Spool, SpoolSpace
from fhirexport_server.exports.threads import Run, Threads

PLACE_SECONDS = 5.0
"""How long a rendering waits for a place."""

Landed = Callable[[Spool], None]


class Flight:
    """One rendering, from the request that starts it until its last reader has left."""

    def __init__(self, spool: Spool) -> None:
        self.spool = spool
        self.readers = 0
        self.run: Run | None = None

    @property
    def abandoned(self) -> bool:
        """Whether nobody reads it any more."""
        return self.readers == 0


class Flights:
    """Starts renderings, and lets later requests for the same etag join them.

    The etag that a request joins by holds the revision that was read after the request came in. A
    rendering under that etag reads its rows later still, so whoever joins it misses no write.
    """

    def __init__(self, threads: Threads, *, places: int, timeout: float, space: SpoolSpace) -> None:
        self._threads = threads
        self._places = asyncio.Semaphore(places)
        self._limit = places
        self._timeout = timeout
        self._space = space
        self._by_etag: dict[str, Flight] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def reading(
        self, etag: str | None, fill: Fill, landed: Landed
    ) -> AsyncIterator[tuple[Spool, bool]]:
        """Offers the spool of a rendering, and says whether it was under way already.

        Args:
            etag: what others may join it by; None for a rendering of one's own.
            fill: how to make it, where it has to be started.
            landed: is called with the spool of a rendering that was started, once it is complete.
        """
        flight = self._by_etag.get(etag) if etag is not None else None
        joined = flight is not None
        if flight is None:
            flight = self._start(etag, fill, landed)
        flight.readers += 1
        try:
            yield flight.spool, joined
        finally:
            flight.readers -= 1
            if flight.abandoned:
                self._forget(etag, flight)
                if flight.run is not None:
                    flight.run.stop()
                    flight.run.thread.add_done_callback(lambda _: flight.spool.close())

    async def stop(self) -> None:
        """Waits for the ends of all flights, whose threads were stopped."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, etag: str | None, fill: Fill, landed: Landed) -> Flight:
        flight = Flight(Spool(self._space, landed))
        if etag is not None:
            self._by_etag[etag] = flight
        # A task of its own: the request that starts it may leave before the others do.
        task = asyncio.create_task(self._fly(etag, flight, fill))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return flight

    async def _fly(self, etag: str | None, flight: Flight, fill: Fill) -> None:
        spool = flight.spool
        try:
            async with asyncio.timeout(PLACE_SECONDS):
                await self._places.acquire()
        except TimeoutError:
            self._forget(etag, flight)
            spool.fail(TooManyExportsError(self._limit))
            return
        try:
            if flight.abandoned:
                return
            run = flight.run = self._threads.render(lambda interrupt: fill.run(spool, interrupt))
            limit = asyncio.get_running_loop().call_later(self._timeout, self._give_up, spool, run)
            await asyncio.wait({run.thread})
            limit.cancel()
        finally:
            self._places.release()
            self._forget(etag, flight)

    def _forget(self, etag: str | None, flight: Flight) -> None:
        if etag is not None and self._by_etag.get(etag) is flight:
            del self._by_etag[etag]

    def _give_up(self, spool: Spool, run: Run) -> None:
        spool.fail(ExportTimeoutError(self._timeout))
        run.stop()

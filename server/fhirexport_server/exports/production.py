"""Owns how a rendering is had that this process does not hold: from another process, or from the rows."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from fhirexport_server.cache.entry import Variant
from fhirexport_server.cache.memory import MemoryCache
from fhirexport_server.cache.port import CacheReadError, Exactly, Found, Made, SharedCache
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.errors import (
    ExportTimeoutError,
    SpoolFullError,
    TemporaryStorageError,
    TooManyExportsError,
)
from fhirexport_server.domain.outcomes import ExportAnswer, LookupOutcome, RenderingOutcome
from fhirexport_server.exports.fill import Fill
from fhirexport_server.exports.flights import Flight
from fhirexport_server.exports.rendering import ContentSource, Snapshot
from fhirexport_server.exports.spool import Spool
from fhirexport_server.store.async_database import AsyncDatabase
from fhirexport_server.telemetry.metrics import Metrics

PLACE_SECONDS = 5.0
"""How long a rendering waits for a place."""


@dataclass(frozen=True)
class Order:
    """One rendering that is wanted."""

    variant: Variant
    etag: str | None
    """What it must be to be taken from the cache; None to look for none."""
    fill: Fill
    """How to make it."""
    validated: float
    """A moment on the loop's clock from which on it was current, or before which nothing of it was read."""
    why: ExportAnswer
    """Why memory did not answer: MISS, STALE or BYPASS."""
    found: Found | None = None
    """Where it has been found already."""
    only: str | None = None
    """The one etag that the reader can go on with; None for any."""


class Maker:
    """Fills spools, from the shared cache where it can, and keeps what it has made."""

    def __init__(
        self,
        database: AsyncDatabase,
        memory: MemoryCache,
        shared: SharedCache,
        metrics: Metrics,
        *,
        places: int,
        timeout: float,
        time_to_live: Mapping[Dataset, int],
    ) -> None:
        self._database = database
        self._memory = memory
        self._shared = shared
        self._metrics = metrics
        self._clock = asyncio.get_running_loop().time
        self._places = asyncio.Semaphore(places)
        self._limit = places
        self._timeout = timeout
        self._time_to_live = time_to_live

    async def make(self, order: Order, flight: Flight) -> None:
        """Finds the rendering in the shared cache, or makes it and keeps it there."""
        if order.found is not None and await self._copied(order, order.found, flight):
            return
        if order.etag is None:
            await self._render(order, flight)
            await self._publish(order, flight)
            return
        wanted = Exactly(order.etag)
        look = await self._shared.look_up(order.variant, wanted)
        flight.outcome = look.outcome
        if look.found is not None and await self._copied(order, look.found, flight):
            return
        async with self._shared.claim(order.variant, order.etag) as turn:
            if not turn:
                other = await self._shared.look_up(order.variant, wanted)
                if other.found is not None and await self._copied(order, other.found, flight):
                    return
            await self._render(order, flight)
            damaged = look.outcome in {LookupOutcome.HIT, LookupOutcome.CORRUPT}
            await self._publish(order, flight, validated_ms=look.now_ms, replace=damaged)

    async def _copied(self, order: Order, found: Found, flight: Flight) -> bool:
        """Takes a rendering from the shared cache; returns whether all of it was there.

        Readers are told of it only then, so that what is missing is a miss and no broken export.
        """
        spool = flight.spool
        try:
            async for chunk in found.chunks():
                spool.append(chunk)
        except (CacheReadError, SpoolFullError, TemporaryStorageError) as error:
            if isinstance(error, CacheReadError):
                self._metrics.broken_read()
            spool.close()
            return False
        spool.on_complete = partial(self._keep, order, spool, found.seconds_left)
        known = found.description
        spool.start(Snapshot(known.etag, known.revision, known.read_time, ContentSource.CACHE))
        spool.finish(known.totals)
        return True

    async def _render(self, order: Order, flight: Flight) -> None:
        spool = flight.spool
        spool.on_complete = partial(self._keep, order, spool, self._time_to_live[order.variant.dataset])
        async with self._place(), self._counted(order.variant.dataset, flight):
            run = self._database.render(lambda interrupt: order.fill.run(spool, interrupt))

            def give_up() -> None:
                spool.fail(ExportTimeoutError(self._timeout))
                run.stop()

            limit = asyncio.get_running_loop().call_later(self._timeout, give_up)
            try:
                await asyncio.wait({run.thread})
            finally:
                limit.cancel()
                run.stop()
                # The spool is the thread's as long as it runs.
                await asyncio.wait({run.thread})

    @asynccontextmanager
    async def _counted(self, dataset: Dataset, flight: Flight) -> AsyncIterator[None]:
        begun = self._clock()
        self._metrics.rendering(dataset)
        try:
            yield
        finally:
            self._metrics.rendered(dataset, _end(flight), self._clock() - begun)

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(PLACE_SECONDS):
                await self._places.acquire()
        except TimeoutError:
            self._metrics.rendering_refused()
            raise TooManyExportsError(self._limit) from None
        try:
            yield
        finally:
            self._places.release()

    async def _publish(
        self, order: Order, flight: Flight, *, validated_ms: int = 0, replace: bool = False
    ) -> None:
        description = flight.spool.description()
        if description is None:
            return
        made = Made(description, flight.spool.kept(), flight.spool.size, validated_ms)
        await self._shared.publish(order.variant, made, replace=replace)

    def _keep(self, order: Order, spool: Spool, seconds: float) -> None:
        """Keep a complete rendering in memory."""
        entry = spool.entry(self._memory.largest)
        if entry is not None:
            self._memory.keep(order.variant, entry, validated=order.validated, seconds=seconds)


def _end(flight: Flight) -> RenderingOutcome:
    """Return how a rendering has ended."""
    if flight.complete:
        return RenderingOutcome.DONE
    if flight.abandoned:
        return RenderingOutcome.ABANDONED
    timed_out = isinstance(flight.spool.error, ExportTimeoutError)
    return RenderingOutcome.TIMEOUT if timed_out else RenderingOutcome.FAILED

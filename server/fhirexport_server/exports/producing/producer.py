"""Produces renderings: from the shared cache, else from the database."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from fhirexport_server.cache.entry import Variant
from fhirexport_server.cache.memory import MemoryCache
from fhirexport_server.cache.port import Exactly, NewRendering, SharedCache, StoredManifest
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.errors import (
    ExportTimeoutError,
    SpoolFullError,
    TemporaryStorageError,
    TooManyExportsError,
)
from fhirexport_server.domain.outcomes import ExportAnswer, LookupOutcome, RenderingOutcome
from fhirexport_server.domain.segments import Chunk
from fhirexport_server.exports.flights import Flight
from fhirexport_server.exports.producing.full_rendering import FullRendering
from fhirexport_server.exports.rendering import ContentSource, Snapshot
from fhirexport_server.exports.spool import Spool
from fhirexport_server.store.async_database import AsyncDatabase
from fhirexport_server.telemetry.metrics import Metrics

PLACE_SECONDS = 5.0
"""How long a rendering may wait for a place."""


@dataclass(frozen=True)
class Order:
    """A rendering to copy or produce."""

    variant: Variant
    etag: str | None
    """The etag to look up in the shared cache; None to skip the cache."""
    fill: FullRendering
    """Produces it from the database."""
    validated: float
    """A time on the loop's clock at which it was current, or after which it is read."""
    why: ExportAnswer
    """Why memory did not answer: MISS, STALE or BYPASS."""
    stored: StoredManifest | None = None
    """The copy that a look-up has found already."""
    only: str | None = None
    """The only etag that the reader accepts; None for any."""


class Producer:
    """Fills spools, from the shared cache where it can, and keeps what it has produced."""

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

    async def produce(self, order: Order, flight: Flight) -> None:
        """Copy the rendering from the shared cache, or produce it and keep it there."""
        if order.stored is not None and await self._copied(order, order.stored, flight):
            return
        if order.etag is None:
            await self._render(order, flight)
            await self._publish(order, flight)
            return
        condition = Exactly(order.etag)
        lookup = await self._shared.look_up(order.variant, condition)
        flight.outcome = lookup.outcome
        if lookup.hit is not None and await self._copied(order, lookup.hit, flight):
            return
        async with self._shared.claim(order.variant, order.etag) as turn:
            if not turn:
                later = await self._shared.look_up(order.variant, condition)
                if later.hit is not None and await self._copied(order, later.hit, flight):
                    return
            await self._render(order, flight)
            damaged = lookup.outcome in {LookupOutcome.HIT, LookupOutcome.CORRUPT}
            await self._publish(order, flight, validated_ms=lookup.now_ms, replace=damaged)

    async def _copied(self, order: Order, stored: StoredManifest, flight: Flight) -> bool:
        """Copy a rendering from the shared cache; return whether all of it was there.

        Readers see it only then, so that a missing segment is a miss and not a broken export.
        """
        spool, description = flight.spool, stored.description
        segments = self._shared.segments(order.variant, description.manifest.segments)
        try:
            async for _, chunks in segments:
                if chunks is None:
                    spool.close()
                    return False
                for chunk in chunks:
                    spool.append(chunk)
        except (SpoolFullError, TemporaryStorageError):
            spool.close()
            return False
        spool.on_complete = partial(self._keep, order, spool, stored.seconds_left)
        spool.start(
            Snapshot(description.etag, description.revision, description.read_time, ContentSource.CACHE)
        )
        spool.finish(description.totals)
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
                # The spool belongs to the thread while that runs.
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
        rendering = NewRendering(description, flight.spool.kept(), validated_ms=validated_ms)
        await self._shared.publish(order.variant, rendering, replace=replace)

    def _keep(self, order: Order, spool: Spool, seconds: float) -> None:
        """Keep a complete rendering in memory, unless it would push most others out."""
        description = spool.description()
        if description is None or spool.size > self._memory.limit // 4:
            return
        chunks: list[Chunk] = []
        for chunk in spool.kept():
            chunks.append(chunk)
            if chunk.segment is not None:
                self._memory.keep_segment(chunk.segment.digest, tuple(chunks))
                chunks = []
        self._memory.keep(order.variant, description, validated=order.validated, seconds=seconds)


def _end(flight: Flight) -> RenderingOutcome:
    """Return how a rendering has ended."""
    if flight.complete:
        return RenderingOutcome.DONE
    if flight.abandoned:
        return RenderingOutcome.ABANDONED
    timed_out = isinstance(flight.spool.error, ExportTimeoutError)
    return RenderingOutcome.TIMEOUT if timed_out else RenderingOutcome.FAILED

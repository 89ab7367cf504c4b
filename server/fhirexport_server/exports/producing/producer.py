"""Produces renderings: what is kept of them is copied, what has changed is rendered, else everything is."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

from fhirexport_server.cache.entry import Description
from fhirexport_server.cache.memory import MemoryCache
from fhirexport_server.cache.port import Exactly, NewRendering, SharedCache
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.errors import ExportTimeoutError
from fhirexport_server.domain.outcomes import FullReason, LookupOutcome, RenderingOutcome
from fhirexport_server.domain.segments import Chunk, Segment
from fhirexport_server.exports.flights import Flight, Flights
from fhirexport_server.exports.producing.assembly import Assembler
from fhirexport_server.exports.producing.bases import usable
from fhirexport_server.exports.producing.changed_rendering import ChangedRendering
from fhirexport_server.exports.producing.changed_segments import MOST_LOST
from fhirexport_server.exports.producing.full_rendering import FullRendering
from fhirexport_server.exports.producing.kept_segments import KeptSegments
from fhirexport_server.exports.producing.order import Current, Order, sent_otherwise
from fhirexport_server.exports.producing.rendering_places import RenderingPlaces
from fhirexport_server.exports.rendering import ContentSource, Snapshot
from fhirexport_server.exports.request import NOTHING
from fhirexport_server.exports.results import STALL_SECONDS
from fhirexport_server.exports.spool import Spool
from fhirexport_server.store.async_database import AsyncDatabase
from fhirexport_server.telemetry.metrics import Metrics

_UNUSABLE = frozenset({LookupOutcome.HIT, LookupOutcome.CORRUPT, LookupOutcome.UNKNOWN_KEY})
"""What a look-up has found where a full rendering followed all the same: what lies there is of no use."""
CHANGES = 2
"""How many renderings may be brought up to date at once: they are short, and wait behind no long one."""


class Producer:
    """Fills spools, and keeps what it has produced."""

    def __init__(
        self,
        database: AsyncDatabase,
        memory: MemoryCache,
        shared: SharedCache,
        metrics: Metrics,
        flights: Flights,
        *,
        base_url: str,
        places: int,
        timeout: float,
        time_to_live: Mapping[Dataset, int],
    ) -> None:
        self._database = database
        self._memory = memory
        self._shared = shared
        self._metrics = metrics
        self._flights = flights
        self._base_url = base_url
        self._clock = asyncio.get_running_loop().time
        self._places = RenderingPlaces(places, timeout, metrics)
        self._changes = RenderingPlaces(CHANGES, timeout, metrics)
        self._assembler = Assembler(memory, shared)
        self._time_to_live = time_to_live

    async def produce(self, order: Order, flight: Flight) -> None:
        """Copy the rendering, bring one up to date, or render in full; keep what is new."""
        current = await self._current(order, flight)
        if current is not None:
            current = await self._complete(order, current, flight)
        if current is not None:
            await self._served(order, current, flight)
        elif order.request.have.digests:
            await self._filtered(order, flight)
        else:
            await self._in_full(order, flight)

    # --- what is kept, or brought up to date ---

    async def _current(self, order: Order, flight: Flight) -> Current | None:
        """Return the description of the rendering, with its changes rendered; None to render in full."""
        if order.found is not None:
            left = order.found.seconds_left
            return Current(
                order.found.description, self._seconds(order) if left is None else left, ContentSource.CACHE
            )
        if order.etag is None or order.required is None:
            return None
        newest = self._memory.newest(order.variant)
        lookup = await self._shared.look_up(order.variant, Exactly(order.etag), known=newest)
        flight.outcome, flight.validated_ms = lookup.outcome, lookup.now_ms
        if lookup.hit is not None:
            return Current(lookup.hit.description, lookup.hit.seconds_left, ContentSource.CACHE)
        candidates = [newest, lookup.stored.description if lookup.stored else None]
        base = usable(order, candidates)
        if isinstance(base, FullReason):
            self._metrics.renderings.full(order.variant.dataset, base)
            return None
        return await self._changed(order, base, flight)

    async def _complete(self, order: Order, current: Current, flight: Flight) -> Current | None:
        """Put all segments into the spool, rendering those that are lost; return None to render in full."""
        lost = await self._assembler.assemble(order, current, flight.spool)
        if not lost:
            return current
        if len(lost) <= MOST_LOST and current.description.base is not None:
            mended = await self._changed(order, current.description, flight, lost=tuple(lost))
            if mended is not None:
                mended = replace(mended, fresh={**current.fresh, **mended.fresh})
                if not await self._assembler.assemble(order, mended, flight.spool):
                    return mended
        flight.spool.close()
        return None

    async def _changed(
        self, order: Order, base: Description, flight: Flight, lost: tuple[Segment, ...] = ()
    ) -> Current | None:
        """Bring a rendering up to date; return None where that cannot be proven to be right."""
        dataset, spool = order.variant.dataset, flight.spool
        kept = KeptSegments(self._memory, self._shared, order.variant)
        rendering = ChangedRendering(
            self._database.blocking, order.request, self._base_url, order.required, base, kept, lost
        )
        async with self._changes.place():
            begun = self._clock()
            run = self._database.render_changes(lambda interrupt: rendering.run(spool, interrupt))
            update = await self._changes.result(run)
        if isinstance(update, FullReason):
            spool.close()
            self._metrics.renderings.full(dataset, update)
            return None
        self._metrics.renderings.changed(dataset, update.rendered, self._clock() - begun)
        flight.rendered = update.rendered
        return Current(
            update.description, self._seconds(order), ContentSource.DATABASE, update.fresh, base=base.etag
        )

    async def _served(self, order: Order, current: Current, flight: Flight) -> None:
        """Let the readers begin, and keep what is new."""
        spool, description = flight.spool, current.description
        spool.start(
            Snapshot(description.etag, description.revision, description.read_time, current.source),
            description.base,
        )
        spool.finish(description.totals)
        self._memory.keep(order.variant, description, validated=order.validated, seconds=current.seconds_left)
        if current.source is ContentSource.CACHE:
            return
        fresh = (spool.chunk(stored) for chunks in current.fresh.values() for stored in chunks)
        rendering = NewRendering(description, fresh, current.base, self._memory.frames, flight.validated_ms)
        await self._shared.publish(order.variant, rendering)

    # --- in full ---

    async def _filtered(self, order: Order, flight: Flight) -> None:
        """Take from a full rendering, which others may read too, what the caller has not."""
        whole = replace(order, request=replace(order.request, have=NOTHING))
        spool = flight.spool
        async with self._flights.reading(whole.key, partial(self._in_full, whole)) as (full, _):
            snapshot = await full.spool.started(STALL_SECONDS)
            spool.start(snapshot)
            held: list[Chunk] = []
            async for chunk in full.spool.chunks(STALL_SECONDS):
                held.append(chunk)
                if chunk.segment is not None:
                    for sent in sent_otherwise(chunk.segment, order.request.have) or held:
                        spool.append(sent)
                    held.clear()
            if full.spool.totals is None:
                raise RuntimeError("the chunks have ended and there are no totals")
            spool.finish(full.spool.totals)

    async def _in_full(self, order: Order, flight: Flight) -> None:
        """Render in full, unless another process does: then copy it."""
        if order.etag is None:
            await self._render(order, flight)
            await self._publish(order, flight)
            return
        async with self._shared.claim(order.variant, order.etag) as turn:
            if not turn and await self._copied_from_another(order, order.etag, flight):
                return
            await self._render(order, flight)
            await self._publish(order, flight, replace=flight.outcome in _UNUSABLE)

    async def _copied_from_another(self, order: Order, etag: str, flight: Flight) -> bool:
        stored = (await self._shared.look_up(order.variant, Exactly(etag))).hit
        if stored is None:
            return False
        current = Current(stored.description, stored.seconds_left, ContentSource.CACHE)
        if await self._assembler.assemble(order, current, flight.spool):
            flight.spool.close()
            return False
        await self._served(order, current, flight)
        return True

    async def _render(self, order: Order, flight: Flight) -> None:
        spool = flight.spool
        spool.on_complete = partial(self._keep, order, spool)
        rendering = FullRendering(
            self._database.blocking,
            order.request,
            self._base_url,
            order.required,
            self._memory.keep_segment,
            self._memory.share,
        )
        async with self._places.place(), self._counted(order.variant.dataset, flight):
            run = self._database.render(lambda interrupt: rendering.run(spool, interrupt))
            await self._places.result(run, spool.fail)

    @asynccontextmanager
    async def _counted(self, dataset: Dataset, flight: Flight) -> AsyncIterator[None]:
        begun = self._clock()
        self._metrics.renderings.begun(dataset)
        try:
            yield
        finally:
            self._metrics.renderings.ended(dataset, _end(flight), self._clock() - begun)

    async def _publish(self, order: Order, flight: Flight, *, replace: bool = False) -> None:
        description = flight.spool.description()
        if description is not None:
            rendering = NewRendering(description, flight.spool.kept(), validated_ms=flight.validated_ms)
            await self._shared.publish(order.variant, rendering, replace=replace)

    def _keep(self, order: Order, spool: Spool) -> None:
        """Keep the description of a complete rendering in memory."""
        description = spool.description()
        if description is not None:
            self._memory.keep(
                order.variant, description, validated=order.validated, seconds=self._seconds(order)
            )

    def _seconds(self, order: Order) -> float:
        """Return how long a rendering may be kept in memory."""
        return self._time_to_live[order.variant.dataset]


def _end(flight: Flight) -> RenderingOutcome:
    """Return how a rendering has ended."""
    if flight.complete:
        return RenderingOutcome.DONE
    if flight.abandoned:
        return RenderingOutcome.ABANDONED
    timed_out = isinstance(flight.spool.error, ExportTimeoutError)
    return RenderingOutcome.TIMEOUT if timed_out else RenderingOutcome.FAILED

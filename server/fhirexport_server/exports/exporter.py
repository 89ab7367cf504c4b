"""Answers export requests: from the cache where it is known to be current, else from the database."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from functools import partial

from fhirexport_server.cache.entry import Variant
from fhirexport_server.cache.memory import MemoryCache
from fhirexport_server.cache.port import SharedCache
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.outcomes import ExportAnswer
from fhirexport_server.domain.rows import EjRow
from fhirexport_server.exports.flights import Flights
from fhirexport_server.exports.planning import Planner
from fhirexport_server.exports.producing.order import Order
from fhirexport_server.exports.producing.producer import Producer
from fhirexport_server.exports.rendering import Rendering
from fhirexport_server.exports.request import ExportRequest
from fhirexport_server.exports.results import STALL_SECONDS, InFlight, unavailable_on_stall
from fhirexport_server.runtime.spool_space import SpoolSpace
from fhirexport_server.store.async_database import AsyncDatabase
from fhirexport_server.telemetry.metrics import Metrics


class Exporter:
    """Answers export requests. Made by `open_exporter`."""

    def __init__(
        self,
        *,
        database: AsyncDatabase,
        planner: Planner,
        flights: Flights,
        producer: Producer,
        shared: SharedCache,
        metrics: Metrics,
    ) -> None:
        self.database = database
        self._planner = planner
        self._flights = flights
        self._producer = producer
        self._shared = shared
        self._metrics = metrics
        self._clock = asyncio.get_running_loop().time

    @asynccontextmanager
    async def open(self, request: ExportRequest) -> AsyncIterator[Rendering]:
        """Open the rendering that answers a request, until the reader leaves the context.

        Unless the request says otherwise, the revision is looked up after the request has arrived, and
        decides what may be served. So a rendering contains every write that was committed before.

        Raises:
            EjNotFoundError: There is no such EJ.
            InvalidRequestError: The revision token is invalid.
            TooManyExportsError: No place for a rendering became free in time.
            DatabaseUnavailableError, SchemaMismatchError: The database cannot answer.
            ExportTimeoutError: It took longer than this server allows; `chunks()` may raise it too.
        """
        begun, answer = self._clock(), ExportAnswer.ERROR
        try:
            plan = await self._planner.plan(request, begun)
            if isinstance(plan, Order):
                async with self._opened(plan) as rendering:
                    self._note_answer(request, rendering)
                    yield rendering
            else:
                rendering = plan
                self._note_answer(request, rendering)
                yield rendering
            answer = rendering.answer
        except asyncio.CancelledError:
            answer = ExportAnswer.CANCELLED
            raise
        finally:
            self._metrics.exported(request.dataset, answer, self._clock() - begun)

    async def legal_entities(
        self, *, finess: str | None, after_id: int, limit: int, ids: Collection[int] | None = None
    ) -> list[EjRow]:
        """Return at most `limit` EJs by ascending id, from the one after `after_id`; only those of `ids`.

        Raises:
            DatabaseUnavailableError, SchemaMismatchError: The database cannot answer.
        """
        return await self.database.legal_entities(finess=finess, after_id=after_id, limit=limit, ids=ids)

    def _note_answer(self, request: ExportRequest, rendering: Rendering) -> None:
        if rendering.answer is ExportAnswer.HIT:
            variant = Variant(request.ej_id, request.dataset, request.format, request.detail)
            self._shared.answered(variant, rendering.snapshot.etag)

    @asynccontextmanager
    async def _opened(self, order: Order) -> AsyncIterator[Rendering]:
        produce = partial(self._producer.produce, order)
        async with self._flights.reading(order.key, produce) as (flight, joined):
            with unavailable_on_stall():
                snapshot = await flight.spool.started(STALL_SECONDS)
            yield InFlight(snapshot, flight, order.request.have, why=order.why, joined=joined)


@asynccontextmanager
async def open_exporter(
    database: AsyncDatabase,
    shared: SharedCache,
    metrics: Metrics,
    *,
    base_url: str,
    max_renderings: int,
    rendering_timeout: float,
    spool_limit_bytes: int,
    cache_bytes: int,
    time_to_live: Mapping[Dataset, int],
) -> AsyncIterator[Exporter]:
    """Open an exporter. At the end, stop what still runs.

    Args:
        database: The database to read.
        shared: The cache that processes share.
        metrics: The metrics that count every export.
        base_url: The base of every fullUrl, without a slash at its end.
        max_renderings: How many renderings may run at once.
        rendering_timeout: How long a rendering may take, in seconds.
        spool_limit_bytes: How many bytes all renderings on their way to callers may take.
        cache_bytes: How many bytes of renderings to keep in memory; 0 keeps nothing.
        time_to_live: How long a dataset's renderings may be kept in memory, in seconds.
    """
    memory = MemoryCache(cache_bytes, asyncio.get_running_loop().time)
    space = SpoolSpace(spool_limit_bytes)
    metrics.watch_space(
        memory_bytes=lambda: memory.used,
        memory_entries=lambda: len(memory),
        spool_bytes=lambda: space.used,
        spool_limit=spool_limit_bytes,
        places=max_renderings,
    )
    planner = Planner(database, memory, shared, metrics, base_url)
    flights = Flights(space)
    producer = Producer(
        database,
        memory,
        shared,
        metrics,
        flights,
        base_url=base_url,
        places=max_renderings,
        timeout=rendering_timeout,
        time_to_live=time_to_live,
    )
    try:
        yield Exporter(
            database=database,
            planner=planner,
            flights=flights,
            producer=producer,
            shared=shared,
            metrics=metrics,
        )
    finally:
        await flights.stop()

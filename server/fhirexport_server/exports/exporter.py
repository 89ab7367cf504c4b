"""Owns answering export requests: what is known to be current from the cache, the rest from the database."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial

import structlog

from fhirexport_server.cache.entry import Entry, Variant
from fhirexport_server.cache.memory import MemoryCache
from fhirexport_server.cache.port import Exactly, Found, Recent, SharedCache
from fhirexport_server.domain.audit import AuditEntry
from fhirexport_server.domain.changes import Compaction
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.errors import DatabaseUnavailableError, EjNotFoundError, SnapshotGoneError
from fhirexport_server.domain.outcomes import ExportAnswer, LookupOutcome
from fhirexport_server.domain.revision import Revision, Token
from fhirexport_server.domain.rows import EjRow
from fhirexport_server.exports import etags
from fhirexport_server.exports.fill import Fill
from fhirexport_server.exports.flights import Flights
from fhirexport_server.exports.production import Maker, Order
from fhirexport_server.exports.rendering import ContentSource, Rendering, Snapshot
from fhirexport_server.exports.request import AtLeast, Bypass, ExportRequest, MaxStaleness
from fhirexport_server.exports.results import (
    STALL_SECONDS,
    InFlight,
    InMemory,
    NotModified,
    unavailable_on_stall,
)
from fhirexport_server.runtime.interrupt import Interrupt
from fhirexport_server.runtime.spool_space import SpoolSpace
from fhirexport_server.runtime.threads import Threads, open_threads
from fhirexport_server.store.database import Database
from fhirexport_server.telemetry.metrics import Metrics

_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class Exporter:
    """Answers export requests. Made by `open_exporter`."""

    def __init__(
        self,
        *,
        database: Database,
        threads: Threads,
        flights: Flights,
        maker: Maker,
        memory: MemoryCache,
        shared: SharedCache,
        metrics: Metrics,
        base_url: str,
    ) -> None:
        self._database = database
        self._threads = threads
        self._flights = flights
        self._maker = maker
        self._memory = memory
        self._shared = shared
        self._metrics = metrics
        self._base_url = base_url
        self._clock = asyncio.get_running_loop().time
        self._incarnations: dict[Dataset, str] = {}
        """Of the database, for each dataset, as of the last look-up."""

    @asynccontextmanager
    async def open(self, request: ExportRequest) -> AsyncIterator[Rendering]:
        """Answers one request, until the reader leaves.

        Unless the request says otherwise, the revision is looked up after it has come in, and decides
        what may be served: an answer therefore contains every write that was committed before.

        Raises:
            EjNotFoundError: there is no such EJ.
            InvalidRequestError: the revision token is not one.
            TooManyExportsError: no place to render in came free in time.
            DatabaseUnavailableError, SchemaMismatchError: the database cannot answer.
            ExportTimeoutError: it took longer than this server allows; `chunks()` may raise it too.
        """
        begun, answer = self._clock(), ExportAnswer.ERROR
        try:
            async with self._opened(request, begun) as rendering:
                if rendering.answer is ExportAnswer.HIT:
                    variant = Variant(request.ej_id, request.dataset, request.format, request.detail)
                    self._shared.answered(variant, rendering.snapshot.etag)
                yield rendering
                answer = rendering.answer
        except asyncio.CancelledError:
            answer = ExportAnswer.CANCELLED
            raise
        finally:
            self._metrics.exported(request.dataset, answer, self._clock() - begun)

    async def legal_entities(self, *, finess: str | None, after_id: int, limit: int) -> list[EjRow]:
        """Returns at most `limit` EJs by ascending id, from the one after `after_id`.

        Raises:
            DatabaseUnavailableError, SchemaMismatchError: the database cannot answer.
        """

        def look(interrupt: Interrupt) -> list[EjRow]:
            with self._database.snapshot(interrupt) as rows:
                return rows.legal_entities(finess=finess, after_id=after_id, limit=limit)

        return await self._threads.look_up(look)

    async def check(self) -> None:
        """Raises when exports cannot work: an error of the database's, as `open` does."""
        incarnations = await self._threads.look_up(self._database.check)
        others = [name for name, last in self._incarnations.items() if incarnations[name] != last]
        if others:
            _log.warning(
                "database_is_another",
                datasets=[dataset.value for dataset in others],
                cause="it was restored, or its tables or triggers were altered",
                effect="nothing that was kept of the former is served",
            )
        self._incarnations.update(incarnations)

    async def check_writable(self) -> None:
        """Raise an error when imports cannot work: as `check`, or DatabaseReadOnlyError."""
        await self._threads.look_up(self._database.check_writable)

    async def compact(self) -> Compaction:
        """Does a little of the database's upkeep; returns what writers have changed.

        Raises:
            DatabaseUnavailableError, SchemaMismatchError: the database cannot answer.
        """
        compaction = await self._threads.look_up(self._database.compact)
        self._metrics.folded(compaction.left)
        return compaction

    async def settle(self) -> None:
        """Passes on which renderings of the shared cache have answered how often."""
        await self._shared.settle()

    async def discard(self, ej_id: int, dataset: Dataset) -> int:
        """Deletes what the shared cache holds of earlier states, so that memory need not wait for its time.

        Returns how many keys it deleted; nobody would have been served them.

        Raises:
            DatabaseUnavailableError, SchemaMismatchError: the database cannot answer.
        """
        current = await self._threads.look_up(
            lambda interrupt: self._database.revision(ej_id, dataset, interrupt)
        )
        return 0 if current is None else await self._shared.drop(ej_id, dataset, current)

    async def ej_ids(self) -> list[int]:
        """Returns the id of every EJ.

        Raises:
            DatabaseUnavailableError, SchemaMismatchError: the database cannot answer.
        """
        return await self._threads.look_up(self._database.ej_ids)

    async def invalidate(self, exports: Sequence[tuple[int, Dataset]], entry: AuditEntry) -> None:
        """Makes exports outdated in every process, as if their data had changed; writes down why.

        Raises:
            DatabaseUnavailableError, SchemaMismatchError: the database cannot answer.
            DatabaseReadOnlyError: this server may not write to it.
        """
        await self._threads.look_up(lambda interrupt: self._database.invalidate(exports, entry, interrupt))

    @asynccontextmanager
    async def _opened(self, request: ExportRequest, begun: float) -> AsyncIterator[Rendering]:
        variant = Variant(request.ej_id, request.dataset, request.format, request.detail)
        if request.resume is not None:
            async with self._resumed(request, variant, request.resume.etag, begun) as rendering:
                yield rendering
            return
        kept = await self._known_to_do(request, variant, begun)
        if kept is not None:
            known = kept.description
            if request.if_none_match == known.etag:
                yield NotModified(Snapshot(known.etag, known.revision, known.read_time, ContentSource.CACHE))
            elif isinstance(kept, Entry):
                yield InMemory(kept)
            else:
                order = Order(variant, None, self._fill(request), begun - kept.age_seconds, kept)
                # Nobody joins it: should it have to be rendered, that is of a state of this request's own.
                async with self._flying(order, why=ExportAnswer.MISS) as rendering:
                    yield rendering
            return
        found = await self._revision(request)
        etag = etags.etag(found, request, self._base_url)
        if request.if_none_match == etag:
            token = Token(request.ej_id, request.dataset, found).encode()
            yield NotModified(Snapshot(etag, token, datetime.now(UTC), ContentSource.DATABASE))
            return
        if isinstance(request.consistency, Bypass):
            order = Order(variant, None, self._fill(request, found), begun)
            async with self._flying(order, why=ExportAnswer.BYPASS) as rendering:
                yield rendering
            return
        outcome, entry = self._memory.look(variant, etag, begun)
        self._metrics.looked_in_memory(outcome)
        if entry is not None:
            yield InMemory(entry)
            return
        order = Order(variant, etag, self._fill(request, found), begun)
        async with self._flying(
            order, why=ExportAnswer.STALE if outcome is LookupOutcome.STALE else ExportAnswer.MISS
        ) as rendering:
            yield rendering

    @asynccontextmanager
    async def _resumed(
        self, request: ExportRequest, variant: Variant, etag: str, begun: float
    ) -> AsyncIterator[Rendering]:
        """Offers a rendering that was begun before, also one that is no longer current.

        Where it is not kept it is made again, which gives the same bytes as long as the data is the same.
        """
        entry = self._memory.same(variant, etag)
        if entry is not None:
            yield InMemory(entry)
            return
        kept = (await self._shared.look_up(variant, Exactly(etag))).found
        if kept is not None:
            order = Order(variant, None, self._fill(request), begun - kept.age_seconds, kept)
        else:
            found = await self._revision(request)
            if etags.etag(found, request, self._base_url) != etag:
                raise SnapshotGoneError(etag)
            order = Order(variant, etag, self._fill(request, found), begun)
        async with self._flying(order, why=ExportAnswer.MISS) as rendering:
            if rendering.snapshot.etag != etag:
                raise SnapshotGoneError(etag)
            yield rendering

    async def _known_to_do(
        self, request: ExportRequest, variant: Variant, now: float
    ) -> Entry | Found | None:
        """Returns a rendering that the request is content with, whatever the database says now; or None."""
        wanted: Exactly | Recent
        match request.consistency:
            case AtLeast(token=text):
                token = etags.require(text, request)
                if token.revision.incarnation != self._incarnations.get(request.dataset):
                    return None
                # Only that very revision: a larger number alone would not do where a database has lost
                # what it had acknowledged.
                wanted = Exactly(etags.etag(token.revision, request, self._base_url))
                entry = self._memory.same(variant, wanted.etag)
            case MaxStaleness(seconds=seconds) if seconds > 0 and request.dataset in self._incarnations:
                incarnation = self._incarnations[request.dataset]
                fingerprint = etags.fingerprint(incarnation, request, self._base_url)
                wanted = Recent(fingerprint, seconds)
                entry = self._memory.recent(variant, fingerprint, now - seconds)
            case _:
                return None
        self._metrics.looked_in_memory(LookupOutcome.MISS if entry is None else LookupOutcome.HIT)
        return entry or (await self._shared.look_up(variant, wanted)).found

    @asynccontextmanager
    async def _flying(self, order: Order, *, why: ExportAnswer) -> AsyncIterator[Rendering]:
        make = partial(self._maker.make, order)
        async with self._flights.reading(order.etag, make) as (flight, joined):
            with unavailable_on_stall():
                snapshot = await flight.spool.started(STALL_SECONDS)
            yield InFlight(snapshot, flight, why=why, joined=joined)

    def _fill(self, request: ExportRequest, required: Revision | None = None) -> Fill:
        return Fill(self._database, request, self._base_url, required)

    async def _revision(self, request: ExportRequest) -> Revision:
        token = None
        if isinstance(request.consistency, AtLeast):
            token = etags.require(request.consistency.token, request)
        begun = self._clock()
        try:
            found = await self._threads.look_up(
                lambda interrupt: self._database.revision(request.ej_id, request.dataset, interrupt)
            )
        except Exception:  # All but a caller who left, which says nothing of the database; raised again.
            self._metrics.looked_up(self._clock() - begun, answered=False)
            raise
        self._metrics.looked_up(self._clock() - begun, answered=True)
        if found is None:
            raise EjNotFoundError(request.ej_id)
        self._incarnations[request.dataset] = found.incarnation
        if token is not None and etags.is_behind(found, token.revision):
            raise DatabaseUnavailableError
        return found


@asynccontextmanager
async def open_exporter(
    database: Database,
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
    """Offers an exporter; at the end, stops what still runs and waits for its threads.

    Args:
        database: where the rows are; it needs `max_renderings` + LOOKUP_THREADS connections.
        shared: the cache that the processes share.
        metrics: what is told of every export.
        base_url: of the FHIR server that fullUrl names, without a slash at its end.
        max_renderings: how many renderings may run at once.
        rendering_timeout: how long one may take, in seconds.
        spool_limit_bytes: what the renderings on their way to callers may take together.
        cache_bytes: what may be kept of renderings in memory; 0 keeps nothing.
        time_to_live: how long a dataset's renderings may be kept in memory, in seconds.
    """
    async with open_threads(max_renderings) as threads:
        memory = MemoryCache(cache_bytes, asyncio.get_running_loop().time)
        space = SpoolSpace(spool_limit_bytes)
        metrics.watch_space(
            memory_bytes=lambda: memory.used,
            memory_entries=lambda: len(memory),
            spool_bytes=lambda: space.used,
            spool_limit=spool_limit_bytes,
            places=max_renderings,
        )
        flights = Flights(space)
        maker = Maker(
            threads,
            memory,
            shared,
            metrics,
            places=max_renderings,
            timeout=rendering_timeout,
            time_to_live=time_to_live,
        )
        try:
            yield Exporter(
                database=database,
                threads=threads,
                flights=flights,
                maker=maker,
                memory=memory,
                shared=shared,
                metrics=metrics,
                base_url=base_url,
            )
        finally:
            await flights.stop()
            await threads.stop()

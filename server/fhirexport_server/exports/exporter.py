"""Owns answering export requests: what is known to be current from the cache, the rest from the database."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime

from fhirexport_server.cache.entry import Entry, Variant
from fhirexport_server.cache.memory import MemoryCache, Outcome
from fhirexport_server.domain.chunks import Chunk, Totals
from fhirexport_server.domain.errors import DatabaseUnavailableError, EjNotFoundError
from fhirexport_server.domain.rows import EjRow
from fhirexport_server.exports import revision
from fhirexport_server.exports.fill import Fill
from fhirexport_server.exports.flights import Flights
from fhirexport_server.exports.rendering import Rendering, Snapshot, Source
from fhirexport_server.exports.request import AtLeast, Bypass, ExportRequest
from fhirexport_server.exports.spool import Spool, SpoolSpace
from fhirexport_server.exports.threads import Threads, open_threads
from fhirexport_server.store.database import Database, Interrupt
from fhirexport_server.store.snapshot import Revision

STALL_SECONDS = 65.0
"""How long a rendering may show nothing new: a little more than the database may take for one statement."""


class Exporter:
    """Answers export requests. Made by `open_exporter`."""

    def __init__(
        self, database: Database, threads: Threads, flights: Flights, cache: MemoryCache, *, base_url: str
    ) -> None:
        self._database = database
        self._threads = threads
        self._flights = flights
        self._cache = cache
        self._base_url = base_url

    @asynccontextmanager
    async def open(self, request: ExportRequest) -> AsyncIterator[Rendering]:
        """Answers one request, until the reader leaves.

        The revision is looked up after the request has come in, and decides what may be served: an answer
        therefore contains every write that was committed before the request.

        Raises:
            EjNotFoundError: there is no such EJ.
            InvalidRequestError: the revision token is not one.
            TooManyExportsError: no place to render in came free in time.
            DatabaseUnavailableError, SchemaMismatchError: the database cannot answer.
            ExportTimeoutError: it took longer than this server allows; `chunks()` may raise it too.
        """
        found = await self._revision(request)
        etag = revision.etag(found, request, self._base_url)
        if request.if_none_match == etag:
            yield _NotModified(self._snapshot(request, found, etag))
            return
        variant = Variant(request.ej_id, request.dataset, request.format, request.detail)
        bypass = isinstance(request.consistency, Bypass)
        outcome, entry = (Outcome.MISS, None) if bypass else self._cache.look(variant, etag)
        if entry is not None:
            yield _FromCache(entry)
            return
        fill = Fill(self._database, request, self._base_url)
        shared = None if bypass else etag
        async with self._flights.reading(shared, fill, lambda spool: self._keep(variant, spool)) as (
            spool,
            joined,
        ):
            with _unavailable_on_stall():
                snapshot = await spool.started(STALL_SECONDS)
            yield _FromDatabase(snapshot, spool, _forwarded(outcome, bypass=bypass, joined=joined))

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
        """Raises DatabaseUnavailableError or SchemaMismatchError when exports cannot work."""
        await self._threads.look_up(self._database.check)

    async def compact(self) -> bool:
        """Does a little of the database's upkeep; returns whether there may be more to do.

        Raises:
            DatabaseUnavailableError, SchemaMismatchError: the database cannot answer.
        """
        return await self._threads.look_up(self._database.compact)

    async def _revision(self, request: ExportRequest) -> Revision:
        token = None
        if isinstance(request.consistency, AtLeast):
            token = revision.require(request.consistency.token, request)
        found = await self._threads.look_up(
            lambda interrupt: self._database.revision(request.ej_id, request.dataset, interrupt)
        )
        if found is None:
            raise EjNotFoundError(request.ej_id)
        if token is not None and _is_behind(found, token.revision):
            raise DatabaseUnavailableError
        return found

    def _snapshot(self, request: ExportRequest, found: Revision, etag: str) -> Snapshot:
        token = revision.Token(request.ej_id, request.dataset, found).encode()
        return Snapshot(etag=etag, revision=token, read_time=datetime.now(UTC), source=Source.DATABASE)

    def _keep(self, variant: Variant, spool: Spool) -> None:
        entry = spool.entry(self._cache.largest)
        if entry is not None:
            self._cache.keep(variant, entry)


def _is_behind(found: Revision, wanted: Revision) -> bool:
    """Says whether a database lacks a revision that it has shown before, as a lagging replica does.

    A revision of another incarnation says nothing about this one; the state of now is then the answer.
    """
    return wanted.incarnation == found.incarnation and found.n < wanted.n


def _forwarded(outcome: Outcome, *, bypass: bool, joined: bool) -> str:
    """What to say of a rendering that the cache did not answer (RFC 9211)."""
    why = "bypass" if bypass else outcome.value
    return f"fhirexport; fwd={why}; collapsed" if joined else f"fhirexport; fwd={why}"


@contextmanager
def _unavailable_on_stall() -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        raise DatabaseUnavailableError from None


class _NotModified:
    """What the caller has is current."""

    not_modified = True
    totals: Totals | None = None
    cache_status = "fhirexport; hit; detail=not-modified"

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    async def chunks(self) -> AsyncIterator[Chunk]:
        """Yields nothing."""
        nothing: tuple[Chunk, ...] = ()
        for chunk in nothing:
            yield chunk


class _FromCache:
    """A rendering that was made before."""

    not_modified = False
    cache_status = "fhirexport; hit"

    def __init__(self, entry: Entry) -> None:
        self.snapshot = Snapshot(entry.etag, entry.revision, entry.read_time, Source.CACHE)
        self.totals: Totals | None = entry.totals
        self._entry = entry

    async def chunks(self) -> AsyncIterator[Chunk]:
        """Yields the chunks in order."""
        for chunk in self._entry.chunks:
            yield chunk


class _FromDatabase:
    """A rendering that is being made while it is read."""

    not_modified = False

    def __init__(self, snapshot: Snapshot, spool: Spool, cache_status: str) -> None:
        self.snapshot = snapshot
        self.cache_status = cache_status
        self._spool = spool

    @property
    def totals(self) -> Totals | None:
        """The totals, once the last chunk is made."""
        return self._spool.totals

    async def chunks(self) -> AsyncIterator[Chunk]:
        """Yields the chunks in order."""
        with _unavailable_on_stall():
            async for chunk in self._spool.chunks(STALL_SECONDS):
                yield chunk


@asynccontextmanager
async def open_exporter(
    database: Database,
    *,
    base_url: str,
    max_renderings: int,
    rendering_timeout: float,
    spool_limit_bytes: int,
    cache_bytes: int,
) -> AsyncIterator[Exporter]:
    """Offers an exporter; at the end, stops what still runs and waits for its threads.

    Args:
        database: where the rows are; it needs `max_renderings` + LOOKUP_THREADS connections.
        base_url: of the FHIR server that fullUrl names, without a slash at its end.
        max_renderings: how many renderings may run at once.
        rendering_timeout: how long one may take, in seconds.
        spool_limit_bytes: what the renderings on their way to callers may take together.
        cache_bytes: what may be kept of renderings in memory; 0 keeps nothing.
    """
    async with open_threads(max_renderings) as threads:
        flights = Flights(
            threads,
            places=max_renderings,
            timeout=rendering_timeout,
            space=SpoolSpace(spool_limit_bytes),
        )
        try:
            yield Exporter(database, threads, flights, MemoryCache(cache_bytes), base_url=base_url)
        finally:
            await threads.stop()
            await flights.stop()

"""Owns answering export requests from the database: places, threads, time limits, clean ends."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

from fhirexport_server.domain.chunks import Chunk, Totals
from fhirexport_server.domain.errors import (
    DatabaseUnavailableError,
    ExportTimeoutError,
    TooManyExportsError,
)
from fhirexport_server.domain.rows import EjRow
from fhirexport_server.exports import revision
from fhirexport_server.exports.fill import Fill
from fhirexport_server.exports.rendering import Rendering, Snapshot
from fhirexport_server.exports.request import AtLeast, ExportRequest
from fhirexport_server.exports.spool import Spool, SpoolSpace
from fhirexport_server.store.database import Database, Interrupt

T = TypeVar("T")
LOOKUP_THREADS = 4
LOOKUP_SECONDS = 5.0
PLACE_SECONDS = 5.0
"""How long a request waits for a place to render in."""
GRACE_SECONDS = 1.0
"""How long a thread that is no longer wanted may take to notice."""
STALL_SECONDS = 65.0
"""How long a rendering may show nothing new: a little more than the database may take for one statement."""


class Exporter:
    """Answers export requests. Made by `open_exporter`."""

    def __init__(
        self,
        database: Database,
        *,
        base_url: str,
        max_renderings: int,
        rendering_timeout: float,
        space: SpoolSpace,
        renderings: ThreadPoolExecutor,
        lookups: ThreadPoolExecutor,
    ) -> None:
        self._database = database
        self._base_url = base_url
        self._limit = max_renderings
        self._timeout = rendering_timeout
        self._places = asyncio.Semaphore(max_renderings)
        self._space = space
        self._renderings = renderings
        self._lookups = lookups
        self._runs: set[_Run] = set()

    @asynccontextmanager
    async def open(self, request: ExportRequest) -> AsyncIterator[Rendering]:
        """Starts a rendering, and ends it when the reader leaves.

        Raises:
            EjNotFoundError: there is no such EJ.
            InvalidRequestError: the revision token is not one.
            TooManyExportsError: no place to render in came free in time.
            DatabaseUnavailableError, SchemaMismatchError: the database cannot answer.
            ExportTimeoutError: it took longer than this server allows; `chunks()` may raise it too.
        """
        at_least = None
        if isinstance(request.consistency, AtLeast):
            at_least = revision.require(request.consistency.token, request).revision
        fill = Fill(self._database, request, self._base_url, at_least)
        await self._take_place()
        spool, interrupt = Spool(self._space), Interrupt()
        thread = asyncio.get_running_loop().run_in_executor(self._renderings, fill.run, spool, interrupt)
        thread.add_done_callback(lambda _: self._places.release())
        run = _Run(thread, interrupt)
        self._runs.add(run)
        thread.add_done_callback(lambda _: self._runs.discard(run))
        limit = asyncio.get_running_loop().call_later(self._timeout, self._give_up, spool, run)
        thread.add_done_callback(lambda _: limit.cancel())
        try:
            with _unavailable_on_stall():
                snapshot = await spool.started(STALL_SECONDS)
            yield _FromDatabase(snapshot, spool)
        finally:
            run.stop()
            thread.add_done_callback(lambda _: spool.close())

    async def legal_entities(self, *, finess: str | None, after_id: int, limit: int) -> list[EjRow]:
        """Returns at most `limit` EJs by ascending id, from the one after `after_id`.

        Raises:
            DatabaseUnavailableError, SchemaMismatchError: the database cannot answer.
        """

        def look(interrupt: Interrupt) -> list[EjRow]:
            with self._database.snapshot(interrupt) as rows:
                return rows.legal_entities(finess=finess, after_id=after_id, limit=limit)

        return await self._look_up(look)

    async def check(self) -> None:
        """Raises DatabaseUnavailableError or SchemaMismatchError when exports cannot work."""
        await self._look_up(self._database.check)

    async def compact(self) -> bool:
        """Does a little of the database's upkeep; returns whether there may be more to do.

        Raises:
            DatabaseUnavailableError, SchemaMismatchError: the database cannot answer.
        """
        return await self._look_up(self._database.compact)

    async def stop(self) -> None:
        """Ends every rendering and look-up under way, and waits for them."""
        for run in list(self._runs):
            run.stop()
        await asyncio.gather(*(run.thread for run in self._runs), return_exceptions=True)

    async def _take_place(self) -> None:
        try:
            async with asyncio.timeout(PLACE_SECONDS):
                await self._places.acquire()
        except TimeoutError:
            raise TooManyExportsError(self._limit) from None

    def _give_up(self, spool: Spool, run: "_Run") -> None:
        spool.fail(ExportTimeoutError(self._timeout))
        run.stop()

    async def _look_up(self, look: Callable[[Interrupt], T]) -> T:
        """Runs a short read in a thread, and gives it up when it takes too long."""
        interrupt = Interrupt()
        thread = asyncio.get_running_loop().run_in_executor(self._lookups, look, interrupt)
        run = _Run(thread, interrupt)
        self._runs.add(run)
        thread.add_done_callback(lambda _: self._runs.discard(run))
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                # Shielded: the thread goes on until it sees that it is no longer wanted.
                return await asyncio.shield(thread)
        except TimeoutError:
            raise DatabaseUnavailableError from None
        finally:
            run.stop()


class _Run:
    """A thread at work for one request."""

    def __init__(self, thread: asyncio.Future[Any], interrupt: Interrupt) -> None:
        self.thread = thread
        self._interrupt = interrupt

    def stop(self) -> None:
        """Asks the thread to end, and makes it end where it does not."""
        if self.thread.done():
            return
        self._interrupt.set()
        cut = asyncio.get_running_loop().call_later(GRACE_SECONDS, self._interrupt.cut)
        self.thread.add_done_callback(lambda _: cut.cancel())
        # Nobody else may be left to look at how it ended.
        self.thread.add_done_callback(lambda done: done.cancelled() or done.exception())


@contextmanager
def _unavailable_on_stall() -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        raise DatabaseUnavailableError from None


class _FromDatabase:
    """A rendering that is being made while it is read."""

    not_modified: bool
    cache_status = "fhirexport; fwd=bypass"

    def __init__(self, snapshot: Snapshot, spool: Spool) -> None:
        self.snapshot = snapshot
        self.not_modified = spool.not_modified
        self._spool = spool

    @property
    def totals(self) -> Totals | None:
        """The totals, once the last chunk is made."""
        return self._spool.totals

    async def chunks(self) -> AsyncIterator[Chunk]:
        """Yields the chunks in order."""
        if self.not_modified:
            return
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
) -> AsyncIterator[Exporter]:
    """Offers an exporter; at the end, stops what still runs and waits for its threads.

    Args:
        database: where the rows are; it needs `max_renderings` + LOOKUP_THREADS connections.
        base_url: of the FHIR server that fullUrl and extensions name, without a slash at its end.
        max_renderings: how many renderings may run at once.
        rendering_timeout: how long one may take, in seconds.
        spool_limit_bytes: what the renderings on their way to callers may take together.
    """
    renderings = ThreadPoolExecutor(max_renderings, thread_name_prefix="rendering")
    lookups = ThreadPoolExecutor(LOOKUP_THREADS, thread_name_prefix="lookup")
    exporter = Exporter(
        database,
        base_url=base_url,
        max_renderings=max_renderings,
        rendering_timeout=rendering_timeout,
        space=SpoolSpace(spool_limit_bytes),
        renderings=renderings,
        lookups=lookups,
    )
    try:
        yield exporter
    finally:
        await exporter.stop()
        for threads in (renderings, lookups):
            await asyncio.to_thread(threads.shutdown, wait=True, cancel_futures=True)

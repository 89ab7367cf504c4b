"""The database for an event loop: each call runs in a thread, which ends when its caller is cancelled."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final, TypeVar

import structlog

from fhirexport_server.domain.audit import AuditEntry
from fhirexport_server.domain.changes import Compaction, Revisions
from fhirexport_server.domain.datasets import Dataset, EjDataset
from fhirexport_server.domain.revision import Revision
from fhirexport_server.domain.rows import EjRow
from fhirexport_server.runtime.interrupt import Interrupt
from fhirexport_server.runtime.threads import Run, Threads, open_threads
from fhirexport_server.store.database import Database
from fhirexport_server.store.loop_lookups.loop_lookup import LoopLookup

T = TypeVar("T")
SURVEY_SECONDS: Final = 2.0
"""How often the servers of a database are asked which of them is the primary."""
_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class AsyncDatabase:
    """A database and its threads. Made by `open_async_database`.

    Every look-up may raise DatabaseUnavailableError, SchemaMismatchError or another error of the database.
    """

    def __init__(self, blocking: Database, threads: Threads, loop_lookup: LoopLookup) -> None:
        self.blocking = blocking
        """The same database, for code that runs in a thread already."""
        self._threads = threads
        self._loop_lookup = loop_lookup
        self._incarnations: dict[Dataset, str] = {}
        self._connecting: Run[None] | None = None
        self._clock = asyncio.get_running_loop().time

    def incarnation(self, dataset: Dataset) -> str | None:
        """Return the incarnation of a dataset's database at the last look-up; None before the first."""
        return self._incarnations.get(dataset)

    def render(self, work: Callable[[Interrupt], T]) -> Run[T]:
        """Start a rendering in a thread. The caller has to stop it."""
        return self._threads.render(work)

    def render_changes(self, work: Callable[[Interrupt], T]) -> Run[T]:
        """Start a rendering of what has changed in a thread. The caller has to stop it."""
        return self._threads.render_changes(work)

    async def revision(self, ej_id: int, dataset: Dataset) -> Revision | None:
        """Return the revision of a dataset; None where there is no such EJ.

        It is looked up in the loop where that can be done at once, else in a thread, and begins in either
        case after the call.
        """
        begun = self._clock()
        look = await self._loop_lookup.look(EjDataset(ej_id, dataset))
        if look is not None:
            revision = look.revision if look.is_known else None
        else:
            revision = await self._threads.look_up(
                lambda interrupt: self.blocking.revision(ej_id, dataset, interrupt),
                waited=self._clock() - begun,
            )
            self._connect_lookup()
        if revision is not None:
            self._note({dataset: revision.incarnation})
        return revision

    async def revisions(self, exports: Collection[EjDataset]) -> Revisions:
        """Return the revisions of several datasets."""
        revisions = await self._threads.look_up(lambda interrupt: self.blocking.revisions(exports, interrupt))
        self._note({export.dataset: found.incarnation for export, found in revisions.found.items()})
        return revisions

    async def legal_entities(
        self, *, finess: str | None, after_id: int, limit: int, ids: Collection[int] | None = None
    ) -> list[EjRow]:
        """Return at most `limit` EJs by ascending id, from the one after `after_id`.

        Args:
            finess: Only the EJ with this FINESS number; None for all.
            after_id: Only EJs with a larger id.
            limit: How many there may be.
            ids: Only EJs with these ids; None for all.
        """

        def look(interrupt: Interrupt) -> list[EjRow]:
            with self.blocking.snapshot(interrupt) as rows:
                return rows.legal_entities(finess=finess, after_id=after_id, limit=limit, ids=ids)

        return await self._threads.look_up(look)

    async def ids_by_finess(self, finess: Collection[str]) -> Mapping[str, int]:
        """Return the ids of the EJs with these FINESS numbers, as far as there are any."""
        if not finess:
            return {}

        def look(interrupt: Interrupt) -> Mapping[str, int]:
            with self.blocking.snapshot(interrupt) as rows:
                return rows.ids_by_finess(finess)

        return await self._threads.look_up(look)

    async def ej_ids(self) -> list[int]:
        """Return the id of every EJ."""
        return await self._threads.look_up(self.blocking.ej_ids)

    async def check(self) -> None:
        """Raise an error when exports cannot work."""
        self._note(await self._threads.look_up(self.blocking.check))

    async def check_writable(self) -> None:
        """Raise an error when imports cannot work: the errors of `check`, or DatabaseReadOnlyError."""
        await self._threads.look_up(self.blocking.check_writable)

    async def compact(self) -> Compaction:
        """Fold some deltas of revisions; return what writers have changed."""
        return await self._threads.look_up(self.blocking.compact)

    async def follow_primary(self) -> None:
        """Ask the servers of the database again and again which is the primary, where there are several."""
        while len(self.blocking.servers.parameters) > 1:
            # In a thread of its own: a server that hangs must not take a look-up's place.
            await asyncio.to_thread(self.blocking.survey)
            await asyncio.sleep(SURVEY_SECONDS)

    async def invalidate(self, exports: Sequence[tuple[int, Dataset]], entry: AuditEntry) -> None:
        """Make exports outdated in every process, as if their data had changed, and write an audit entry.

        Raises:
            DatabaseReadOnlyError: This server may not write.
        """
        await self._threads.look_up(lambda interrupt: self.blocking.invalidate(exports, entry, interrupt))

    def _connect_lookup(self) -> None:
        """Give the look-up in the loop a connection, once the database has answered. Nobody waits for it."""
        is_connecting = self._connecting is not None and not self._connecting.thread.done()
        if self._loop_lookup.wants_connection and not is_connecting:
            self._connecting = self._threads.start_look_up(lambda _: self._loop_lookup.connect())

    def _note(self, incarnations: Mapping[Dataset, str]) -> None:
        changed = [
            dataset
            for dataset, incarnation in incarnations.items()
            if self._incarnations.get(dataset, incarnation) != incarnation
        ]
        if changed:
            _log.warning(
                "database_is_another",
                datasets=[dataset.value for dataset in changed],
                cause="it was restored, or its tables or triggers were altered",
                effect="nothing that was kept of the former is served",
            )
        self._incarnations.update(incarnations)


@asynccontextmanager
async def open_async_database(database: Database, max_renderings: int) -> AsyncIterator[AsyncDatabase]:
    """Open an AsyncDatabase. At the end, stop its threads and wait for them.

    Args:
        database: The database, with `max_renderings` + SHORT_THREADS connections.
        max_renderings: How many renderings may run at once.
    """
    loop_lookup = database.loop_lookup()
    try:
        async with open_threads(max_renderings) as threads:
            yield AsyncDatabase(database, threads, loop_lookup)
    finally:
        loop_lookup.close()

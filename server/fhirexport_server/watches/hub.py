"""All watches of a server: it looks revisions up for them, and tells each what is new to it."""

import asyncio
import random
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from contextvars import Context
from datetime import UTC, datetime
from typing import Final, NoReturn, Protocol

from fhirexport_server.domain.changes import Notice, Revisions
from fhirexport_server.domain.datasets import EjDataset
from fhirexport_server.domain.errors import DatabaseUnavailableError, EjNotFoundError
from fhirexport_server.domain.revision import Revision, Token
from fhirexport_server.telemetry.watch_metrics import WatchMetrics
from fhirexport_server.watches.watch import Watch

PATIENCE_SECONDS: Final = 10.0
"""How long watches outlast a database that does not answer."""
_GAP_SECONDS: Final = 0.05
"""How long a look-up waits after the last one, where new watches wait for it."""
_SHORTEST: Final = 0.9
"""The part of its longest time after which a watch may end already: not all end at once."""


class Lookup(Protocol):
    """The database as this module uses it."""

    async def revisions(self, exports: Collection[EjDataset]) -> Revisions:
        """Return the present revisions of several datasets.

        Raises:
            FhirExportError: The database cannot answer.
        """


class WatchHub:
    """The watches of a server. While there are any, one look-up an interval serves them all."""

    def __init__(
        self,
        database: Lookup,
        metrics: WatchMetrics,
        *,
        interval: float,
        longest: float,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        """Make a hub without watches. Make it inside the event loop that it belongs to.

        Args:
            database: Where revisions are looked up.
            metrics: Counts look-ups and what is told.
            interval: How long it is from the beginning of one look-up to the next, in seconds.
            longest: How long a watch lasts at most, in seconds.
            patience: How long watches outlast a database that does not answer, in seconds.
        """
        self._database = database
        self._metrics = metrics
        self._interval, self._longest, self._patience = interval, longest, patience
        self._clock = asyncio.get_running_loop().time
        self._watches: dict[EjDataset, set[Watch]] = {}
        self._beginning: set[Watch] = set()
        self._wanted, self._asked = asyncio.Event(), asyncio.Event()
        self._latest: dict[EjDataset, tuple[Revision, Notice]] = {}
        self._answered = self._clock()
        self._is_draining = False
        metrics.count_watched(lambda: len(self._watches))

    @asynccontextmanager
    async def watching(self, known: Mapping[EjDataset, str]) -> AsyncIterator[Watch]:
        """Open a watch, until its caller leaves the context.

        Args:
            known: The datasets to watch, each with the token that the caller has; empty where it has none.
        """
        watch = Watch(known)
        # In a context of its own, or the timer would keep the call's until it is due.
        seconds = self._longest * random.uniform(_SHORTEST, 1)  # noqa: S311 - only spreads the ends
        timer = asyncio.get_running_loop().call_later(seconds, watch.end, context=Context())
        if self._is_draining:
            watch.end()
        for export in watch.exports:
            self._watches.setdefault(export, set()).add(watch)
        self._beginning.add(watch)
        self._wanted.set()
        self._asked.set()
        try:
            yield watch
        finally:
            timer.cancel()
            self._forget(watch)

    def drain(self) -> None:
        """End all watches, and those to come after their first batch."""
        self._is_draining = True
        for watch in self._all():
            watch.end()

    async def run(self) -> NoReturn:
        """Look revisions up until cancelled, while there are watches."""
        while True:
            await self._wanted.wait()
            begun = self._clock()
            await self._look(begun)
            await asyncio.sleep(_GAP_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout_at(begun + self._interval):
                    await self._asked.wait()

    async def _look(self, begun: float) -> None:
        """Look up what is watched, and tell the watches."""
        # A watch that comes from now on waits for the next look-up: this one may see less than it must.
        beginning, self._beginning = self._beginning, set()
        self._asked.clear()
        exports = tuple(self._watches)
        try:
            revisions = await self._revisions(exports, begun)
            self._tell(exports, revisions, beginning)
            self._answered = begun
        except Exception as error:  # noqa: BLE001 - whatever it is, watches are told, and the next may answer
            passing = isinstance(error, DatabaseUnavailableError)
            if not passing or self._clock() - self._answered > self._patience:
                beginning = self._all()
            for watch in beginning:
                watch.fail(error)

    async def _revisions(self, exports: Collection[EjDataset], begun: float) -> Revisions:
        try:
            revisions = await self._database.revisions(exports)
        except Exception:  # Not a cancellation, which says nothing of the database. Raised again.
            self._metrics.looked_up(self._clock() - begun, answered=False)
            raise
        self._metrics.looked_up(self._clock() - begun, answered=True)
        return revisions

    def _tell(self, exports: Iterable[EjDataset], revisions: Revisions, beginning: Iterable[Watch]) -> None:
        for export in exports:
            watches = self._watches.get(export)
            if watches is None:
                continue  # nobody is left
            error = revisions.refused.get(export.dataset)
            if error is not None or export not in revisions.found:
                for watch in watches:
                    watch.fail(error or EjNotFoundError(export.ej_id))
            elif notice := self._news(export, revisions.found[export]):
                for watch in watches:
                    if watch.is_begun:
                        watch.tell(notice)
        for watch in beginning:
            watch.begin(self._latest[export][1] for export in watch.exports if export in self._latest)

    def _news(self, export: EjDataset, revision: Revision) -> Notice | None:
        """Remember the revision of a dataset; return the notice of it, None where it is no news."""
        latest = self._latest.get(export)
        if latest is not None:
            if latest[0] == revision:
                return None
            self._metrics.noticed(export.dataset)
        notice = Notice(export, Token(*export, revision).encode(), datetime.now(UTC))
        self._latest[export] = revision, notice
        return notice

    def _all(self) -> set[Watch]:
        return {watch for watches in self._watches.values() for watch in watches}

    def _forget(self, watch: Watch) -> None:
        self._beginning.discard(watch)
        for export in watch.exports:
            watches = self._watches[export]
            watches.discard(watch)
            if not watches:
                del self._watches[export]
                self._latest.pop(export, None)
        if not self._watches:
            self._wanted.clear()

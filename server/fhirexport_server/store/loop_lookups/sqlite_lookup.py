"""Looks revisions up in a SQLite file, at once: it takes less than handing the work to a thread and back.

All that could take long is left to a thread: what waits for a lock, what reads more than a few pages, opening
and closing files, and for a while everything on a disk that was slow.
"""

import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Lock
from typing import Final, NamedTuple

from fhirexport_server.domain.datasets import EjDataset
from fhirexport_server.domain.errors import FhirExportError
from fhirexport_server.store.connection import sqlite_files
from fhirexport_server.store.guard import statements
from fhirexport_server.store.guard.guard import Guard
from fhirexport_server.store.guard.statements import GuardedRevision

STEPS: Final = 50_000
"""How many steps of SQLite's machine a look-up may take at least, a millisecond's; it takes some hundred.

SQLite counts on from one execution of a statement to the next. So one is ended at the second such bound that
it reaches.
"""
SLOW_SECONDS: Final = 0.1
PAUSE_SECONDS: Final = 10.0
"""How long look-ups are left to threads after one that was slow."""
_TRANSIENT: Final = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_INTERRUPT}
_PRIMARY_CODE: Final = 0xFF

# One text for all EJs, so that the driver keeps it prepared.
_STATEMENT: Final = statements.SQLITE.statement.replace("%(ej_id)d", ":ej_id").replace(
    "'%(dataset)s'", ":dataset"
)


class _Open(NamedTuple):
    connection: sqlite3.Connection
    identity: sqlite_files.FileIdentity
    """Of the file, from before it was opened."""


class SqliteLookup:
    """Looks revisions up at once, in autocommit: each statement is read to its end, and sees one state."""

    def __init__(self, path: str, guard: Guard, clock: Callable[[], float] = time.monotonic) -> None:
        """Make it, without opening the file.

        Args:
            path: Where the file is.
            guard: Knows the state of the schema in which revisions can be trusted.
            clock: A monotonic clock, in seconds.
        """
        self._path = path
        self._guard = guard
        self._clock = clock
        self._open: _Open | None = None
        self._paused_until = 0.0
        self._lock = Lock()
        self._discarded: list[sqlite3.Connection] = []
        self._is_closed = False
        self._bounds = 0
        """How many times the running statement has reached a bound of its steps."""

    @property
    def wants_connection(self) -> bool:
        """Whether it has no connection, and should be given one."""
        return self._open is None and not self._is_closed

    async def look(self, export: EjDataset) -> GuardedRevision | None:
        """Look the present revision of a dataset up at once; return None where a thread has to do it."""
        # Another thread has it for a moment, to open or to close the file.
        if not self._lock.acquire(blocking=False):
            return None
        try:
            return self._look(export)
        finally:
            self._lock.release()

    def _look(self, export: EjDataset) -> GuardedRevision | None:
        opened = self._open
        known = self._guard.known(export.dataset)
        begun = self._clock()
        if opened is None or known is None or begun < self._paused_until:
            return None
        try:
            # As for connections of the pool: SQLite itself would go on reading a file that was replaced.
            if sqlite_files.identity(self._path) != opened.identity:
                self._discard()
                return None
            self._bounds = 0
            parameters = {"ej_id": export.ej_id, "dataset": export.dataset.value}
            # To its end: a statement that is left open keeps showing its state.
            rows = opened.connection.execute(_STATEMENT, parameters).fetchall()
        except (sqlite3.Error, FhirExportError) as error:
            if getattr(error, "sqlite_errorcode", 0) & _PRIMARY_CODE not in _TRANSIENT:
                self._discard()
            return None
        finally:
            ended = self._clock()
            if ended - begun > SLOW_SECONDS:
                self._paused_until = ended + PAUSE_SECONDS
        look = statements.read(rows[0])
        return look if known.holds(look) else None

    def release(self) -> None:
        """Let go of a file that is no longer the one at its path. It may block: call it in a thread.

        As long as it is open, no other connection can set what a new file needs.
        """
        with self._lock:
            opened = self._open
            try:
                if opened is not None and sqlite_files.identity(self._path) != opened.identity:
                    self._discard()
            except FhirExportError:
                self._discard()
            self._close_discarded()

    def connect(self) -> None:
        """Open the file, where that succeeds. It may block: call it in a thread."""
        with self._lock:
            self._close_discarded()
            if not self.wants_connection:
                return
            with suppress(sqlite3.Error, FhirExportError):
                identity = sqlite_files.identity(self._path)
                connection = sqlite_files.connected(self._path, create=False, timeout=0)
                try:
                    _configure(connection)
                except sqlite3.Error:
                    connection.close()
                    raise
                connection.set_progress_handler(self._reached, STEPS)
                self._open = _Open(connection, identity)

    def close(self) -> None:
        """Close the file, for good."""
        with self._lock:
            self._is_closed = True
            self._discard()
            self._close_discarded()

    def _close_discarded(self) -> None:
        while self._discarded:
            with suppress(sqlite3.Error):
                self._discarded.pop().close()

    def _discard(self) -> None:
        """Give the connection up. It is closed in a thread: the last one to be closed writes to the file."""
        opened, self._open = self._open, None
        if opened is not None:
            self._discarded.append(opened.connection)

    def _reached(self) -> int:
        """Count a bound that the statement has reached; return 1 to end it."""
        self._bounds += 1
        return int(self._bounds > 1)


def _configure(connection: sqlite3.Connection) -> None:
    connection.isolation_level = None  # autocommit
    for pragma in ("query_only = ON", "trusted_schema = OFF"):
        connection.execute(f"PRAGMA {pragma}")
    # SQLite reads the schema with the first statement that needs it, which is here, in a thread.
    connection.execute("SELECT id FROM database_incarnation").fetchall()

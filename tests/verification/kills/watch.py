"""How far an import has come, as the database shows it to others."""

import fcntl
import sqlite3
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Protocol

import psycopg
from sqlalchemy import make_url

_FLOCK = "hhqqi"
"""C's struct flock on 64-bit Linux: type, whence, start, length, pid."""
_WRITE_LOCK = 120
"""The byte of the -shm file that a writer has locked. Source: SQLite's WAL-mode File Format, 2.3."""


_WRITER = (
    "SELECT pid, backend_xid::text FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_xid IS NOT NULL LIMIT 1"
)
# A new server of PostgreSQL has not begun to count its transactions anew.
_STATE = "SELECT pg_xact_status(%s::text::xid8), (SELECT query FROM pg_stat_activity WHERE pid = %s)"


class Phase(IntEnum):
    """How far an import has come."""

    NOTHING_WRITTEN = 0
    WRITING = 1
    COMMITTING = 2
    COMMITTED = 3
    ANSWERED = 4
    """No database shows that: the caller knows."""


class Watch(Protocol):
    """A database that is looked at."""

    def look(self) -> Phase:
        """Return how far the one import since the watch began has come."""


class _Postgres:
    """Looks at the transactions of other sessions."""

    def __init__(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        self._connection = connection
        self._pid: object = None
        self._xid: object = None

    def look(self) -> Phase:
        """Return how far the import has come: it has a transaction id from its first write on."""
        if self._xid:
            row = self._row(_STATE, (self._xid, self._pid))
            if row is None or row[0] == "committed":
                return Phase.COMMITTED
            return Phase.COMMITTING if row[1] == "COMMIT" else Phase.WRITING
        begun = self._row(_WRITER, ())
        if begun is None:
            return Phase.NOTHING_WRITTEN
        self._pid, self._xid = begun
        return Phase.WRITING

    def _row(self, query: str, values: tuple[object, ...]) -> tuple[object, ...] | None:
        return self._connection.execute(query.encode(), values).fetchone()


class _Sqlite:
    """Looks at the lock of the one writer, at the write-ahead log, and at the number of commits."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._wal = path.with_name(f"{path.name}-wal")
        self._shm = path.with_name(f"{path.name}-shm").open("rb")
        self._version = self._commits()
        self._before: tuple[int, int] | None = None

    def look(self) -> Phase:
        """Return how far the import has come: a writer has its lock from the beginning."""
        if self._commits() != self._version:
            return Phase.COMMITTED
        if self._before is None:
            if not self._is_locked():
                return Phase.NOTHING_WRITTEN
            self._before = self._log()
        return Phase.WRITING if self._log() == self._before else Phase.COMMITTING

    def close(self) -> None:
        """Close the file that the lock is in."""
        self._shm.close()

    def _commits(self) -> int:
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def _log(self) -> tuple[int, int]:
        status = self._wal.stat()
        return status.st_size, status.st_mtime_ns

    def _is_locked(self) -> bool:
        if sys.platform != "linux":
            return True  # the structure is another one: writing cannot be told from what is before it
        asked = struct.pack(_FLOCK, fcntl.F_WRLCK, 0, _WRITE_LOCK, 1, 0)
        found = fcntl.fcntl(self._shm, fcntl.F_GETLK, asked)
        return bool(struct.unpack(_FLOCK, found)[0] != fcntl.F_UNLCK)


@contextmanager
def watching(url: str) -> Iterator[Watch]:
    """Watch a database for one import. A server must be serving it."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql":
        with psycopg.connect(url, autocommit=True) as session:
            yield _Postgres(session)
        return
    path = Path(str(parsed.database)).absolute()
    # One that may not write leaves the log as the killed server left it.
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, check_same_thread=False)
    watch = _Sqlite(connection, path)
    try:
        yield watch
    finally:
        connection.close()
        watch.close()  # in this order: closing the file ends the locks that this process has in it

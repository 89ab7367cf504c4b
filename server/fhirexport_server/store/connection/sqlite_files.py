"""Opens SQLite files, and notices when another file has taken the place of one."""

import os
import sqlite3
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from sqlalchemy import Engine, event
from sqlalchemy.exc import DisconnectionError

from fhirexport_server.domain.errors import DatabaseUnavailableError, SchemaMismatchError
from fhirexport_server.store.schema_version import HEAD

RELEASE = "fhirexport_release"
"""The execution option of an engine that is called before a file is opened, to let go of another one."""
_IDENTITY = "fhirexport_identity"
_IS_NEW = "fhirexport_is_new"


class FileIdentity(NamedTuple):
    """Which file is at a path, and in which state.

    A checkpoint changes the last two as well; connections are then made anew, which costs little.
    """

    device: int
    inode: int
    size: int
    modified_ns: int


def path_of(database: str | None) -> str | None:
    """Return the path of the file in a SQLite URL; None for a database in memory, or a URI."""
    if not database or database == ":memory:" or database.startswith("file:"):
        return None
    return str(Path(database).absolute())


def install(engine: Engine, path: str, *, create: bool, timeout: float) -> None:
    """Make an engine hand out only connections to the file that is at a path now.

    SQLite itself makes a file that is missing, keeps reading one that was replaced or removed, and reads
    cached pages of one that was overwritten. The check costs one `stat` for each use of a connection.

    Args:
        engine: The engine.
        path: Where the file is.
        create: Whether to make the file where it is missing.
        timeout: How long to wait for a lock, in seconds.
    """

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: object, record: Any, _args: object, _options: object) -> sqlite3.Connection:  # noqa: ANN401 - SQLAlchemy's own type
        release = engine.get_execution_options().get(RELEASE)
        if release is not None:
            release()
        # Taken before the file is opened: if it is replaced in between, the next use notices.
        record.info[_IDENTITY] = None if create else identity(path)
        record.info[_IS_NEW] = True
        return connected(path, create=create, timeout=timeout)

    @event.listens_for(engine, "checkout")
    def check_out(_connection: sqlite3.Connection, record: Any, _proxy: object) -> None:  # noqa: ANN401 - as above
        if create or record.info.pop(_IS_NEW, False):
            return
        if record.info[_IDENTITY] != identity(path):
            raise DisconnectionError


def connected(path: str, *, create: bool, timeout: float) -> sqlite3.Connection:
    """Return a new connection to the file at a path, for any thread.

    Args:
        path: Where the file is.
        create: Whether to make the file where it is missing.
        timeout: How long to wait for a lock, in seconds.
    """
    mode = "rwc" if create else "rw"
    uri = f"file:{quote(path)}?mode={mode}"
    return sqlite3.connect(uri, uri=True, timeout=timeout, check_same_thread=False)


def identity(path: str) -> FileIdentity:
    """Return the identity of the file at a path.

    Raises:
        SchemaMismatchError: The directory exists, and the file does not.
        DatabaseUnavailableError: The file cannot be examined.
    """
    try:
        status = os.stat(path)  # noqa: PTH116 - every look-up waits for it, and a Path would double its cost
    except OSError as error:
        if isinstance(error, FileNotFoundError) and Path(path).parent.is_dir():
            raise SchemaMismatchError(HEAD, "none, for its file is not there") from None
        raise DatabaseUnavailableError from error
    return FileIdentity(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)

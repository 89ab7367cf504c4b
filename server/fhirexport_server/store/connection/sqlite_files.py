"""How a SQLite file is opened, and how it is noticed that another file has taken its place."""

import os
import sqlite3
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from sqlalchemy import Engine, event
from sqlalchemy.exc import DisconnectionError

from fhirexport_server.domain.errors import DatabaseUnavailableError, SchemaMismatchError
from fhirexport_server.store.schema_version import HEAD

_IDENTITY = "fhirexport_identity"
_IS_NEW = "fhirexport_is_new"


class _Identity(NamedTuple):
    """Which file is at a path, and in which state.

    A checkpoint changes the last two as well; connections are then made anew, which costs little.
    """

    device: int
    inode: int
    size: int
    modified_ns: int


def path_of(database: str | None) -> str | None:
    """Return the path of the file that a SQLite URL names; None where it names none, or a URI of its own."""
    if not database or database == ":memory:" or database.startswith("file:"):
        return None
    return str(Path(database).absolute())


def install(engine: Engine, path: str, *, create: bool, timeout: float) -> None:
    """Make an engine give out connections only to the file that is at a path now.

    SQLite itself makes the file that it does not find, goes on reading one that was replaced or removed,
    and reads pages of its own memory where one was overwritten. To notice it costs one `stat` for each
    use of a connection.

    Args:
        engine: The engine.
        path: Where the file is.
        create: Whether it is made where it is not there.
        timeout: How long to wait for a lock, in seconds.
    """

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: object, record: Any, _args: object, _options: object) -> sqlite3.Connection:  # noqa: ANN401 - SQLAlchemy's own type
        # Before it is opened: should another file come in between, the next use notices it.
        record.info[_IDENTITY] = None if create else _identity(path)
        record.info[_IS_NEW] = True
        mode = "rwc" if create else "rw"
        uri = f"file:{quote(path)}?mode={mode}"
        return sqlite3.connect(uri, uri=True, timeout=timeout, check_same_thread=False)

    @event.listens_for(engine, "checkout")
    def check_out(_connection: sqlite3.Connection, record: Any, _proxy: object) -> None:  # noqa: ANN401 - as above
        if create or record.info.pop(_IS_NEW, False):
            return
        if record.info[_IDENTITY] != _identity(path):
            raise DisconnectionError


def _identity(path: str) -> _Identity:
    """Return the identity of the file at a path.

    Raises:
        SchemaMismatchError: There is no such file, in a directory that is there.
        DatabaseUnavailableError: It cannot be looked at.
    """
    try:
        status = os.stat(path)  # noqa: PTH116 - on the way of every look-up, where a Path costs as much again
    except OSError as error:
        if isinstance(error, FileNotFoundError) and Path(path).parent.is_dir():
            raise SchemaMismatchError(HEAD, "none, for its file is not there") from None
        raise DatabaseUnavailableError from error
    return _Identity(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)

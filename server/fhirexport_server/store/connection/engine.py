"""Engines: how connections to the database are made, set and taken."""

import random
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import psycopg
from fhirexport._internal.tls import system_bundle
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import ArgumentError, DisconnectionError, InvalidRequestError

from fhirexport_server.domain.errors import DatabaseUnavailableError
from fhirexport_server.store.connection import database_urls, sessions, sqlite_files
from fhirexport_server.store.connection import fence as fences
from fhirexport_server.store.connection.fence import Fence

CONNECT_SECONDS = 3
POOL_WAIT_SECONDS = 5
STATEMENT_SECONDS = 60
"""How long one statement, or one fetch of a cursor, may take."""
LOCK_SECONDS = 5
DEFERRED = "fhirexport_deferred"
"""The execution option of a transaction on SQLite that writes to temporary tables only."""

_BOUNDS = {
    "connect_timeout": CONNECT_SECONDS,
    "tcp_user_timeout": 10_000,
    "keepalives_idle": 30,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "application_name": "fhirexport",
}
"""The defaults of a connection to PostgreSQL; the URL may set others."""

_STANDING = "fhirexport_standing"
"""The key in a connection's `info` of what its server was when it was made."""


def create(
    url: str,
    *,
    pool_size: int = 5,
    read_only: bool = False,
    new: bool = False,
    fence: Fence | None = None,
) -> Engine:
    """Return an engine, all of whose waits are bounded. It connects when it is first used.

    On SQLite, `read_only` holds for the engine; on PostgreSQL each transaction sets it (`store/database.py`).
    A SQLite file that does not exist is made only if `new` is set. A `fence` keeps it from servers
    of PostgreSQL that must not answer.

    Raises:
        ValueError: The URL is not one of SQLite or PostgreSQL. The message does not quote
            the URL, which may hold a password.
    """
    try:
        parsed = make_url(database_urls.of_sqlalchemy(url))
    except ArgumentError:
        parsed = None
    backend = parsed.get_backend_name() if parsed else None
    if parsed is not None and backend == "sqlite":
        return _sqlite(parsed.set(drivername="sqlite+pysqlite"), pool_size, read_only=read_only, new=new)
    if parsed is not None and backend == "postgresql":
        return _postgresql(parsed.set(drivername="postgresql+psycopg"), pool_size, not read_only, fence)
    raise ValueError("the database URL must start with sqlite:/// or postgresql://")


def connected(engine: Engine) -> Connection:
    """Take a connection from an engine's pool.

    Raises:
        DatabaseUnavailableError: There is none to be had.
    """
    # The pool tries two. Where the first one had died, and another server became the primary while the second
    # was made, it gives up; the next one leads to that server.
    with suppress(InvalidRequestError):
        return engine.connect()
    try:
        return engine.connect()
    except InvalidRequestError as error:
        raise DatabaseUnavailableError from error


class _ServerCursor(psycopg.ServerCursor[tuple[object, ...]]):
    """A cursor that ends with its transaction, as PostgreSQL's do.

    The driver warns of cursors that were not closed. On a connection that was cut there is nothing to close.
    """

    def __del__(self, *_: object) -> None:
        """Do not warn."""


def servers(url: str) -> list[fences.Parameters]:
    """Return the parameters of a connection to each server that a URL of PostgreSQL names."""
    parsed = make_url(database_urls.of_sqlalchemy(url)).set(drivername="postgresql+psycopg")
    _, parameters = parsed.get_dialect()().create_connect_args(parsed)
    return _each({**parameters, **_settings(parsed)})


def _each(parameters: Mapping[str, Any]) -> list[fences.Parameters]:
    """Return parameters for each host of several, as libpq counts them."""
    several = {
        name: str(parameters[name]).split(",") for name in ("host", "hostaddr", "port") if name in parameters
    }
    count = max((len(values) for values in several.values()), default=1)
    each = [
        {**parameters, **{name: values[place if len(values) > 1 else 0] for name, values in several.items()}}
        for place in range(count)
    ]
    if parameters.get("load_balance_hosts") == "random":
        random.shuffle(each)
    return each


def _settings(url: URL) -> dict[str, Any]:
    return {
        **{name: value for name, value in _BOUNDS.items() if name not in url.query},
        **_verification(url),
        # The driver decodes by it, so it is set whatever the URL, the environment or the role says.
        "client_encoding": "utf8",
        # Prepared statements do not survive a pooler in transaction mode.
        "prepare_threshold": None,
    }


def _postgresql(url: URL, pool_size: int, pre_ping: bool, fence: Fence | None) -> Engine:  # noqa: FBT001 - private
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=POOL_WAIT_SECONDS,
        # A read is tried again on a new connection (`store/database.py`); a write is not.
        pool_pre_ping=pre_ping,
        hide_parameters=True,
        connect_args=_settings(url),
    )
    if fence is not None:

        @event.listens_for(engine, "do_connect")
        def connect(dialect: Dialect, record: Any, _: object, parameters: dict[str, Any]) -> Any:  # noqa: ANN401 - the driver's connection
            connection, standing = fences.connected(
                lambda one: dialect.connect(**one), _each(parameters), fence
            )
            if record is not None:
                record.info[_STANDING] = standing
            return connection

        @event.listens_for(engine, "checkout")
        def take(_connection: object, record: Any, _proxy: object) -> None:  # noqa: ANN401 - SQLAlchemy's own type
            # It may be one to the former primary, made when that was the only one.
            standing = record.info.get(_STANDING)
            if standing is None or fence.is_former(standing):
                raise DisconnectionError

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:  # noqa: ANN401 - SQLAlchemy's own wrapper
        connection.server_cursor_factory = _ServerCursor

    sessions.install(engine)
    return engine


def _verification(url: URL) -> dict[str, str]:
    """Return how a server on another machine proves who it is, where the URL does not say.

    libpq by itself prefers TLS and takes any certificate, so that whoever is in between reads everything.
    """
    if "sslmode" in url.query or database_urls.is_this_machine(url):
        return {}
    if "sslrootcert" in url.query:
        return {"sslmode": "verify-full"}
    # The driver's own OpenSSL looks in a directory that no system has; libpq, in the home directory.
    return {"sslmode": "verify-full", "sslrootcert": system_bundle() or "system"}


def _sqlite(url: URL, pool_size: int, *, read_only: bool, new: bool) -> Engine:
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=POOL_WAIT_SECONDS,
        hide_parameters=True,
        connect_args={"timeout": LOCK_SECONDS, "check_same_thread": False},
    )
    path = sqlite_files.path_of(url.database)
    if path is not None:
        sqlite_files.install(engine, path, create=new, timeout=LOCK_SECONDS)

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: object) -> None:
        # The driver's own transactions leave SELECTs out, so `begin` below sends BEGIN.
        connection.isolation_level = None
        for pragma in (
            "journal_mode = WAL",
            "foreign_keys = ON",
            "recursive_triggers = ON",
            "trusted_schema = OFF",
            f"query_only = {'ON' if read_only else 'OFF'}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A writer locks at once. Later, its snapshot could be outdated, and the lock would fail.
        is_deferred = read_only or connection.get_execution_options().get(DEFERRED)
        connection.exec_driver_sql("BEGIN" if is_deferred else "BEGIN IMMEDIATE")

    return engine

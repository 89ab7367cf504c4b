"""Owns the database as the exports see it: snapshots that can be interrupted, and a health check."""

import socket
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from threading import Lock
from typing import Any, Self

import psycopg
from sqlalchemy import Connection, Engine, select, text
from sqlalchemy.exc import DBAPIError

from fhirexport_server.domain.audit import AuditEntry
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.errors import DatabaseReadOnlyError, DatabaseUnavailableError
from fhirexport_server.domain.revision import Revision
from fhirexport_server.store import compactor, invalidation, queries, rights, schema
from fhirexport_server.store import engine as engines
from fhirexport_server.store.importing.writing import Writing, conflicts_told
from fhirexport_server.store.migrate import require_head
from fhirexport_server.store.snapshot import Snapshot


class Interrupt:
    """A way to end a read from another thread: politely, or though it waits for a server that is gone."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._connection: object = None
        self._set = False

    def check(self) -> None:
        """Raises DatabaseUnavailableError once `set` was called."""
        if self._set:
            raise DatabaseUnavailableError

    def set(self) -> None:
        """Asks the reader to end: its next `check`, and every later read, is a DatabaseUnavailableError."""
        self._set = True

    def cut(self) -> None:
        """Ends the read at once, and its connection with it."""
        with self._lock:
            self._set = True
            if self._connection is not None:
                _cut(self._connection)

    @contextmanager
    def over(self, connection: object) -> Iterator[None]:
        """Makes this driver connection the one that `set` ends."""
        with self._lock:
            if self._set:
                raise DatabaseUnavailableError
            self._connection = connection
        try:
            yield
        finally:
            with self._lock:
                self._connection = None


class Database:
    """The database behind one URL. Every method may block: call it in a thread."""

    def __init__(self, engine: Engine, writer: Engine) -> None:
        self._engine = engine
        self._writer = writer
        self._counters = compactor.Counters()

    @classmethod
    @contextmanager
    def open(cls, url: str, *, connections: int = 10, imports: int = 1) -> Iterator[Self]:
        """Offers the database, without connecting yet; lets go of its connections at the end.

        Args:
            url: where it is.
            connections: how many reads there may be at once.
            imports: how many imports there may be at once.

        Raises:
            ValueError: the URL is not one of SQLite or PostgreSQL.
        """
        engine = engines.create(url, pool_size=connections, read_only=True)
        writer = engines.create(url, pool_size=1 + imports)
        try:
            yield cls(engine, writer)
        finally:
            engine.dispose()
            writer.dispose()

    @contextmanager
    def snapshot(self, interrupt: Interrupt | None = None) -> Iterator[Snapshot]:
        """Opens a read-only transaction that sees one state of the database.

        Raises:
            DatabaseUnavailableError: the database did not answer, or the read was interrupted.
            SchemaMismatchError: the schema is not this release's.
        """
        with (
            engines.translated(),
            self._transaction(interrupt or Interrupt()) as connection,
            closing(Snapshot(connection)) as snapshot,
        ):
            yield snapshot

    def revision(self, ej_id: int, dataset: Dataset, interrupt: Interrupt | None = None) -> Revision | None:
        """Returns how far a dataset has come now, by one statement; None where there is no such EJ.

        Raises:
            DatabaseUnavailableError, SchemaMismatchError: as for a snapshot.
        """
        wanted, ended_by = {"ej_id": ej_id, "dataset": dataset.value}, interrupt or Interrupt()
        with engines.translated():
            try:
                row = self._one(queries.revision(), wanted, ended_by)
            except DBAPIError as error:
                # As in _transaction: the connection had died in the pool.
                if not error.connection_invalidated:
                    raise
                row = self._one(queries.revision(), wanted, ended_by)
        incarnation, n, digest, known = row
        return None if known is None else Revision(incarnation, int(n), int(digest))

    def check(self, interrupt: Interrupt | None = None) -> str:
        """Makes sure that exports can work; returns the database's incarnation.

        Raises:
            DatabaseUnavailableError, SchemaMismatchError: they cannot.
        """
        with engines.translated(), self._transaction(interrupt or Interrupt()) as connection:
            require_head(connection)
            return str(connection.execute(select(schema.database_incarnation.c.id)).scalar_one())

    def check_writable(self, interrupt: Interrupt | None = None) -> None:
        """Make sure that imports can work, without writing anything.

        Raises:
            DatabaseUnavailableError, SchemaMismatchError: the database cannot be read.
            DatabaseReadOnlyError: the server may not write.
        """
        with engines.translated(), self._transaction(interrupt or Interrupt()) as connection:
            require_head(connection)
            if not rights.may_import(connection):
                raise DatabaseReadOnlyError

    def compact(self, interrupt: Interrupt | None = None) -> compactor.Compaction:
        """Folds some deltas of revisions into their base rows; returns what has changed.

        Raises:
            DatabaseUnavailableError, SchemaMismatchError: as for a snapshot.
        """
        with engines.translated(), self._engine.connect() as connection:
            driver = connection.connection.driver_connection
            with (interrupt or Interrupt()).over(driver), connection.begin():
                if self._engine.dialect.name == "postgresql":
                    return compactor.fold(connection)
                return self._counters.changes(connection)

    def ej_ids(self, interrupt: Interrupt | None = None) -> list[int]:
        """Returns the id of every EJ.

        Raises:
            DatabaseUnavailableError, SchemaMismatchError: as for a snapshot.
        """
        with engines.translated(), self._transaction(interrupt or Interrupt()) as connection:
            return invalidation.ej_ids(connection)

    def invalidate(
        self,
        exports: Iterable[tuple[int, Dataset]],
        entry: AuditEntry,
        interrupt: Interrupt | None = None,
    ) -> None:
        """Makes exports outdated as if their data had changed, EVERY_EJ's for all EJs; writes down why.

        Raises:
            DatabaseUnavailableError, SchemaMismatchError: as for a snapshot.
            DatabaseReadOnlyError: the server may not write.
        """
        with engines.translated(), self._writer.connect() as connection:
            driver = connection.connection.driver_connection
            with (interrupt or Interrupt()).over(driver), connection.begin():
                invalidation.invalidate(connection, exports, entry)

    @contextmanager
    def importing(self, interrupt: Interrupt | None = None) -> Iterator[Writing]:
        """Opens a transaction that an import writes in. It commits at the end, unless it was given up.

        Raises:
            DatabaseUnavailableError, SchemaMismatchError: as for a snapshot.
            DatabaseReadOnlyError: the server may not write.
            WriteConflictError: another writer was there first.
        """
        with engines.translated(), conflicts_told(), self._writer.connect() as connection:
            driver = connection.connection.driver_connection
            with (interrupt or Interrupt()).over(driver), connection.begin() as transaction:
                if self._writer.dialect.name == "postgresql":
                    connection.execute(text(f"SET LOCAL lock_timeout = {engines.LOCK_SECONDS * 1000}"))
                    milliseconds = engines.STATEMENT_SECONDS * 1000
                    connection.execute(text(f"SET LOCAL statement_timeout = {milliseconds}"))
                writing = Writing(connection)
                yield writing
                if writing.given_up:
                    transaction.rollback()

    @contextmanager
    def _transaction(self, interrupt: Interrupt) -> Iterator[Connection]:
        with ExitStack() as stack:
            connection = stack.enter_context(self._engine.connect())
            stack.enter_context(interrupt.over(connection.connection.driver_connection))
            try:
                self._begin(connection)
            except DBAPIError as error:
                # A connection that died in the pool takes the whole pool with it: the next one is new.
                if not error.connection_invalidated:
                    raise
                stack.close()
                interrupt.check()
                connection = stack.enter_context(self._engine.connect())
                stack.enter_context(interrupt.over(connection.connection.driver_connection))
                self._begin(connection)
            yield connection

    def _one(
        self, query: queries.Selection, parameters: Mapping[str, object], interrupt: Interrupt
    ) -> Sequence[Any]:
        """Returns the one row of a query, which needs no transaction: a statement is a snapshot too."""
        with self._engine.connect() as connection, interrupt.over(connection.connection.driver_connection):
            if self._engine.dialect.name == "postgresql":
                connection.execution_options(isolation_level="AUTOCOMMIT")
            return connection.execute(query, parameters).one()

    def _begin(self, connection: Connection) -> None:
        if self._engine.dialect.name == "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            milliseconds = engines.STATEMENT_SECONDS * 1000
            connection.execute(text(f"SET LOCAL statement_timeout = {milliseconds}"))
        else:
            connection.begin()


def _cut(connection: object) -> None:
    """Ends whatever the driver is waiting for, at once."""
    if isinstance(connection, sqlite3.Connection):
        connection.interrupt()
    elif isinstance(connection, psycopg.Connection):
        # A cancel request would wait for the server too; an end of file on our own side does not.
        with suppress(OSError, psycopg.Error), socket.socket(fileno=connection.fileno()) as wire:
            try:
                wire.shutdown(socket.SHUT_RDWR)
            finally:
                wire.detach()

"""Owns the database as the exports see it: snapshots that can be interrupted, and a health check."""

import socket
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import partial
from typing import Self

import psycopg
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from fhirexport_server.domain.audit import AuditEntry
from fhirexport_server.domain.changes import Compaction
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.errors import DatabaseReadOnlyError
from fhirexport_server.domain.revision import Revision
from fhirexport_server.runtime.interrupt import Interrupt
from fhirexport_server.store import compactor, invalidation, rights
from fhirexport_server.store.connection import engine as engines
from fhirexport_server.store.connection import sessions
from fhirexport_server.store.guard import expected
from fhirexport_server.store.guard.guard import Guard, executed
from fhirexport_server.store.guard.statements import GuardedRevision
from fhirexport_server.store.importing.refusals import refusals
from fhirexport_server.store.importing.trial import Trial
from fhirexport_server.store.importing.writing import Writing
from fhirexport_server.store.migrate import require_head
from fhirexport_server.store.snapshot import SnapshotReader

_STATEMENT_TIMEOUT = f"SET LOCAL statement_timeout = {engines.STATEMENT_SECONDS * 1000}"
_LOCK_TIMEOUT = f"SET LOCAL lock_timeout = {engines.LOCK_SECONDS * 1000}"


class Database:
    """The database behind one URL. Every method may block: call it in a thread."""

    def __init__(self, engine: Engine, writer: Engine) -> None:
        self._engine = engine
        self._writer = writer
        self._counters = compactor.Counters()
        self._guard = Guard()

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
    def snapshot(
        self, interrupt: Interrupt | None = None, dataset: Dataset | None = None
    ) -> Iterator[SnapshotReader]:
        """Opens a read-only transaction that sees one state of the database.

        Args:
            interrupt: what ends it from another thread.
            dataset: what is read in it, whose tables nobody rewrites meanwhile.

        Raises:
            DatabaseUnavailableError: the database did not answer, or the read was interrupted.
            DatabaseAccessDeniedError, DatabaseCorruptError: it cannot be read.
            SchemaMismatchError: the schema is not this release's.
        """
        tables = () if dataset is None else expected.tables(dataset)
        with (
            engines.translated(),
            self._transaction(interrupt or Interrupt(), tables) as connection,
            closing(SnapshotReader(connection, self._guard)) as snapshot,
        ):
            yield snapshot

    def revision(self, ej_id: int, dataset: Dataset, interrupt: Interrupt | None = None) -> Revision | None:
        """Returns how far a dataset has come now, by one statement; None where there is no such EJ.

        Raises:
            ChangesUntrackedError: a change of the dataset would not be noticed.
            DatabaseUnavailableError, SchemaMismatchError: as for a snapshot.
        """
        ended_by = interrupt or Interrupt()
        with engines.translated():
            look = self._look(ej_id, dataset, ended_by)
            if look is None:
                with self._transaction(ended_by) as connection:
                    look = self._guard.look(connection, ej_id, dataset)
        return look.revision if look.is_known else None

    def check(self, interrupt: Interrupt | None = None) -> Mapping[Dataset, str]:
        """Makes sure that exports can work; returns the database's incarnation for each dataset.

        Raises:
            ChangesUntrackedError: changes of the data would not be noticed.
            DatabaseUnavailableError, SchemaMismatchError: as for a snapshot.
        """
        with engines.translated(), self._transaction(interrupt or Interrupt()) as connection:
            require_head(connection)
            return self._guard.examine(connection)

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

    def compact(self, interrupt: Interrupt | None = None) -> Compaction:
        """Folds some deltas of revisions into their base rows; returns what has changed.

        Raises:
            DatabaseUnavailableError, SchemaMismatchError: as for a snapshot.
        """
        ended_by = interrupt or Interrupt()
        with (
            engines.translated(),
            self._engine.connect() as connection,
            ended_by.over(_cutter(connection)),
            connection.begin(),
        ):
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
        ended_by = interrupt or Interrupt()
        with (
            engines.translated(),
            self._writer.connect() as connection,
            ended_by.over(_cutter(connection)),
            connection.begin(),
        ):
            invalidation.invalidate(connection, exports, entry)

    @contextmanager
    def importing(self, interrupt: Interrupt | None = None) -> Iterator[Writing]:
        """Opens a transaction that an import writes in. It commits at the end.

        Raises:
            DatabaseUnavailableError, SchemaMismatchError: as for a snapshot.
            DatabaseReadOnlyError: the server may not write.
            WriteConflictError: another writer was there first.
            ConstraintRefusedError: a rule of the database refuses what is written.
        """
        with engines.translated(), refusals(), self._writer.connect() as connection:
            connection.execution_options(**{sessions.BEGIN: (_STATEMENT_TIMEOUT, _LOCK_TIMEOUT)})
            with (interrupt or Interrupt()).over(_cutter(connection)), connection.begin():
                yield Writing(connection, self._guard)

    @contextmanager
    def trying(self, interrupt: Interrupt | None = None) -> Iterator[Trial]:
        """Opens a transaction that an import is tried in: it sees one state, and nobody waits for it.

        Raises:
            DatabaseUnavailableError, SchemaMismatchError: as for a snapshot.
            ConstraintRefusedError: a rule of the schema refuses what would be written.
        """
        with engines.translated(), refusals(), self._writer.connect() as connection:
            options = {sessions.BEGIN: (_STATEMENT_TIMEOUT,), engines.DEFERRED: True}
            if self._writer.dialect.name == "postgresql":
                options["isolation_level"] = "REPEATABLE READ"
            connection.execution_options(**options)
            with (interrupt or Interrupt()).over(_cutter(connection)), connection.begin() as transaction:
                yield Trial(connection, self._guard)
                transaction.rollback()

    @contextmanager
    def _transaction(self, interrupt: Interrupt, tables: tuple[str, ...] = ()) -> Iterator[Connection]:
        with ExitStack() as stack:
            connection = stack.enter_context(self._engine.connect())
            stack.enter_context(interrupt.over(_cutter(connection)))
            try:
                self._begin(connection, tables)
            except DBAPIError as error:
                # A connection that died in the pool takes the whole pool with it: the next one is new.
                if not error.connection_invalidated:
                    raise
                stack.close()
                interrupt.check()
                connection = stack.enter_context(self._engine.connect())
                stack.enter_context(interrupt.over(_cutter(connection)))
                self._begin(connection, tables)
            yield connection

    def _look(self, ej_id: int, dataset: Dataset, interrupt: Interrupt) -> GuardedRevision | None:
        """Looks a revision up outside of a transaction; None where the schema has to be examined first."""
        known = self._guard.known(dataset)
        if known is None:
            return None
        try:
            try:
                look = self._executed(known.statement, ej_id, dataset, interrupt)
            except DBAPIError as error:
                # As in _transaction: the connection had died in the pool.
                if not error.connection_invalidated:
                    raise
                look = self._executed(known.statement, ej_id, dataset, interrupt)
        except DBAPIError as error:
            if not engines.is_other_schema(error):
                raise
            self._guard.forget(dataset)
            return None
        return look if known.holds(look) else None

    def _executed(
        self, statement: str, ej_id: int, dataset: Dataset, interrupt: Interrupt
    ) -> GuardedRevision:
        """Executes a statement that needs no transaction: it is a snapshot too."""
        with (
            self._engine.connect() as connection,
            interrupt.over(_cutter(connection)),
        ):
            if self._engine.dialect.name == "postgresql":
                connection.execution_options(isolation_level="AUTOCOMMIT")
            return executed(connection, statement, ej_id, dataset)

    def _begin(self, connection: Connection, tables: tuple[str, ...]) -> None:
        if self._engine.dialect.name == "postgresql":
            options = {sessions.BEGIN: (_STATEMENT_TIMEOUT,), sessions.LOCKED: tables}
            connection.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True, **options
            )
        connection.begin()


def _cutter(connection: Connection) -> Callable[[], None]:
    return partial(_cut, connection.connection.driver_connection)


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

"""The database as exports and imports use it: snapshots, revisions, writes, checks, all interruptible."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from typing import Self

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from fhirexport_server.domain.audit import AuditEntry
from fhirexport_server.domain.changes import Compaction, Revisions
from fhirexport_server.domain.datasets import Dataset, EjDataset
from fhirexport_server.domain.errors import DatabaseReadOnlyError, FhirExportError
from fhirexport_server.domain.revision import Revision
from fhirexport_server.runtime.interrupt import Interrupt
from fhirexport_server.store import compactor, invalidation, rights
from fhirexport_server.store.connection import engine as engines
from fhirexport_server.store.connection import sessions, sqlite_files
from fhirexport_server.store.connection.cutting import cutter
from fhirexport_server.store.connection.driver_errors import translated
from fhirexport_server.store.connection.schema_revision import require_served
from fhirexport_server.store.connection.servers import Servers
from fhirexport_server.store.guard import expected
from fhirexport_server.store.guard.guard import Guard
from fhirexport_server.store.importing.refusals import refusals
from fhirexport_server.store.importing.trial import Trial
from fhirexport_server.store.importing.writing import Writing
from fhirexport_server.store.lookup import RevisionLookup
from fhirexport_server.store.loop_lookups.loop_lookup import LoopLookup, ThreadsOnly
from fhirexport_server.store.loop_lookups.postgresql_lookup import PostgresqlLookup
from fhirexport_server.store.loop_lookups.sqlite_lookup import SqliteLookup
from fhirexport_server.store.snapshot import SnapshotReader

_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

_STATEMENT_TIMEOUT = f"SET LOCAL statement_timeout = {engines.STATEMENT_SECONDS * 1000}"
_LOCK_TIMEOUT = f"SET LOCAL lock_timeout = {engines.LOCK_SECONDS * 1000}"


class Database:
    """The database behind one URL. Every method may block: call it in a thread."""

    def __init__(self, engine: Engine, writer: Engine, servers: Servers | None = None) -> None:
        self._engine = engine
        self._writer = writer
        self.servers = servers or Servers()
        self._counters = compactor.Counters()
        self._guard = Guard()
        self._lookup = RevisionLookup(engine, self._guard, self._transaction)

    @classmethod
    @contextmanager
    def open(
        cls, url: str, *, connections: int = 10, imports: int = 1, replica_url: str | None = None
    ) -> Iterator[Self]:
        """Open the database, without connecting yet. Close its connections at the end.

        Args:
            url: The URL of the database.
            connections: How many reads may run at once.
            imports: How many imports may run at once.
            replica_url: The URL of a copy, which renderings may read where it shows the same.

        Raises:
            ValueError: The URL is not one of SQLite or PostgreSQL.
        """
        servers = Servers.of(url, replica_url, connections)
        engine = engines.create(url, pool_size=connections, read_only=True, fence=servers.fence)
        writer = engines.create(url, pool_size=1 + imports, fence=servers.fence)
        try:
            yield cls(engine, writer, servers)
        finally:
            for one in (engine, writer, servers.replica):
                if one is not None:
                    one.dispose()

    def survey(self) -> None:
        """Ask all servers which is the primary; leave those that are no longer."""
        if self.servers.have_changed():
            self._engine.dispose()
            self._writer.dispose()

    @contextmanager
    def snapshot(
        self, interrupt: Interrupt | None = None, dataset: Dataset | None = None
    ) -> Iterator[SnapshotReader]:
        """Open a read-only transaction that sees one state of the database.

        Args:
            interrupt: Ends the transaction from another thread.
            dataset: The dataset that is read. Its tables cannot be rewritten meanwhile.

        Raises:
            DatabaseUnavailableError: The database did not answer, or the read was interrupted.
            DatabaseAccessDeniedError, DatabaseCorruptError: The database cannot be read.
            SchemaMismatchError: The schema is not this release's.
        """
        with self._snapshot(self._engine, interrupt or Interrupt(), dataset) as snapshot:
            yield snapshot

    @contextmanager
    def equal_snapshot(
        self, ej_id: int, dataset: Dataset, revision: Revision, interrupt: Interrupt
    ) -> Iterator[SnapshotReader | None]:
        """Open a snapshot of the copy, where it shows this very revision; else yield None."""
        with ExitStack() as stack:
            yield self._equal(stack, ej_id, dataset, revision, interrupt)

    def _equal(
        self, stack: ExitStack, ej_id: int, dataset: Dataset, revision: Revision, interrupt: Interrupt
    ) -> SnapshotReader | None:
        if self.servers.replica is None:
            return None
        try:
            snapshot = stack.enter_context(self._snapshot(self.servers.replica, interrupt, dataset))
            if snapshot.revision(ej_id, dataset) == revision:
                return snapshot
        except FhirExportError as error:
            interrupt.check()
            _log.warning("replica_not_used", why=type(error).__name__, effect="the primary is read")
        stack.close()
        return None

    @contextmanager
    def _snapshot(
        self, engine: Engine, interrupt: Interrupt, dataset: Dataset | None
    ) -> Iterator[SnapshotReader]:
        tables = () if dataset is None else expected.tables(dataset)
        with (
            translated(),
            self._transaction(interrupt, tables, engine) as connection,
            closing(SnapshotReader(connection, self._guard)) as snapshot,
        ):
            yield snapshot

    def revision(self, ej_id: int, dataset: Dataset, interrupt: Interrupt | None = None) -> Revision | None:
        """Return the present revision of a dataset, by one statement; None where there is no such EJ.

        Raises:
            ChangesUntrackedError: A change of the dataset would not be noticed.
            DatabaseUnavailableError, SchemaMismatchError: As for a snapshot.
        """
        with translated():
            return self._lookup.revision(EjDataset(ej_id, dataset), interrupt or Interrupt())

    def loop_lookup(self) -> LoopLookup:
        """Return what looks revisions up in the event loop, with a connection of its own."""
        if self._engine.dialect.name == "postgresql":
            return PostgresqlLookup(self._engine, self._guard)
        path = sqlite_files.path_of(self._engine.url.database)
        if path is None:
            return ThreadsOnly()
        lookup = SqliteLookup(path, self._guard)
        for engine in (self._engine, self._writer):
            engine.update_execution_options(**{sqlite_files.RELEASE: lookup.release})
        return lookup

    def revisions(self, exports: Collection[EjDataset], interrupt: Interrupt | None = None) -> Revisions:
        """Return the present revisions of several datasets, by one statement for thousands of them.

        Raises:
            DatabaseUnavailableError, SchemaMismatchError: As for a snapshot.
        """
        with translated():
            return self._lookup.revisions(exports, interrupt or Interrupt())

    def check(self, interrupt: Interrupt | None = None) -> Mapping[Dataset, str]:
        """Check that exports can work; return the database's incarnation for each dataset.

        Raises:
            ChangesUntrackedError: Changes of the data would not be noticed.
            DatabaseUnavailableError, SchemaMismatchError: As for a snapshot.
        """
        with translated(), self._transaction(interrupt or Interrupt()) as connection:
            require_served(connection)
            return self._guard.examine(connection)

    def check_writable(self, interrupt: Interrupt | None = None) -> None:
        """Check that imports can work, without writing anything.

        Raises:
            DatabaseUnavailableError, SchemaMismatchError: The database cannot be read.
            DatabaseReadOnlyError: The server may not write.
        """
        with translated(), self._transaction(interrupt or Interrupt()) as connection:
            require_served(connection)
            if not rights.may_import(connection):
                raise DatabaseReadOnlyError

    def compact(self, interrupt: Interrupt | None = None) -> Compaction:
        """Fold some deltas of revisions into their base rows; return what has changed.

        Raises:
            DatabaseUnavailableError, SchemaMismatchError: As for a snapshot.
        """
        interruption = interrupt or Interrupt()
        with (
            translated(),
            engines.connected(self._engine) as connection,
            interruption.over(cutter(connection)),
            connection.begin(),
        ):
            if self._engine.dialect.name == "postgresql":
                return compactor.fold(connection)
            return self._counters.changes(connection)

    def ej_ids(self, interrupt: Interrupt | None = None) -> list[int]:
        """Return the id of every EJ.

        Raises:
            DatabaseUnavailableError, SchemaMismatchError: As for a snapshot.
        """
        with translated(), self._transaction(interrupt or Interrupt()) as connection:
            return invalidation.ej_ids(connection)

    def invalidate(
        self,
        exports: Iterable[tuple[int, Dataset]],
        entry: AuditEntry,
        interrupt: Interrupt | None = None,
    ) -> None:
        """Make exports outdated as if their data had changed, and write an audit entry. EVERY_EJ is all.

        Raises:
            DatabaseUnavailableError, SchemaMismatchError: As for a snapshot.
            DatabaseReadOnlyError: The server may not write.
        """
        interruption = interrupt or Interrupt()
        with (
            translated(),
            engines.connected(self._writer) as connection,
            interruption.over(cutter(connection)),
            connection.begin(),
        ):
            invalidation.invalidate(connection, exports, entry)

    @contextmanager
    def importing(self, interrupt: Interrupt | None = None) -> Iterator[Writing]:
        """Open the transaction of an import. It commits at the end.

        Raises:
            DatabaseUnavailableError, SchemaMismatchError: As for a snapshot.
            DatabaseReadOnlyError: The server may not write.
            WriteConflictError: Another writer was first.
            ConstraintRefusedError: A rule of the database refuses what is written.
        """
        with translated(), refusals(), engines.connected(self._writer) as connection:
            connection.execution_options(**{sessions.BEGIN: (_STATEMENT_TIMEOUT, _LOCK_TIMEOUT)})
            with (interrupt or Interrupt()).over(cutter(connection)), connection.begin():
                yield Writing(connection, self._guard)

    @contextmanager
    def trying(self, interrupt: Interrupt | None = None) -> Iterator[Trial]:
        """Open the transaction of an import that is only tried. It sees one state and blocks no writer.

        Raises:
            DatabaseUnavailableError, SchemaMismatchError: As for a snapshot.
            ConstraintRefusedError: A rule of the schema refuses what would be written.
        """
        with translated(), refusals(), engines.connected(self._writer) as connection:
            options = {sessions.BEGIN: (_STATEMENT_TIMEOUT,), engines.DEFERRED: True}
            if self._writer.dialect.name == "postgresql":
                options["isolation_level"] = "REPEATABLE READ"
            connection.execution_options(**options)
            with (interrupt or Interrupt()).over(cutter(connection)), connection.begin() as transaction:
                yield Trial(connection, self._guard)
                transaction.rollback()

    @contextmanager
    def _transaction(
        self, interrupt: Interrupt, tables: tuple[str, ...] = (), engine: Engine | None = None
    ) -> Iterator[Connection]:
        engine = engine or self._engine
        with ExitStack() as stack:
            connection = stack.enter_context(engines.connected(engine))
            stack.enter_context(interrupt.over(cutter(connection)))
            try:
                _begin(connection, tables)
            except DBAPIError as error:
                # SQLAlchemy discards the whole pool with a connection that died in it: the next is new.
                if not error.connection_invalidated:
                    raise
                stack.close()
                interrupt.check()
                connection = stack.enter_context(engines.connected(engine))
                stack.enter_context(interrupt.over(cutter(connection)))
                _begin(connection, tables)
            yield connection


def _begin(connection: Connection, tables: tuple[str, ...]) -> None:
    if connection.dialect.name == "postgresql":
        options = {sessions.BEGIN: (_STATEMENT_TIMEOUT,), sessions.LOCKED: tables}
        connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True, **options)
    connection.begin()

"""Looks revisions up, and refuses to where a change of the data would not move them."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from sqlalchemy import Connection

from fhirexport_server.domain.changes import Revisions
from fhirexport_server.domain.datasets import EVERY_EJ, Dataset, EjDataset
from fhirexport_server.domain.errors import (
    ChangesUntrackedError,
    DatabaseAccessDeniedError,
    FhirExportError,
    SchemaMismatchError,
)
from fhirexport_server.store.connection import schema_revision, sessions
from fhirexport_server.store.guard import expected, postgresql, sqlite, statements
from fhirexport_server.store.guard.statements import GuardedRevision, Source
from fhirexport_server.store.schema_version import HEAD


class Known(NamedTuple):
    """A state of the schema in which every change of a dataset moves its revision."""

    source: Source
    """What its revisions are read from."""
    catalog: int

    def holds(self, look: GuardedRevision) -> bool:
        """Whether a look-up saw this very state."""
        return look.catalog == self.catalog and not look.is_exposed


class Guard:
    """Remembers, for each dataset, the state that was found in order last. One for each database."""

    def __init__(self) -> None:
        self._known: dict[Dataset, Known] = {}

    def known(self, dataset: Dataset) -> Known | None:
        """Return the state that was found in order last."""
        return self._known.get(dataset)

    def forget(self, dataset: Dataset) -> None:
        """Forget the state: the tables are elsewhere by now."""
        self._known.pop(dataset, None)

    def look(self, connection: Connection, ej_id: int, dataset: Dataset) -> GuardedRevision:
        """Look a revision up inside a transaction.

        Raises:
            ChangesUntrackedError: A change of the dataset would not move it.
            DatabaseAccessDeniedError: The server may not read one of its tables.
            SchemaMismatchError: There are no such tables, or they are those of another release.
        """
        known = self._known.get(dataset)
        if known is not None:
            look = executed(connection, known.source.statement, ej_id, dataset)
            if known.holds(look):
                return look
        return self._examined(connection, ej_id, dataset)

    def look_several(self, connection: Connection, exports: Collection[EjDataset]) -> Revisions:
        """Look several revisions up inside a transaction, after making sure of their datasets anew.

        Raises:
            SchemaMismatchError: There are no such tables.
        """
        refused: dict[Dataset, FhirExportError] = {}
        for dataset in sorted({export.dataset for export in exports}):
            try:
                self._examined(connection, EVERY_EJ, dataset)
            except (ChangesUntrackedError, DatabaseAccessDeniedError) as error:
                refused[dataset] = error
        left = [export for export in exports if export.dataset not in refused]
        looks = executed_for_several(connection, self._known, left) if left else {}
        return Revisions({export: look.revision for export, look in looks.items() if look.is_known}, refused)

    def examine(self, connection: Connection) -> dict[Dataset, str]:
        """Make sure of all datasets, also of what no look-up sees; return the incarnation of each.

        Raises:
            ChangesUntrackedError, DatabaseAccessDeniedError, SchemaMismatchError: As `look`.
        """
        return {
            dataset: self._examined(connection, EVERY_EJ, dataset).revision.incarnation for dataset in Dataset
        }

    def _examined(self, connection: Connection, ej_id: int, dataset: Dataset) -> GuardedRevision:
        source = _in_order(connection, dataset)
        look = executed(connection, source.statement, ej_id, dataset)
        # Where each statement has its own snapshot, the one in between may have seen another state.
        _in_order(connection, dataset)
        self._known[dataset] = Known(source, look.catalog)
        return look


def executed(connection: Connection, statement: str, ej_id: int, dataset: Dataset) -> GuardedRevision:
    """Execute the statement of a known state."""
    result = connection.exec_driver_sql(
        statements.filled(statement, ej_id, dataset), execution_options={"no_parameters": True}
    )
    return statements.read(result.one())


def executed_for_several(
    connection: Connection, known: Mapping[Dataset, Known], exports: Collection[EjDataset]
) -> dict[EjDataset, GuardedRevision]:
    """Execute the statement for several datasets, all of them in a known state."""
    sources = {dataset: known[dataset].source for dataset in sorted({export.dataset for export in exports})}
    result = connection.exec_driver_sql(
        statements.several(sources, exports), execution_options={"no_parameters": True}
    )
    return statements.read_several(result, exports)


def _in_order(connection: Connection, dataset: Dataset) -> Source:
    try:
        return _source(connection, dataset)
    except ChangesUntrackedError:
        # What another release's migration has made is not what ours has, and nobody has altered it.
        schema_revision.require_served(connection)
        raise


def _source(connection: Connection, dataset: Dataset) -> Source:
    tables = expected.tables(dataset)
    if connection.dialect.name != "postgresql":
        sqlite.require(connection, tables)
        return statements.SQLITE
    schema = sessions.schema_of(connection)
    if schema is None:
        raise SchemaMismatchError(HEAD, "none")
    oids = postgresql.oids(connection, schema, tables)
    return statements.postgresql(schema, oids.data, oids.counters)

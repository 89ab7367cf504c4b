"""Looks revisions up, and refuses to where a change of the data would not move them."""

from typing import NamedTuple

from sqlalchemy import Connection

from fhirexport_server.domain.datasets import EVERY_EJ, Dataset
from fhirexport_server.domain.errors import SchemaMismatchError
from fhirexport_server.store.connection import sessions
from fhirexport_server.store.guard import expected, postgresql, sqlite, statements
from fhirexport_server.store.guard.statements import GuardedRevision
from fhirexport_server.store.schema_version import HEAD


class Known(NamedTuple):
    """A state of the schema in which every change of a dataset moves its revision."""

    statement: str
    """What looks its revisions up."""
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
            SchemaMismatchError: There are no such tables.
        """
        known = self._known.get(dataset)
        if known is not None:
            look = executed(connection, known.statement, ej_id, dataset)
            if known.holds(look):
                return look
        return self._examined(connection, ej_id, dataset)

    def examine(self, connection: Connection) -> dict[Dataset, str]:
        """Make sure of all datasets, also of what no look-up sees; return the incarnation of each.

        Raises:
            ChangesUntrackedError, DatabaseAccessDeniedError, SchemaMismatchError: As `look`.
        """
        return {
            dataset: self._examined(connection, EVERY_EJ, dataset).revision.incarnation for dataset in Dataset
        }

    def _examined(self, connection: Connection, ej_id: int, dataset: Dataset) -> GuardedRevision:
        statement = _in_order(connection, dataset)
        look = executed(connection, statement, ej_id, dataset)
        # Where each statement has its own snapshot, the one in between may have seen another state.
        _in_order(connection, dataset)
        self._known[dataset] = Known(statement, look.catalog)
        return look


def executed(connection: Connection, statement: str, ej_id: int, dataset: Dataset) -> GuardedRevision:
    """Execute the statement of a known state."""
    result = connection.exec_driver_sql(
        statements.filled(statement, ej_id, dataset), execution_options={"no_parameters": True}
    )
    return statements.read(result.one())


def _in_order(connection: Connection, dataset: Dataset) -> str:
    tables = expected.tables(dataset)
    if connection.dialect.name != "postgresql":
        sqlite.require(connection, tables)
        return statements.SQLITE
    schema = sessions.schema_of(connection)
    if schema is None:
        raise SchemaMismatchError(HEAD, "none")
    return statements.postgresql(schema, postgresql.oids(connection, schema, tables))

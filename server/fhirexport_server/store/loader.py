"""Fills a database with batches of rows, any number of them in constant memory."""

from collections.abc import Iterable

from sqlalchemy import Connection, func, insert, select, text

from fhirexport_server.domain.rows import Batch
from fhirexport_server.store import bulk
from fhirexport_server.store.connection.driver_errors import translated
from fhirexport_server.store.connection.engine import create
from fhirexport_server.store.schema import METADATA, ej


def is_empty(url: str) -> bool:
    """Return whether a migrated database holds no EJ."""
    engine = create(url)
    try:
        with translated(), engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(ej)).scalar_one() == 0
    finally:
        engine.dispose()


def load(url: str, batches: Iterable[Batch]) -> None:
    """Insert the batches in one transaction: all of them or none.

    Raises:
        DatabaseUnavailableError: The database cannot be reached.
        sqlalchemy.exc.DBAPIError, psycopg.Error: A row breaks a rule of the schema.
    """
    engine = create(url)
    try:
        with translated(), engine.begin() as connection:
            statistics = bulk.Statistics()
            for batch in batches:
                if batch.rows:
                    _insert(connection, batch)
                    statistics.grew(connection, batch.table)
            _advance_identities(connection)
    finally:
        engine.dispose()


def _insert(connection: Connection, batch: Batch) -> None:
    if not bulk.is_postgresql(connection):
        connection.execute(insert(METADATA.tables[batch.table]), batch.rows)
        return
    columns = list(batch.rows[0])
    # COPY is one statement for the batch, so that the triggers run once. executemany is one for each row.
    bulk.copy(connection, batch.table, columns, ([row[column] for column in columns] for row in batch.rows))


def _advance_identities(connection: Connection) -> None:
    """Make generated ids follow those that the rows brought. SQLite does so by itself."""
    if not bulk.is_postgresql(connection):
        return
    for table in METADATA.sorted_tables:
        if "id" in table.c and table.c.id.identity is not None:
            connection.execute(
                text(
                    f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), "
                    f"greatest((SELECT max(id) FROM {table.name}), 1), "
                    f"EXISTS (SELECT 1 FROM {table.name}))"
                )
            )

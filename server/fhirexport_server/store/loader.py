"""Owns filling a database with rows as they come, in any number and constant memory."""

from collections import Counter
from collections.abc import Iterable

import psycopg
from psycopg.sql import SQL, Identifier
from sqlalchemy import Connection, func, insert, select, text

from fhirexport_server.domain.rows import Batch
from fhirexport_server.store.engine import create, translated
from fhirexport_server.store.schema import METADATA, ej

_ANALYZED_AFTER = frozenset(10**power for power in range(1, 6))
"""After so many batches a table's statistics are taken anew."""


def is_empty(url: str) -> bool:
    """Says whether a migrated database holds no EJ."""
    engine = create(url)
    try:
        with translated(), engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(ej)).scalar_one() == 0
    finally:
        engine.dispose()


def load(url: str, batches: Iterable[Batch]) -> None:
    """Inserts the batches in one transaction: all of them or none.

    Raises:
        DatabaseUnavailableError: the database cannot be reached.
        sqlalchemy.exc.DBAPIError, psycopg.Error: a row breaks a rule of the schema.
    """
    engine = create(url)
    try:
        with translated(), engine.begin() as connection:
            loaded: Counter[str] = Counter()
            for batch in batches:
                if batch.rows:
                    _insert(connection, batch)
                    loaded[batch.table] += 1
                    if loaded[batch.table] in _ANALYZED_AFTER:
                        # Foreign keys are checked by a plan that was made when the table was empty.
                        connection.execute(text(f"ANALYZE {batch.table}"))
            _advance_identities(connection)
    finally:
        engine.dispose()


def _insert(connection: Connection, batch: Batch) -> None:
    if connection.dialect.name != "postgresql":
        connection.execute(insert(METADATA.tables[batch.table]), batch.rows)
        return
    # COPY is one statement a batch, so the triggers run once for it; executemany is one for each row.
    driver = connection.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        raise TypeError("PostgreSQL is reached through psycopg")
    columns = list(batch.rows[0])
    statement = SQL("COPY {} ({}) FROM STDIN").format(
        Identifier(batch.table), SQL(", ").join(map(Identifier, columns))
    )
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        for row in batch.rows:
            copy.write_row([row[column] for column in columns])


def _advance_identities(connection: Connection) -> None:
    """Makes the next generated id follow the ids that were given; SQLite does so by itself."""
    if connection.dialect.name != "postgresql":
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

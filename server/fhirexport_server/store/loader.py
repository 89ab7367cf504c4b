"""Owns filling a database with rows as they come, in any number and constant memory."""

from collections.abc import Iterable

from sqlalchemy import Connection, func, insert, select, text

from fhirexport_server.domain.rows import Batch
from fhirexport_server.store.engine import create, translated
from fhirexport_server.store.schema import METADATA, ej


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
        sqlalchemy.exc.IntegrityError: a row breaks a rule of the schema.
    """
    engine = create(url)
    try:
        with translated(), engine.begin() as connection:
            for batch in batches:
                if batch.rows:
                    connection.execute(insert(METADATA.tables[batch.table]), batch.rows)
            _advance_identities(connection)
    finally:
        engine.dispose()


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

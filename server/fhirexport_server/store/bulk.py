"""Bulk writes: COPY on PostgreSQL, one prepared statement for all rows on SQLite.

Rows are tuples of plain values, the same for both: an instant is ISO text in UTC, a date is ISO text.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

import psycopg
from psycopg.sql import SQL, Identifier
from sqlalchemy import Connection, text

Row = Sequence[object]
_ANALYZED_AFTER: Final = frozenset(10**power for power in range(1, 6))
"""A table is analyzed after each of these numbers of batches."""


class Statistics:
    """Keeps the statistics of growing tables up to date, for the query planner."""

    def __init__(self) -> None:
        self._batches: Counter[str] = Counter()

    def grew(self, connection: Connection, table: str) -> None:
        """Record that a batch of rows went into a table."""
        self._batches[table] += 1
        if self._batches[table] in _ANALYZED_AFTER:
            # Otherwise foreign keys are checked by a plan for an empty table.
            connection.execute(text(f"ANALYZE {table}"))


def is_postgresql(connection: Connection) -> bool:
    """Whether the database is PostgreSQL; otherwise it is SQLite."""
    return connection.dialect.name == "postgresql"


def copy(connection: Connection, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Insert rows into a PostgreSQL table by one COPY, so that statement triggers run once."""
    driver = connection.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        raise TypeError("PostgreSQL is reached through psycopg")
    statement = SQL("COPY {} ({}) FROM STDIN").format(
        Identifier(table), SQL(", ").join(map(Identifier, columns))
    )
    with driver.cursor() as cursor, cursor.copy(statement) as copying:
        for row in rows:
            copying.write_row(row)


def insert(connection: Connection, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Insert rows into a table."""
    if not rows:
        return
    if is_postgresql(connection):
        copy(connection, table, columns, rows)
        return
    places = ", ".join("?" * len(columns))
    connection.exec_driver_sql(
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", [tuple(row) for row in rows]
    )


def update(connection: Connection, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Update rows, which are identified by their first column, `id`."""
    if not rows:
        return
    key, *others = columns
    if not is_postgresql(connection):
        assignments = ", ".join(f"{column} = ?" for column in others)
        connection.exec_driver_sql(
            f"UPDATE {table} SET {assignments} WHERE {key} = ?", [(*row[1:], row[0]) for row in rows]
        )
        return
    # Named for its columns too: one import updates a table in whole rows and in parts.
    staging = f"import_{table}_{len(columns)}"
    names = ", ".join(columns)
    connection.execute(
        text(
            f"CREATE TEMPORARY TABLE IF NOT EXISTS {staging} ON COMMIT DROP AS"
            f" SELECT {names} FROM {table} WITH NO DATA"
        )
    )
    copy(connection, staging, columns, rows)
    assignments = ", ".join(f"{column} = given.{column}" for column in others)
    connection.execute(
        text(f"UPDATE {table} SET {assignments} FROM {staging} AS given WHERE {table}.{key} = given.{key}")
    )
    connection.execute(text(f"TRUNCATE {staging}"))

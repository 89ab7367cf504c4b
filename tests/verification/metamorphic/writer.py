"""The connection of another program: the plain driver, which knows nothing of exports."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from typing import Any, Protocol

import psycopg
from fhirexport_server.store.schema.column_types import INSTANT_FORMAT
from verification.metamorphic.rows import TABLES, Held, Key, keys
from verification.metamorphic.statements import Statement


class RefusedError(Exception):
    """A rule of the schema forbids the statement."""


class Writer(Protocol):
    """One long-lived connection."""

    dialect: str

    def begin(self) -> None: ...

    def execute(self, statement: Statement) -> None:
        """Raises RefusedError when a rule of the schema forbids it; any other error is a bug of ours."""

    def read(self, sql: str) -> Sequence[Sequence[Any]]: ...

    def end(self, *, commit: bool) -> None: ...


class _Sqlite:
    dialect = "sqlite"

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def begin(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def execute(self, statement: Statement) -> None:
        try:
            self._connection.execute(
                statement.sql.replace("%s", "?"), list(map(_plain, statement.parameters))
            )
        except sqlite3.IntegrityError as error:
            raise RefusedError from error

    def read(self, sql: str) -> Sequence[Sequence[Any]]:
        return self._connection.execute(sql).fetchall()

    def end(self, *, commit: bool) -> None:
        self._connection.execute("COMMIT" if commit else "ROLLBACK")


class _Postgresql:
    dialect = "postgresql"

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def begin(self) -> None:
        self._connection.execute("BEGIN")

    def execute(self, statement: Statement) -> None:
        try:
            with self._connection.cursor() as cursor:
                if statement.kind == "copy":
                    with cursor.copy(statement.sql.encode()) as copy:
                        for row in statement.copied:
                            copy.write_row(row)
                else:
                    cursor.execute(statement.sql.encode(), statement.parameters)
        # An empty text is no date to PostgreSQL, where SQLite has a check.
        except (psycopg.IntegrityError, psycopg.DataError) as error:
            raise RefusedError from error

    def read(self, sql: str) -> Sequence[Sequence[Any]]:
        return self._connection.execute(sql.encode()).fetchall()

    def end(self, *, commit: bool) -> None:
        self._connection.execute("COMMIT" if commit else "ROLLBACK")


@contextmanager
def writing(url: str) -> Iterator[Writer]:
    """Connects to the database as another program does."""
    if url.startswith("sqlite:///"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as connection:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = OFF")
            yield _Sqlite(connection)
    else:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SET synchronous_commit = off")
            yield _Postgresql(connection)


def held(writer: Writer) -> Held:
    """Returns the rows that the database holds."""
    found = {}
    for table, described in TABLES.items():
        key = keys(table)
        ej = "id" if table == "ej" else "ej_id"
        kind = "kind" if "kind" in described.c else "''"
        sql = f"SELECT {ej}, {kind}, {', '.join(key)} FROM {table} ORDER BY {', '.join(key)}"
        found[table] = [Key(tuple(values), ej_id, kind) for ej_id, kind, *values in writer.read(sql)]
    return found


def _plain(value: object) -> Any:  # noqa: ANN401 - what the driver takes
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime(INSTANT_FORMAT)
    return value.isoformat() if isinstance(value, date) else value

"""The two programs that write: one through SQLAlchemy Core, one in plain SQL. Neither knows a cache."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from time import monotonic
from typing import Any, Protocol

import psycopg
from fhirexport_server.store.schema import METADATA
from fhirexport_server.store.schema.column_types import INSTANT_FORMAT
from sqlalchemy import (
    Connection,
    Engine,
    Executable,
    TwoPhaseTransaction,
    and_,
    bindparam,
    create_engine,
    delete,
    event,
    insert,
    make_url,
    update,
)
from verification.prove.registers import Statement

PATIENCE = 60.0
"""How long a writer waits for another one on SQLite, in seconds."""


class Hand(Protocol):
    """One connection that writes."""

    def transact(
        self,
        statements: Sequence[Statement],
        *,
        commit: bool,
        undone: Sequence[Statement] = (),
        prepares: bool = False,
    ) -> tuple[float, float]:
        """Runs a transaction; returns when its end was sent, and when that returned.

        Args:
            statements: what it does.
            commit: whether it is committed, or rolled back.
            undone: what it does after a savepoint, and takes back.
            prepares: whether it is prepared first, for a commit in two phases. PostgreSQL only.
        """


class _Core:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def transact(
        self,
        statements: Sequence[Statement],
        *,
        commit: bool,
        undone: Sequence[Statement] = (),
        prepares: bool = False,
    ) -> tuple[float, float]:
        transaction = self._connection.begin_twophase() if prepares else self._connection.begin()
        self._run(statements)
        if undone:
            savepoint = self._connection.begin_nested()
            self._run(undone)
            savepoint.rollback()
        if isinstance(transaction, TwoPhaseTransaction):
            transaction.prepare()
        sent = monotonic()
        if commit:
            transaction.commit()
        else:
            transaction.rollback()
        return sent, monotonic()

    def _run(self, statements: Iterable[Statement]) -> None:
        for statement in statements:
            # With a list of parameters: what is called a bulk statement, which no session's events see.
            keys = {f"k_{name}": value for name, value in statement.key.items()}
            self._connection.execute(_construct(statement), [{**keys, **statement.values}])


def _construct(statement: Statement) -> Executable:
    table = METADATA.tables[statement.table]
    row = and_(True, *(table.c[name] == bindparam(f"k_{name}") for name in statement.key))
    if not statement.key:
        return insert(table).prefix_with(*["OR REPLACE"] * statement.replaces)
    if not statement.values:
        return delete(table).where(row)
    changed = update(table).where(row).values({name: bindparam(name) for name in statement.values})
    return changed.prefix_with(*["OR REPLACE"] * statement.replaces)


class _Psycopg:
    def __init__(self, connection: "psycopg.Connection") -> None:
        self._connection = connection
        self._prepared = 0

    def transact(
        self,
        statements: Sequence[Statement],
        *,
        commit: bool,
        undone: Sequence[Statement] = (),
        prepares: bool = False,
    ) -> tuple[float, float]:
        if prepares:
            self._prepared += 1
            pid = self._connection.info.backend_pid
            self._connection.tpc_begin(self._connection.xid(1, f"prove-{pid}-{self._prepared}", "one"))
        self._run(statements)
        _undo(self._connection.execute, self._run, undone)
        if prepares:
            self._connection.tpc_prepare()
        sent = monotonic()
        match commit, prepares:
            case True, True:
                self._connection.tpc_commit()
            case False, True:
                self._connection.tpc_rollback()
            case True, False:
                self._connection.commit()
            case _:
                self._connection.rollback()
        return sent, monotonic()

    def _run(self, statements: Iterable[Statement]) -> None:
        for statement in statements:
            values = {**statement.key, **statement.values}
            self._connection.execute(as_text(statement, "%({})s").encode(), values)


class _Sqlite:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def transact(
        self,
        statements: Sequence[Statement],
        *,
        commit: bool,
        undone: Sequence[Statement] = (),
        prepares: bool = False,
    ) -> tuple[float, float]:
        if prepares:
            raise ValueError("SQLite has no commit in two phases")
        self._connection.execute("BEGIN IMMEDIATE")
        self._run(statements)
        _undo(self._connection.execute, self._run, undone)
        sent = monotonic()
        self._connection.execute("COMMIT" if commit else "ROLLBACK")
        return sent, monotonic()

    def _run(self, statements: Iterable[Statement]) -> None:
        for statement in statements:
            values = {**statement.key, **statement.values}
            plain = {name: _plain(value) for name, value in values.items()}
            self._connection.execute(as_text(statement, ":{}"), plain)


def _undo(
    execute: Callable[[str], object], run: Callable[[Iterable[Statement]], None], undone: Sequence[Statement]
) -> None:
    if undone:
        execute("SAVEPOINT here")
        run(undone)
        execute("ROLLBACK TO here")


def _plain(value: object) -> Any:  # noqa: ANN401 - what the driver takes
    return value.strftime(INSTANT_FORMAT) if isinstance(value, datetime) else value


def as_text(statement: Statement, mark: str) -> str:
    """Returns a statement whose values are marked as the driver wants it."""
    table, values = statement.table, statement.values
    row = _each(statement.key, mark, " AND ")
    clause = " OR REPLACE" if statement.replaces else ""
    if not statement.key:
        marks = ", ".join(map(mark.format, values))
        return f"INSERT{clause} INTO {table} ({', '.join(values)}) VALUES ({marks})"
    if not values:
        return f"DELETE FROM {table} WHERE {row}"
    return f"UPDATE{clause} {table} SET {_each(values, mark, ', ')} WHERE {row}"


def _each(values: Mapping[str, object], mark: str, between: str) -> str:
    return between.join(f"{name} = {mark.format(name)}" for name in values)


@contextmanager
def hand(number: int, url: str) -> Iterator[Hand]:
    """Connects as one of the programs: those with even numbers use SQLAlchemy."""
    is_sqlite = url.startswith("sqlite:")
    if number % 2 == 0:
        engine = _sqlite_engine(url) if is_sqlite else _postgresql_engine(url)
        try:
            with engine.connect() as connection:
                yield _Core(connection)
        finally:
            engine.dispose()
    elif is_sqlite:
        path = url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path, isolation_level=None, timeout=PATIENCE)) as connection:
            connection.execute("PRAGMA foreign_keys = ON")
            yield _Sqlite(connection)
    else:
        with psycopg.connect(url) as connection:
            yield _Psycopg(connection)


def _postgresql_engine(url: str) -> Engine:
    return create_engine(make_url(url).set(drivername="postgresql+psycopg"))


def _sqlite_engine(url: str) -> Engine:
    """Returns an engine whose transactions are SQLite's, as SQLAlchemy's documentation has it."""
    engine = create_engine(url, connect_args={"timeout": PATIENCE})

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine

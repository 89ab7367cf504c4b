"""The two programs that write: one through SQLAlchemy Core, one in plain SQL. Neither knows a cache."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Protocol

import psycopg
from fhirexport_server.store.schema import METADATA
from sqlalchemy import (
    Connection,
    Executable,
    and_,
    bindparam,
    create_engine,
    delete,
    insert,
    make_url,
    update,
)
from verification.prove.stamps import Statement


class Hand(Protocol):
    """One connection that writes."""

    def transact(self, statements: Sequence[Statement], *, commit: bool) -> tuple[float, float]:
        """Runs a transaction; returns when its end was sent, and when that returned."""


class _Core:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def transact(self, statements: Sequence[Statement], *, commit: bool) -> tuple[float, float]:
        transaction = self._connection.begin()
        for statement in statements:
            # With a list of parameters: what is called a bulk statement, which no session's events see.
            parameters = {f"k_{name}": value for name, value in statement.key.items()} | statement.values
            self._connection.execute(_construct(statement), [parameters])
        sent = monotonic()
        if commit:
            transaction.commit()
        else:
            transaction.rollback()
        return sent, monotonic()


def _construct(statement: Statement) -> Executable:
    table = METADATA.tables[statement.table]
    row = and_(True, *(table.c[name] == bindparam(f"k_{name}") for name in statement.key))
    if not statement.key:
        return insert(table)
    if not statement.values:
        return delete(table).where(row)
    return update(table).where(row).values({name: bindparam(name) for name in statement.values})


class _Sql:
    def __init__(self, connection: "psycopg.Connection") -> None:
        self._connection = connection

    def transact(self, statements: Sequence[Statement], *, commit: bool) -> tuple[float, float]:
        for statement in statements:
            self._connection.execute(_text(statement).encode(), {**statement.key, **statement.values})
        sent = monotonic()
        if commit:
            self._connection.commit()
        else:
            self._connection.rollback()
        return sent, monotonic()


def _text(statement: Statement) -> str:
    table, values = statement.table, statement.values
    row = _each(statement.key, " AND ")
    if not statement.key:
        return f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join(f'%({n})s' for n in values)})"
    if not values:
        return f"DELETE FROM {table} WHERE {row}"
    return f"UPDATE {table} SET {_each(values, ', ')} WHERE {row}"


def _each(values: Mapping[str, object], between: str) -> str:
    return between.join(f"{name} = %({name})s" for name in values)


@contextmanager
def hand(number: int, url: str) -> Iterator[Hand]:
    """Connects as one of the programs: those with even numbers use SQLAlchemy."""
    if number % 2 == 0:
        engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
        try:
            with engine.connect() as connection:
                yield _Core(connection)
        finally:
            engine.dispose()
    else:
        with psycopg.connect(url) as connection:
            yield _Sql(connection)

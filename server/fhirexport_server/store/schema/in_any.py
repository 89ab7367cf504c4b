"""Conditions that a column holds one of thousands of values.

On PostgreSQL the values are one parameter, an array: thousands of parameters take longer to send
than the query takes to run.
"""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from sqlalchemy import ARRAY, Column, ColumnElement, Connection, and_, any_, func, literal, select, tuple_

T = TypeVar("T")


def _has_arrays(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"


def among(connection: Connection, column: ColumnElement[T], values: Sequence[T]) -> ColumnElement[bool]:
    """Return the condition that a column holds one of some values."""
    if not _has_arrays(connection):
        return column.in_(values)
    return column == any_(literal(values, ARRAY(column.type)))


def pairs_among(
    connection: Connection, first: Column[str], second: Column[str], values: Sequence[tuple[str, str]]
) -> Iterator[ColumnElement[bool]]:
    """Yield conditions. Two columns hold one of some pairs where one of them is true."""
    if _has_arrays(connection):
        arrays = (literal(list(column), ARRAY(first.type)) for column in zip(*values, strict=True))
        yield tuple_(first, second).in_(
            select(func.unnest(*arrays).table_valued("first", "second").render_derived())
        )
        return
    # SQLite looks no pairs up in an index: each first part has a query of its own.
    by_first: dict[str, list[str]] = {}
    for first_value, second_value in values:
        by_first.setdefault(first_value, []).append(second_value)
    for first_value, second_values in by_first.items():
        yield and_(first == first_value, second.in_(second_values))

"""Owns asking for the rows of thousands of values at once.

On PostgreSQL they are one parameter, an array: thousands take longer to write down than to look up.
"""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from sqlalchemy import ARRAY, Column, ColumnElement, Connection, and_, any_, func, literal, select, tuple_

from fhirexport_server.store.bulk import is_postgresql

T = TypeVar("T")


def among(connection: Connection, column: Column[T], values: Sequence[T]) -> ColumnElement[bool]:
    """Whether a column holds one of some values."""
    if not is_postgresql(connection):
        return column.in_(values)
    return column == any_(literal(values, ARRAY(column.type)))


def pairs_among(
    connection: Connection, first: Column[str], second: Column[str], values: Sequence[tuple[str, str]]
) -> Iterator[ColumnElement[bool]]:
    """Yield the conditions that together say that two columns hold one of some pairs."""
    if is_postgresql(connection):
        arrays = (literal(list(one), ARRAY(first.type)) for one in zip(*values, strict=True))
        yield tuple_(first, second).in_(
            select(func.unnest(*arrays).table_valued("first", "second").render_derived())
        )
        return
    # SQLite looks no pairs up in an index: each first part has a query of its own.
    by_first: dict[str, list[str]] = {}
    for one, other in values:
        by_first.setdefault(one, []).append(other)
    for one, others in by_first.items():
        yield and_(first == one, second.in_(others))

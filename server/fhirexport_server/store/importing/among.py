"""Owns asking for the rows of thousands of values at once.

On PostgreSQL they are one parameter, an array: thousands take longer to write down than to look up.
"""

from collections.abc import Sequence
from typing import TypeVar

from sqlalchemy import ARRAY, Column, ColumnElement, Connection, any_, func, literal, select, tuple_

from fhirexport_server.store.bulk import is_postgresql

T = TypeVar("T")


def among(connection: Connection, column: Column[T], values: Sequence[T]) -> ColumnElement[bool]:
    """Whether a column holds one of some values."""
    if not is_postgresql(connection):
        return column.in_(values)
    return column == any_(literal(values, ARRAY(column.type)))


def pair_among(
    connection: Connection, first: Column[str], second: Column[str], values: Sequence[tuple[str, str]]
) -> ColumnElement[bool]:
    """Whether two columns hold one of some pairs, of which there is one at least."""
    pair = tuple_(first, second)
    if not is_postgresql(connection):
        return pair.in_(values)
    arrays = (literal(list(one), ARRAY(first.type)) for one in zip(*values, strict=True))
    return pair.in_(select(func.unnest(*arrays).table_valued("first", "second").render_derived()))

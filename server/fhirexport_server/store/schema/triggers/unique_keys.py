"""The unique keys of tables, as SQLite's triggers look for rows that are in the way of another."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Table, UniqueConstraint


class UniqueKey(NamedTuple):
    """Columns that no two rows have the same values of."""

    columns: tuple[str, ...]
    condition: str | None = None
    """Which rows it holds for; None for all."""


def unique_keys(table: Table) -> Iterator[UniqueKey]:
    """Yield the unique keys of a table on SQLite, but for those that follow from others."""
    keys = [UniqueKey(tuple(table.primary_key.columns.keys()))]
    if "id" not in table.c:
        # A row has a number that is no column of ours; a statement may set it all the same.
        keys.append(UniqueKey(("rowid",)))
    keys += sorted(
        UniqueKey(tuple(constraint.columns.keys()))
        for constraint in table.constraints
        if isinstance(constraint, UniqueConstraint)
    )
    for index in sorted(table.indexes, key=lambda index: str(index.name)):
        if index.unique:
            where = index.dialect_options["sqlite"]["where"]
            keys.append(UniqueKey(tuple(index.columns.keys()), None if where is None else str(where)))
    for key in keys:
        if not any(other.condition is None and set(other.columns) < set(key.columns) for other in keys):
            yield key


def in_the_way(table: Table, alias: str) -> str:
    """Return the condition of the rows, under an alias, that are in the way of NEW."""
    return " OR ".join(f"({_equal(table, key, alias)})" for key in unique_keys(table))


def changed(table: Table) -> str:
    """Return the condition that an update changes some key of a row."""
    columns = dict.fromkeys(
        column for key in unique_keys(table) for column in (*key.columns, *_columns_in(table, key.condition))
    )
    return " OR ".join(f"NEW.{column} IS NOT OLD.{column}" for column in columns)


def _equal(table: Table, key: UniqueKey, alias: str) -> str:
    conditions = [f"{alias}.{column} = NEW.{column}" for column in key.columns]
    if key.condition is not None:
        conditions += [_of(table, key.condition, row) for row in (alias, "NEW")]
    return " AND ".join(conditions)


def _of(table: Table, condition: str, row: str) -> str:
    """Return a condition about the columns of a row."""
    for column in _columns_in(table, condition):
        condition = re.sub(rf"\b{column}\b", f"{row}.{column}", condition)
    return condition


def _columns_in(table: Table, condition: str | None) -> list[str]:
    return [column.name for column in table.c if re.search(rf"\b{column.name}\b", condition or "")]

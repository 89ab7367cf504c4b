"""Builds rows from drafts: their fields, and what only the database knows."""

from typing import Any, NamedTuple, TypeVar

R = TypeVar("R", bound=tuple[Any, ...])


def row(row_type: type[R], draft: NamedTuple, **given: object) -> R:
    """Return a row with the fields of a draft and the given ones."""
    values = draft._asdict() | given
    new_row: R = row_type._make(values[name] for name in row_type._fields)  # type: ignore[attr-defined]  # every row type is a NamedTuple
    return new_row

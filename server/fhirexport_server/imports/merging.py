"""Owns what is written of a row that exists: what the sender has changed, and nothing else."""

from collections.abc import Collection, Sequence
from typing import Any, TypeVar

R = TypeVar("R", bound=tuple[Any, ...])


def merged(existing: R, shown: R, told: R, unsaid: Collection[str] = ()) -> R:
    """Return the row with what was told, where that is not what an export shows of it anyway.

    Args:
        existing: the row.
        shown: what an export shows of it (`fhir/shown.py`).
        told: what the import says.
        unsaid: columns of which it says nothing: they stay.
    """
    if unsaid:
        told = told._replace(**{name: getattr(shown, name) for name in unsaid})  # type: ignore[attr-defined]  # as below
    if told == shown:
        return existing
    values = (was if new == seen else new for was, seen, new in zip(existing, shown, told, strict=True))
    row: R = existing._make(values)  # type: ignore[attr-defined]  # every row type is a NamedTuple
    return row


def columns(row_type: type[tuple[Any, ...]], *computed: str) -> Sequence[str]:
    """Returns the fields of a row type that are columns."""
    fields: Sequence[str] = row_type._fields  # type: ignore[attr-defined]  # as above
    return [name for name in fields if name not in computed]

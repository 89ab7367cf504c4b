"""Owns what is written of a row that exists: what the sender has changed, and nothing else."""

from collections.abc import Collection, Sequence
from typing import Any, TypeVar

R = TypeVar("R", bound=tuple[Any, ...])


def merged(
    existing: R, shown: R, told: R, unsaid: Collection[str] = (), partial: Sequence[tuple[str, str]] = ()
) -> R:
    """Return the row with what was told, where that is not what an export shows of it anyway.

    Args:
        existing: the row.
        shown: what an export shows of it (`fhir/rendering/projection.py`).
        told: what the import says.
        unsaid: columns of which it says nothing: they stay.
        partial: days that it knows less precisely, each with what it knows: those that begin so stay.
    """
    told = with_known_days(told, shown, partial)
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


def with_known_days(told: R, known: R, partial: Sequence[tuple[str, str]]) -> R:
    """Returns what was told of a row, with the days that are known more precisely.

    Args:
        told: what the import says.
        known: what is there.
        partial: columns of days, each with the beginning that the import knows of it.
    """
    kept = {name: day for name, text in partial if (day := getattr(known, name) or "").startswith(text)}
    row: R = told._replace(**kept) if kept else told  # type: ignore[attr-defined]  # every row type is a NamedTuple
    return row

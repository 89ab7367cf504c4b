"""Merges imported values into existing rows: only what the sender has changed is written."""

from collections.abc import Collection, Sequence
from typing import Any, TypeVar

R = TypeVar("R", bound=tuple[Any, ...])


def merged(
    existing: R, shown: R, imported: R, unsaid: Collection[str] = (), partial: Sequence[tuple[str, str]] = ()
) -> R:
    """Return the row with the imported values that differ from what an export shows.

    Args:
        existing: The row.
        shown: The row as an export shows it (`fhir/rendering/projection.py`).
        imported: The row as imported.
        unsaid: Columns about which the import says nothing: they stay.
        partial: Days that were sent less precisely, each with the text that was sent. A day that begins
            with the text stays.
    """
    imported = with_known_days(imported, shown, partial)
    if unsaid:
        imported = imported._replace(**{name: getattr(shown, name) for name in unsaid})  # type: ignore[attr-defined]  # as below
    if imported == shown:
        return existing
    values = (
        old if new == shown_value else new
        for old, shown_value, new in zip(existing, shown, imported, strict=True)
    )
    row: R = existing._make(values)  # type: ignore[attr-defined]  # every row type is a NamedTuple
    return row


def columns(row_type: type[tuple[Any, ...]], *computed: str) -> Sequence[str]:
    """Return the fields of a row type that are columns: all but the computed ones."""
    fields: Sequence[str] = row_type._fields  # type: ignore[attr-defined]  # as above
    return [name for name in fields if name not in computed]


def with_known_days(imported: R, known: R, partial: Sequence[tuple[str, str]]) -> R:
    """Return an imported row with the days that are already known more precisely.

    Args:
        imported: The row as imported.
        known: The row as stored.
        partial: Columns of days, each with the less precise text that was sent.
    """
    kept = {name: day for name, text in partial if (day := getattr(known, name) or "").startswith(text)}
    row: R = imported._replace(**kept) if kept else imported  # type: ignore[attr-defined]  # every row type is a NamedTuple
    return row

"""Owns under which names the resources of an import are known to the references of later ones."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from fhirexport_server.fhir.reading.entries import Entry
from fhirexport_server.fhir.reading.problems import Severity
from fhirexport_server.imports.work import Work

_SAME: Final = "must not have the id or the fullUrl of another resource of the import"


def refuse_doubles(work: Work, entries: Iterable[Entry]) -> None:
    """Refuses entries with the name of one before them."""
    entries = list(entries)
    seen: set[str] = set(work.writing.names.known(entry.key for entry in entries if entry.key is not None))
    for entry in entries:
        if entry.key is None:
            continue
        if entry.key in seen:
            work.problems.tell(Severity.ERROR, entry.place, entry.path, _SAME)
        seen.add(entry.key)


def remember(
    work: Work,
    table: str,
    entries: Iterable[Entry],
    ids: Mapping[int, int],
    logical_id: Callable[[int], str],
) -> None:
    """Keeps the names that do not already say which row they stand for, and those of what was refused.

    Args:
        work: the import.
        table: where the rows are.
        entries: all of the stage's, refused ones too.
        ids: the row that each entry is, by its place.
        logical_id: makes the logical id of a row of its database id.
    """
    names: list[tuple[str, str, int | None]] = []
    for entry in entries:
        if entry.key is None:
            continue
        number = None if entry.place in work.problems.refused else ids.get(entry.place)
        if number is None or entry.key != f"{entry.type}/{logical_id(number)}":
            names.append((entry.key, table, number))
    known = work.writing.names.known(name for name, _, _ in names)
    first = {name: (name, table, number) for name, _, number in reversed(names) if name not in known}
    work.writing.names.remember(list(first.values()))
    work.writing.names.note_written(table, [ids[e.place] for e in entries if e.place in ids])

"""The names under which later references find the resources of an import."""

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from fhirexport_server.fhir.reading.bundles.entries import BundleEntry
from fhirexport_server.fhir.reading.json.problems import Severity
from fhirexport_server.fhir.reading.together.directory import Directory
from fhirexport_server.imports.doubles import line_of
from fhirexport_server.imports.kinds import Kind
from fhirexport_server.imports.work import Work
from fhirexport_server.store.importing.journal import Line, Named

_SAME: Final = "must not have the id or the fullUrl of another resource of the import"


@dataclass
class Seen:
    """Earlier entries of a stage, of which none is written yet."""

    contents: set[str] = field(default_factory=set)
    """The digests of their contents."""
    first: dict[str, BundleEntry] = field(default_factory=dict)
    """The first entry with each key, without its resource."""


def distinct(
    work: Work, entries: Iterable[BundleEntry], *kinds: Kind, seen: Seen | None = None
) -> list[BundleEntry]:
    """Return entries without repeated ones; refuse those that have the name of another resource.

    Args:
        work: The import.
        entries: Entries of one stage.
        kinds: The kinds of rows of the stage.
        seen: The entries before, if any; these are added.
    """
    entries = list(entries)
    seen = seen or Seen()
    contents, first = seen.contents, seen.first
    known = work.writing.names.known(entry.key for entry in entries if entry.key is not None)
    written: dict[str, Mapping[int, Line | None]] = {
        kind: work.writing.names.written(
            kind, [named.id for named in known.values() if named.kind == kind and named.id is not None]
        )
        for kind in kinds
    }
    kept = []
    for entry in entries:
        if work.doubles.refuse(entry, work.problems):
            kept.append(entry)
            continue
        before = _before(entry, known, written)
        if entry.digest is not None and (
            entry.digest in contents or (before is not None and before.digest == entry.digest)
        ):
            continue
        kept.append(entry)
        if entry.digest is not None:
            contents.add(entry.digest)
        if entry.key is None:
            continue
        if entry.key in known or entry.key in first:
            line, namesake = line_of(entry), first.get(entry.key)
            before = before or (None if namesake is None else line_of(namesake))
            if line is not None and before is not None:
                work.doubles.contradict(line, before)
            work.problems.report(Severity.ERROR, entry.place, entry.path, _SAME)
        first.setdefault(entry.key, entry._replace(resource=None))
    return kept


def _before(
    entry: BundleEntry, known: Mapping[str, Named], written: Mapping[str, Mapping[int, Line | None]]
) -> Line | None:
    """Return the line of an earlier window that has the entry's key."""
    named = None if entry.key is None else known.get(entry.key)
    if named is None or named.id is None:
        return None
    return written.get(named.kind, {}).get(named.id)


def check_numbers(work: Work, directory: Directory, entries: Iterable[BundleEntry]) -> None:
    """Refuse entries with the number of another one: see `Directory.check_numbers`."""
    note_pairs(work, directory.check_numbers(work.problems), entries)


def note_pairs(work: Work, pairs: Iterable[tuple[int, int]], entries: Iterable[BundleEntry]) -> None:
    """Note which lines have the same numbers, and so contradict each other."""
    lines = {entry.place: line_of(entry) for entry in entries}
    for first, again in pairs:
        line, before = lines[again], lines[first]
        if line is not None and before is not None:
            work.doubles.contradict(line, before)


def remember(
    work: Work,
    kind: Kind,
    entries: Iterable[BundleEntry],
    ids: Mapping[int, int],
    logical_id: Callable[[int], str],
    *,
    repeated: Container[int] = (),
) -> None:
    """Remember the names that do not themselves tell a row, and the names of refused resources.

    Args:
        work: The import.
        kind: The kind of the rows.
        entries: All entries of the stage, also refused ones.
        ids: The row of each entry, by the index of the entry.
        logical_id: Returns the logical id of a row, from its database id.
        repeated: The entries that repeat others which were written before.
    """
    names: list[tuple[str, str, int | None]] = []
    for entry in entries:
        row_id = None if entry.place in work.problems.refused else ids.get(entry.place)
        if row_id is None:
            names += [(name, kind, None) for name in entry.names]
        elif entry.key is not None and entry.key != f"{entry.type}/{logical_id(row_id)}":
            names.append((entry.key, kind, row_id))
    known = work.writing.names.known(name for name, _, _ in names)
    first = {name: (name, kind, row_id) for name, _, row_id in reversed(names) if name not in known}
    work.writing.names.remember(list(first.values()))
    rows = [
        (ids[entry.place], line_of(entry))
        for entry in entries
        if entry.place in ids and entry.place not in repeated
    ]
    work.writing.names.note_written(kind, rows)

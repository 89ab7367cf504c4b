"""Owns under which names the resources of an import are known to the references of later ones."""

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
    """What earlier entries of a stage were, where none of them is written yet."""

    contents: set[str] = field(default_factory=set)
    """Their digests."""
    first: dict[str, BundleEntry] = field(default_factory=dict)
    """The first one with each key, without its resource."""


def distinct(
    work: Work, entries: Iterable[BundleEntry], *kinds: Kind, seen: Seen | None = None
) -> list[BundleEntry]:
    """Return some entries without those that repeat another; those with the name of another are refused.

    Args:
        work: the import.
        entries: some of one stage.
        kinds: of the rows of the stage.
        seen: those before, if any; these are added.
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
            line, same = line_of(entry), first.get(entry.key)
            before = before or (None if same is None else line_of(same))
            if line is not None and before is not None:
                work.doubles.contradict(line, before)
            work.problems.tell(Severity.ERROR, entry.place, entry.path, _SAME)
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
    """Refuse entries with a number of another one: see `Directory.check_numbers`."""
    note_pairs(work, directory.check_numbers(work.problems), entries)


def note_pairs(work: Work, pairs: Iterable[tuple[int, int]], entries: Iterable[BundleEntry]) -> None:
    """Note which lines have the same numbers."""
    lines = {entry.place: line_of(entry) for entry in entries}
    for place, other in pairs:
        line, before = lines[other], lines[place]
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
    """Keeps the names that do not already say which row they stand for, and those of what was refused.

    Args:
        work: the import.
        kind: of the rows.
        entries: all of the stage's, refused ones too.
        ids: the row that each entry is, by its place.
        logical_id: makes the logical id of a row of its database id.
        repeated: the entries that repeat what was written before.
    """
    names: list[tuple[str, str, int | None]] = []
    for entry in entries:
        number = None if entry.place in work.problems.refused else ids.get(entry.place)
        if number is None:
            names += [(name, kind, None) for name in entry.names]
        elif entry.key is not None and entry.key != f"{entry.type}/{logical_id(number)}":
            names.append((entry.key, kind, number))
    known = work.writing.names.known(name for name, _, _ in names)
    first = {name: (name, kind, number) for name, _, number in reversed(names) if name not in known}
    work.writing.names.remember(list(first.values()))
    rows = [(ids[e.place], line_of(e)) for e in entries if e.place in ids and e.place not in repeated]
    work.writing.names.note_written(kind, rows)

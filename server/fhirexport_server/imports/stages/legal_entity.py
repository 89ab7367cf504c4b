"""Owns the EJ of an import: which one it is, and its row."""

from collections.abc import Iterable, Iterator, Sequence

from fhirexport_server.domain.errors import (
    EjNotFoundError,
    FieldViolation,
    ImportRefusedError,
    InvalidRequestError,
)
from fhirexport_server.domain.imports import ImportOptions
from fhirexport_server.domain.rows import EjRow
from fhirexport_server.fhir.reading.bundles.entries import BundleEntry, Method
from fhirexport_server.fhir.reading.json.problems import Problem, Problems, Severity
from fhirexport_server.fhir.reading.json.reading_context import ReadingContext
from fhirexport_server.fhir.reading.resources.dispatch import draft
from fhirexport_server.fhir.reading.resources.drafts import EjDraft
from fhirexport_server.fhir.reading.together.draft_rows import row
from fhirexport_server.fhir.rendering import projection
from fhirexport_server.fhir.structure_codes import FINESS_SYSTEM
from fhirexport_server.fhir.time_zones import USUAL, time_zone_of
from fhirexport_server.imports.kinds import Kind
from fhirexport_server.imports.stages.merging import columns, merged
from fhirexport_server.imports.work import Work
from fhirexport_server.store.importing.new_ids import LARGEST
from fhirexport_server.store.importing.writing import Writing

_COLUMNS = columns(EjRow)
_ANOTHER = "must be the id of the legal entity with this FINESS number, or be left out"
_EXISTS = "must not be there yet: send it with PUT to change it"
_NOT_SEARCHED = "must hold the number that the search names"
_NO_EJ = (
    "must be a legal entity's id, such as 1, or be left out where the resources hold the Organization of"
    " their legal entity"
)


def find(
    writing: Writing, options: ImportOptions, structure: Iterable[Sequence[BundleEntry]], base_url: str
) -> tuple[EjRow, bool]:
    """Returns the EJ that is imported into, and whether it was made for that.

    Raises:
        EjNotFoundError: the one that was asked for does not exist.
        InvalidRequestError: none was asked for, and the resources hold none.
        ImportRefusedError: the EJ's own Organization cannot be read.
    """
    if options.ej_id is not None:
        known = writing.look.ej(options.ej_id)
        if known is None:
            raise EjNotFoundError(options.ej_id)
        return known, False
    context = ReadingContext(base_url)
    scratch = Problems()
    found = next(_ejs(structure, context, scratch), None)
    if found is None:
        if scratch.errors:
            raise ImportRefusedError(tuple(scratch.listed(Severity.ERROR)), scratch.errors)
        raise InvalidRequestError((FieldViolation("options.ej_id", _NO_EJ),))
    entry, told = found
    known = writing.look.ej_by_finess(told.finess)
    own = told.source.own.number if told.source.own is not None else None
    is_taken = known is None and own is not None and writing.look.ej(own) is not None
    fault = ("id", _ANOTHER) if is_taken else _disagreement(told, entry, None if known is None else known.id)
    if fault is not None:
        at, text = fault
        problem = Problem(told.source.entry, f"{told.source.path}.{at}", Severity.ERROR, text)
        raise ImportRefusedError((problem,), 1)
    if known is not None:
        return known, False
    if own is None or own > LARGEST:
        (own,) = writing.ids.new(Kind.EJ, 1)
    else:
        writing.ids.pass_over(Kind.EJ, own)
    clock = told.time_zone or time_zone_of(told.finess) or USUAL
    made = row(EjRow, told, id=own, time_zone=clock)
    writing.insert(Kind.EJ, _COLUMNS, [made])
    return made, True


def _ejs(
    structure: Iterable[Sequence[BundleEntry]], context: ReadingContext, problems: Problems
) -> Iterator[tuple[BundleEntry, EjDraft]]:
    for window in structure:
        for entry in window:
            told = draft(entry, context, problems) if entry.type == "Organization" else None
            if isinstance(told, EjDraft):
                yield entry, told


def _disagreement(told: EjDraft, entry: BundleEntry, ej_id: int | None) -> tuple[str, str] | None:
    """Return what is wrong with the names of an EJ: the element, and the rule; None where they agree.

    Args:
        told: what the import says of it.
        entry: where it does.
        ej_id: the EJ with its FINESS number, if there is one.
    """
    ignored = None if entry.ignored is None or entry.search is None else entry.ignored.own
    for own in (told.source.own, ignored):
        if own is not None and ej_id is not None and own.number != ej_id:
            return "id", _ANOTHER
    if entry.search not in {None, (FINESS_SYSTEM, told.finess)}:
        return "identifier", _NOT_SEARCHED
    if entry.method is Method.POST and entry.search is None and ej_id is not None:
        return "identifier", _EXISTS
    return None


def update(work: Work, told: EjDraft, entry: BundleEntry) -> None:
    """Writes what an import says of its EJ."""
    if told.finess != work.ej.finess:
        work.refuse(told.source, "identifier", "must be the number of the legal entity that is imported into")
        return
    if work.is_new:
        if told.time_zone is None and work.ej.time_zone != USUAL:
            work.warn(told.source, "meta", f"says no time zone: it is {work.ej.time_zone}, the department's")
        work.counts.created += 1
        return
    fault = _disagreement(told, entry, work.ej.id)
    if fault is not None:
        work.refuse(told.source, *fault)
        return
    if entry.method is Method.POST:
        work.counts.unchanged += 1
        return
    seen = projection.ej(work.ej)
    wanted = row(EjRow, told, id=work.ej.id, time_zone=told.time_zone or work.ej.time_zone)
    changed = merged(work.ej, seen, wanted, told.unsaid, told.partial)
    if changed == work.ej:
        work.counts.unchanged += 1
        return
    work.writing.update(Kind.EJ, _COLUMNS, [changed])
    work.ej = changed
    work.counts.updated += 1

"""The EJ of an import: finds it, creates it or updates it."""

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
    """Return the EJ to import into, and whether it was created for this import.

    Raises:
        EjNotFoundError: The EJ of the options does not exist.
        InvalidRequestError: The options name no EJ, and the resources hold none.
        ImportRefusedError: The EJ's own Organization cannot be read.
    """
    if options.ej_id is not None:
        known = writing.look.ej(options.ej_id)
        if known is None:
            raise EjNotFoundError(options.ej_id)
        return known, False
    context = ReadingContext(base_url)
    scratch = Problems()
    organization = next(_ejs(structure, context, scratch), None)
    if organization is None:
        if scratch.errors:
            raise ImportRefusedError(tuple(scratch.listed(Severity.ERROR)), scratch.errors)
        raise InvalidRequestError((FieldViolation("options.ej_id", _NO_EJ),))
    entry, ej_draft = organization
    known = writing.look.ej_by_finess(ej_draft.finess)
    own = ej_draft.source.own.number if ej_draft.source.own is not None else None
    is_taken = known is None and own is not None and writing.look.ej(own) is not None
    fault = (
        ("id", _ANOTHER) if is_taken else _disagreement(ej_draft, entry, None if known is None else known.id)
    )
    if fault is not None:
        at, text = fault
        problem = Problem(ej_draft.source.entry, f"{ej_draft.source.path}.{at}", Severity.ERROR, text)
        raise ImportRefusedError((problem,), 1)
    if known is not None:
        return known, False
    if own is None or own > LARGEST:
        (own,) = writing.ids.new(Kind.EJ, 1)
    else:
        writing.ids.pass_over(Kind.EJ, own)
    clock = ej_draft.time_zone or time_zone_of(ej_draft.finess) or USUAL
    new_ej = row(EjRow, ej_draft, id=own, time_zone=clock)
    writing.insert(Kind.EJ, _COLUMNS, [new_ej])
    return new_ej, True


def _ejs(
    structure: Iterable[Sequence[BundleEntry]], context: ReadingContext, problems: Problems
) -> Iterator[tuple[BundleEntry, EjDraft]]:
    for window in structure:
        for entry in window:
            organization_draft = draft(entry, context, problems) if entry.type == "Organization" else None
            if isinstance(organization_draft, EjDraft):
                yield entry, organization_draft


def _disagreement(ej_draft: EjDraft, entry: BundleEntry, ej_id: int | None) -> tuple[str, str] | None:
    """Return what is wrong with the names of an EJ: the element and the rule; None if they agree.

    Args:
        ej_draft: The draft of the EJ.
        entry: Its entry.
        ej_id: The EJ with its FINESS number, if there is one.
    """
    ignored = None if entry.ignored is None or entry.search is None else entry.ignored.own
    for own in (ej_draft.source.own, ignored):
        if own is not None and ej_id is not None and own.number != ej_id:
            return "id", _ANOTHER
    if entry.search not in {None, (FINESS_SYSTEM, ej_draft.finess)}:
        return "identifier", _NOT_SEARCHED
    if entry.method is Method.POST and entry.search is None and ej_id is not None:
        return "identifier", _EXISTS
    return None


def update(work: Work, ej_draft: EjDraft, entry: BundleEntry) -> None:
    """Write the imported Organization of the EJ."""
    if ej_draft.finess != work.ej.finess:
        work.refuse(
            ej_draft.source, "identifier", "must be the number of the legal entity that is imported into"
        )
        return
    if work.is_new:
        if ej_draft.time_zone is None and work.ej.time_zone != USUAL:
            work.warn(
                ej_draft.source, "meta", f"says no time zone: it is {work.ej.time_zone}, the department's"
            )
        work.counts.created += 1
        return
    fault = _disagreement(ej_draft, entry, work.ej.id)
    if fault is not None:
        work.refuse(ej_draft.source, *fault)
        return
    if entry.method is Method.POST:
        work.counts.unchanged += 1
        return
    shown = projection.ej(work.ej)
    imported = row(EjRow, ej_draft, id=work.ej.id, time_zone=ej_draft.time_zone or work.ej.time_zone)
    changed = merged(work.ej, shown, imported, ej_draft.unsaid, ej_draft.partial)
    if changed == work.ej:
        work.counts.unchanged += 1
        return
    work.writing.update(Kind.EJ, _COLUMNS, [changed])
    work.ej = changed
    work.counts.updated += 1

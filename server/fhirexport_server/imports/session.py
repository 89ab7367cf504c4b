"""Owns one import from its first look-up to its commit: stage after stage, in one transaction."""

from datetime import UTC, datetime

from fhirexport_server.domain.errors import FieldViolation, ImportRefusedError, InvalidRequestError
from fhirexport_server.domain.imports import ImportOptions, ImportSummary, Severity
from fhirexport_server.fhir.reading.json.problems import Problems
from fhirexport_server.fhir.reading.json.reading_context import ReadingContext
from fhirexport_server.imports import kept_answers
from fhirexport_server.imports.doubles import ContradictionError, Doubles
from fhirexport_server.imports.sources.resource_source import ResourceSource
from fhirexport_server.imports.stages import legal_entity, structure
from fhirexport_server.imports.stages.deletions import Deletions
from fhirexport_server.imports.stages.patients import Patients
from fhirexport_server.imports.stages.stays import Stays
from fhirexport_server.imports.work import Work
from fhirexport_server.runtime.interrupt import Interrupt
from fhirexport_server.store.database import Database
from fhirexport_server.store.importing.writing import Writing

_OTHER_EJ = "must be a revision of the legal entity that is imported into"


def run(
    database: Database,
    source: ResourceSource,
    options: ImportOptions,
    *,
    base_url: str,
    problems: Problems,
    interrupt: Interrupt,
) -> ImportSummary:
    """Imports; may block for long.

    Args:
        database: where it is written.
        source: what is written.
        options: how.
        base_url: of the FHIR server that ids belong to.
        problems: what has been found before; more is added.
        interrupt: ends it.

    Raises:
        ImportRefusedError: it is written whole or not at all, and has errors.
        EjNotFoundError, InvalidRequestError: there is nothing to import into.
        RevisionChangedError, RequestIdReusedError: as `options` has it.
        WriteConflictError, DatabaseUnavailableError, DatabaseReadOnlyError, SchemaMismatchError: the
            database's.
    """
    doubles = Doubles()
    while True:
        try:
            return _attempt(
                database,
                source,
                options,
                base_url=base_url,
                problems=problems,
                doubles=doubles,
                interrupt=interrupt,
            )
        except ContradictionError:
            # Lines only, of which nothing was said before.
            problems = Problems()


def _attempt(
    database: Database,
    source: ResourceSource,
    options: ImportOptions,
    *,
    base_url: str,
    problems: Problems,
    doubles: Doubles,
    interrupt: Interrupt,
) -> ImportSummary:
    is_trial = options.validate_only
    with (database.trying if is_trial else database.importing)(interrupt) as writing:
        asks_again = bool(options.request_id) and not is_trial
        if asks_again:
            known = writing.begin(options.request_id, kept_answers.digest(source.digest, options))
            if known is not None:
                return kept_answers.decode(known)
        if options.if_revision is not None:
            writing.require(options.if_revision)
        work = _imported(
            writing,
            source,
            options,
            base_url=base_url,
            problems=problems,
            doubles=doubles,
            interrupt=interrupt,
        )
        doubles.check()
        if problems.errors and source.is_atomic:
            if not is_trial:
                raise ImportRefusedError(tuple(problems.listed(Severity.ERROR)), problems.errors)
            work.counts.clear()
        tokens = writing.tokens(work.ej.id)
        summary = ImportSummary(
            created=work.counts.created,
            updated=work.counts.updated,
            unchanged=work.counts.unchanged,
            deleted=work.counts.deleted,
            problems=tuple(problems.listed()),
            errors=problems.errors,
            warnings=problems.counts[Severity.WARNING],
            revisions=tokens,
            committed_at=datetime.now(UTC) if tokens else None,
        )
        if asks_again:
            writing.finish(options.request_id, kept_answers.encode(summary))
    return summary


def _imported(
    writing: Writing,
    source: ResourceSource,
    options: ImportOptions,
    *,
    base_url: str,
    problems: Problems,
    doubles: Doubles,
    interrupt: Interrupt,
) -> Work:
    plain = ReadingContext(base_url)
    # What is said here of the structure is said again, and better, once the EJ is known.
    ej, is_new = legal_entity.find(writing, options, source.structure(plain, Problems()), base_url)
    if options.if_revision is not None and options.if_revision.ej_id != ej.id:
        raise InvalidRequestError((FieldViolation("options.if_revision", _OTHER_EJ),))
    work = Work(writing, problems, base_url, ej, is_new, source.is_atomic, source.nowhere, doubles)
    for table, largest in source.largest().items():
        writing.ids.pass_over(table, largest)
    deletions = Deletions(work)
    deletions.run(source.deletions())
    structure.run(work, source.structure(plain, problems))
    problems.refused.clear()
    patients = Patients(work)
    for window in source.patients(plain, problems):
        interrupt.check()
        patients.write(window)
        problems.refused.clear()
    patients.finish()
    stays = Stays(work)
    for window in source.encounters(plain, problems):
        interrupt.check()
        stays.write(window)
        problems.refused.clear()
    stays.finish()
    deletions.finish()
    return work

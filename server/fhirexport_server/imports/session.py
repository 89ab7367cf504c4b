"""Runs one import from its first look-up to its commit: stage after stage, in one transaction."""

from datetime import UTC, datetime

from fhirexport_server.domain.errors import FieldViolation, ImportRefusedError, InvalidRequestError
from fhirexport_server.domain.imports import ImportOptions, ImportSummary, Severity
from fhirexport_server.fhir.reading.json.problems import Problems
from fhirexport_server.fhir.reading.json.reading_context import ReadingContext
from fhirexport_server.imports import kept_answers
from fhirexport_server.imports.doubles import ContradictionError, Doubles
from fhirexport_server.imports.resolve.unchanged import Unchanged
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
    """Run an import, and return its summary. It may block for long.

    Args:
        database: The database to write to.
        source: The resources.
        options: The options of the import.
        base_url: The base URL of the FHIR server that ids belong to.
        problems: The problems so far; those of the import are added.
        interrupt: What can stop the import.

    Raises:
        ImportRefusedError: The import is written whole or not at all, and has errors.
        EjNotFoundError, InvalidRequestError: There is no EJ to import into.
        RevisionChangedError, RequestIdReusedError: The options do not allow it.
        WriteConflictError, DatabaseUnavailableError, DatabaseReadOnlyError, SchemaMismatchError: The
            database refuses, or does not answer.
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
            # Only NDJSON has contradictions, and nothing was reported before it is read.
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
            answer = writing.begin(options.request_id, kept_answers.digest(source.digest, options))
            if answer is not None:
                return kept_answers.decode(answer)
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
    context = ReadingContext(base_url)
    # The structure is read again once the EJ is known, so these problems are dropped.
    ej, is_new = legal_entity.find(writing, options, source.structure(context, Problems()), base_url)
    if options.if_revision is not None and options.if_revision.ej_id != ej.id:
        raise InvalidRequestError((FieldViolation("options.if_revision", _OTHER_EJ),))
    work = Work(writing, problems, base_url, ej, is_new, source.is_atomic, source.nowhere, doubles)
    for table, largest in source.largest().items():
        writing.ids.pass_over(table, largest)
    deletions = Deletions(work)
    deletions.run(source.deletions())
    structure.run(work, source.structure(context, problems))
    problems.refused.clear()
    patients = Patients(work)
    for window in source.patients(context, problems, Unchanged(work).patients):
        interrupt.check()
        patients.write(window)
        problems.refused.clear()
    patients.finish()
    stays = Stays(work)
    for window in source.encounters(context, problems, Unchanged(work).stays):
        interrupt.check()
        stays.write(window)
        problems.refused.clear()
    stays.finish()
    deletions.finish()
    return work

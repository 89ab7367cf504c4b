"""Owns the answers of ImportService: what an import came to, as a message."""

from fhirexport.v1.import_service_pb2 import ImportOutcome, ImportRevision, ImportSummary

from fhirexport_server.domain import imports as domain
from fhirexport_server.domain.errors import FieldViolation, InvalidRequestError
from fhirexport_server.rpc import call
from fhirexport_server.rpc.errors.statuses import refusal
from fhirexport_server.rpc.exports.requests import NUMBERS


def summary(found: domain.ImportSummary) -> ImportSummary:
    """Returns what an import came to."""
    message = ImportSummary(
        created_count=found.created,
        updated_count=found.updated,
        unchanged_count=found.unchanged,
        deleted_count=found.deleted,
        outcomes=[_outcome(problem) for problem in found.problems],
        revisions=[
            ImportRevision(ej_id=token.ej_id, dataset=NUMBERS[token.dataset], revision=token.encode())
            for token in found.revisions
        ],
        error_count=found.errors,
        warning_count=found.warnings,
    )
    if found.committed_at is not None:
        message.commit_time.FromDatetime(found.committed_at)
    return message


def _outcome(problem: domain.Problem) -> ImportOutcome:
    outcome = ImportOutcome(expression=problem.expression, entry_index=problem.entry or 0)
    if problem.severity is domain.Severity.WARNING:
        outcome.severity = ImportOutcome.SEVERITY_WARNING
        outcome.status.message = problem.text
        return outcome
    outcome.severity = ImportOutcome.SEVERITY_ERROR
    told = refusal(InvalidRequestError((FieldViolation(problem.expression, problem.text),)))
    status = told.status(call.current().request_id)
    status.message = problem.text
    # The path and the text are there already: of the details, the reason.
    del status.details[1:]
    outcome.status.CopyFrom(status)
    return outcome

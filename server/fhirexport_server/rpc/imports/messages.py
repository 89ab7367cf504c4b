"""The responses of ImportService: the result of an import as a message."""

from fhirexport.v1.import_service_pb2 import ImportOutcome, ImportRevision, ImportSummary

from fhirexport_server.domain import imports as domain
from fhirexport_server.domain.errors import FieldViolation, InvalidRequestError
from fhirexport_server.rpc import call
from fhirexport_server.rpc.errors.statuses import refusal
from fhirexport_server.rpc.exports.requests import NUMBERS


def summary(result: domain.ImportSummary) -> ImportSummary:
    """Return the message of an import's result."""
    message = ImportSummary(
        created_count=result.created,
        updated_count=result.updated,
        unchanged_count=result.unchanged,
        deleted_count=result.deleted,
        outcomes=[_outcome(problem) for problem in result.problems],
        revisions=[
            ImportRevision(ej_id=token.ej_id, dataset=NUMBERS[token.dataset], revision=token.encode())
            for token in result.revisions
        ],
        error_count=result.errors,
        warning_count=result.warnings,
    )
    if result.committed_at is not None:
        message.commit_time.FromDatetime(result.committed_at)
    return message


def _outcome(problem: domain.Problem) -> ImportOutcome:
    outcome = ImportOutcome(expression=problem.expression, entry_index=problem.entry or 0)
    if problem.severity is domain.Severity.WARNING:
        outcome.severity = ImportOutcome.SEVERITY_WARNING
        outcome.status.message = problem.text
        return outcome
    outcome.severity = ImportOutcome.SEVERITY_ERROR
    error = refusal(InvalidRequestError((FieldViolation(problem.expression, problem.text),)))
    status = error.status(call.current().request_id)
    status.message = problem.text
    # Of the details only the reason: the path and the text have fields of their own.
    del status.details[1:]
    outcome.status.CopyFrom(status)
    return outcome

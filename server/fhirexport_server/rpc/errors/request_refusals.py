"""The statuses for invalid requests, and for imports that were not written."""

from collections.abc import Callable, Sequence
from typing import Final

import grpc
from fhirexport.v1.error_reason_pb2 import ErrorReason
from google.protobuf.message import DecodeError

from fhirexport_server.domain.errors import (
    AccessDeniedError,
    ConstraintRefusedError,
    EjNotFoundError,
    ExportTooLargeError,
    FieldViolation,
    ImportRefusedError,
    InvalidRequestError,
    RequestIdReusedError,
    RevisionChangedError,
    WriteConflictError,
)
from fhirexport_server.rpc.errors.details import bad_request, fitting, retry_after
from fhirexport_server.rpc.errors.refusal import Refusal


def _invalid_request(error: InvalidRequestError) -> Refusal:
    shown = fitting(error.violations)
    fields = ", ".join(dict.fromkeys(violation.field for violation in shown if violation.field))
    return Refusal(
        grpc.StatusCode.INVALID_ARGUMENT,
        ErrorReason.ERROR_REASON_INVALID_FIELD,
        f"the request is not valid: correct {fields or 'it'}; the details say how",
        details=(bad_request(shown),),
    )


def _unreadable_message(_error: DecodeError) -> Refusal:
    unreadable = "is not the message that this method takes; generate the client from this server's protos"
    return _invalid_request(InvalidRequestError((FieldViolation("", unreadable),)))


def _ej_not_found(error: EjNotFoundError) -> Refusal:
    return Refusal(
        grpc.StatusCode.NOT_FOUND,
        ErrorReason.ERROR_REASON_EJ_NOT_FOUND,
        f"there is no legal entity (EJ) {error.ej_id}; ListLegalEntities lists those there are",
        {"ej_id": str(error.ej_id)},
    )


def _export_too_large(error: ExportTooLargeError) -> Refusal:
    return Refusal(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        ErrorReason.ERROR_REASON_EXPORT_TOO_LARGE,
        f"the export is at least {error.size_bytes} bytes long, and one message holds {error.limit_bytes}; "
        "use StreamExport",
        {"size_bytes": str(error.size_bytes), "limit_bytes": str(error.limit_bytes)},
    )


def _access_denied(_error: AccessDeniedError) -> Refusal:
    # One answer for what is not the caller's and what is not there.
    return Refusal(
        grpc.StatusCode.PERMISSION_DENIED,
        ErrorReason.ERROR_REASON_ACCESS_DENIED,
        "you have no right to this, or it does not exist; have the server's operator look at its policy, as "
        "docs/security.md says",
    )


def _import_refused(error: ImportRefusedError) -> Refusal:
    violations = tuple(FieldViolation(problem.expression, problem.text) for problem in error.problems)
    shown = fitting(violations)
    return Refusal(
        grpc.StatusCode.INVALID_ARGUMENT,
        ErrorReason.ERROR_REASON_INVALID_FIELD,
        "nothing was imported: the resources have errors, and the details say the first of them; with "
        "validate_only, the answer counts them and lists up to 100",
        details=(bad_request(shown),),
    )


def _revision_changed(error: RevisionChangedError) -> Refusal:
    return Refusal(
        grpc.StatusCode.ABORTED,
        ErrorReason.ERROR_REASON_REVISION_CHANGED,
        "the data has changed since if_revision, and nothing was written; export it anew, and decide again",
        {"revision": error.revision},
    )


def _request_id_reused(_error: RequestIdReusedError) -> Refusal:
    return Refusal(
        grpc.StatusCode.FAILED_PRECONDITION,
        ErrorReason.ERROR_REASON_REQUEST_ID_REUSED,
        "the request_id was used for another import within the last day; make a new one for each import",
    )


def _write_conflict(error: WriteConflictError) -> Refusal:
    return Refusal(
        grpc.StatusCode.ABORTED,
        ErrorReason.ERROR_REASON_WRITE_CONFLICT,
        "another writer changed the same rows at the same time, and nothing was written; try again",
        details=(retry_after(error.retry_after_seconds),),
    )


def _constraint_refused(error: ConstraintRefusedError) -> Refusal:
    where = f" of table {error.table}" if error.table else ""
    return Refusal(
        grpc.StatusCode.FAILED_PRECONDITION,
        ErrorReason.ERROR_REASON_CONSTRAINT_REFUSED,
        f"nothing was imported: a rule of this server's database refuses a row: {error.constraint}{where}",
        {"constraint": error.constraint, "table": error.table},
    )


REFUSALS: Final[Sequence[Callable[..., Refusal]]] = (
    _invalid_request,
    _unreadable_message,
    _ej_not_found,
    _access_denied,
    _export_too_large,
    _import_refused,
    _revision_changed,
    _request_id_reused,
    _write_conflict,
    _constraint_refused,
)
"""The status for each type of error, by the type of the function's argument."""

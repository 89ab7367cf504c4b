"""Owns the one place where an error becomes a status: its code, its reason, its text and its details.

Every answer has exactly one `google.rpc.ErrorInfo` (AIP-193). What `fhirexport/v1/error_reason.proto` and the
table in `docs/api.md` say is what this module does; a test holds the three together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import singledispatch

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import DecodeError, Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from fhirexport_server.domain.errors import (
    CacheUnavailableError,
    ChangesUntrackedError,
    ConstraintRefusedError,
    DatabaseAccessDeniedError,
    DatabaseCorruptError,
    DatabaseReadOnlyError,
    DatabaseUnavailableError,
    EjNotFoundError,
    ExportTimeoutError,
    ExportTooLargeError,
    FieldViolation,
    ImportRefusedError,
    InvalidRequestError,
    RequestIdReusedError,
    RevisionChangedError,
    RowNotRenderableError,
    SchemaMismatchError,
    SnapshotGoneError,
    SpoolFullError,
    TemporaryStorageError,
    TooManyExportsError,
    TooManyImportsError,
    WriteConflictError,
)
from fhirexport_server.domain.faults import TOLD
from fhirexport_server.rpc.admission.transport_errors import (
    IdleClientError,
    SlowClientError,
    TooManyBytesError,
    TooManyCallsError,
)

DOMAIN = "fhirexport"
DETAILS_KEY = "grpc-status-details-bin"
# The details travel in a trailer, and many clients accept no more than 8 KiB of those.
_VIOLATION_BYTES = 4096


@dataclass(frozen=True)
class Refusal:
    """How an error is told to the caller."""

    code: grpc.StatusCode
    reason: str
    """A name of `ErrorReason` without its prefix."""
    message: str
    """English, brief, says what to do. Whatever varies in it is in `metadata` as well."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    details: tuple[Message, ...] = ()

    def status(self, request_id: str) -> Status:
        """Returns it as a `google.rpc.Status`, with its one ErrorInfo first."""
        info = ErrorInfo(
            reason=self.reason, domain=DOMAIN, metadata={**self.metadata, "request_id": request_id}
        )
        status = Status(code=self.code.value[0], message=self.message)
        for detail in (info, *self.details):
            packed = AnyMessage()
            packed.Pack(detail)
            status.details.append(packed)
        return status


@singledispatch
def refusal(error: Exception) -> Refusal:
    """Returns how to tell an error to the caller; one that is not registered below is a bug of ours."""
    del error  # nothing in it may reach the caller
    return Refusal(
        grpc.StatusCode.INTERNAL,
        "INTERNAL",
        "this server has met a bug in itself; its log has more under the request id",
    )


@refusal.register
def _(error: InvalidRequestError) -> Refusal:
    shown = _fitting(error.violations)
    fields = ", ".join(dict.fromkeys(violation.field for violation in shown if violation.field))
    return Refusal(
        grpc.StatusCode.INVALID_ARGUMENT,
        "INVALID_FIELD",
        f"the request is not valid: correct {fields or 'it'}; the details say how",
        details=(_bad_request(shown),),
    )


@refusal.register
def _(error: ImportRefusedError) -> Refusal:
    violations = tuple(FieldViolation(one.expression, one.text) for one in error.problems)
    shown = _fitting(violations)
    return Refusal(
        grpc.StatusCode.INVALID_ARGUMENT,
        "INVALID_FIELD",
        "nothing was imported: the resources have errors, and the details say the first of them; with "
        "validate_only, the answer counts them and lists up to 100",
        details=(_bad_request(shown),),
    )


@refusal.register
def _(error: RevisionChangedError) -> Refusal:
    return Refusal(
        grpc.StatusCode.ABORTED,
        "REVISION_CHANGED",
        "the data has changed since if_revision, and nothing was written; export it anew, and decide again",
        {"revision": error.revision},
    )


@refusal.register
def _(error: RequestIdReusedError) -> Refusal:
    del error
    return Refusal(
        grpc.StatusCode.FAILED_PRECONDITION,
        "REQUEST_ID_REUSED",
        "the request_id was used for another import within the last day; make a new one for each import",
    )


@refusal.register
def _(error: WriteConflictError) -> Refusal:
    return Refusal(
        grpc.StatusCode.ABORTED,
        "WRITE_CONFLICT",
        "another writer changed the same rows at the same time, and nothing was written; try again",
        details=(_retry_after(error.retry_after_seconds),),
    )


@refusal.register
def _(error: TooManyImportsError) -> Refusal:
    return Refusal(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "TOO_MANY_IMPORTS",
        f"all {error.limit} places for an import are taken; try again later",
        {"limit": str(error.limit)},
        (_retry_after(error.retry_after_seconds),),
    )


@refusal.register
def _(error: DecodeError) -> Refusal:
    del error  # its text is the parser's, not the caller's business
    unreadable = "is not the message that this method takes; generate the client from this server's protos"
    return refusal(InvalidRequestError((FieldViolation("", unreadable),)))


@refusal.register
def _(error: EjNotFoundError) -> Refusal:
    return Refusal(
        grpc.StatusCode.NOT_FOUND,
        "EJ_NOT_FOUND",
        f"there is no legal entity (EJ) {error.ej_id}; ListLegalEntities lists those there are",
        {"ej_id": str(error.ej_id)},
    )


@refusal.register
def _(error: ExportTooLargeError) -> Refusal:
    return Refusal(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "EXPORT_TOO_LARGE",
        f"the export is at least {error.size_bytes} bytes long, and one message holds {error.limit_bytes}; "
        "use StreamExport",
        {"size_bytes": str(error.size_bytes), "limit_bytes": str(error.limit_bytes)},
    )


@refusal.register
def _(error: SnapshotGoneError) -> Refusal:
    return Refusal(
        grpc.StatusCode.ABORTED,
        "SNAPSHOT_GONE",
        "the data has changed since the export began, and its rendering is no longer kept; "
        "start again without the resume_token",
        {"etag": f'"{error.etag}"'},
    )


@refusal.register
def _(error: DatabaseUnavailableError) -> Refusal:
    return Refusal(
        grpc.StatusCode.UNAVAILABLE,
        "DATABASE_UNAVAILABLE",
        "the database does not answer; try again later",
        details=(_retry_after(error.retry_after_seconds),),
    )


@refusal.register
def _(error: CacheUnavailableError) -> Refusal:
    return Refusal(
        grpc.StatusCode.UNAVAILABLE,
        "CACHE_UNAVAILABLE",
        "Redis does not answer, or refuses; exports go on without it; try again later",
        details=(_retry_after(error.retry_after_seconds),),
    )


@refusal.register
def _(error: DatabaseReadOnlyError) -> Refusal:
    del error
    return Refusal(
        grpc.StatusCode.FAILED_PRECONDITION,
        "DATABASE_READ_ONLY",
        "this server may not write to its database; have its operator grant it the rights of "
        "docs/configuration.md",
    )


@refusal.register
def _(error: DatabaseAccessDeniedError) -> Refusal:
    what = f"table {error.table}" if error.table else "a table"
    return Refusal(
        grpc.StatusCode.FAILED_PRECONDITION,
        "DATABASE_ACCESS_DENIED",
        f"this server may not read {what} of its database; have its operator grant it the rights of "
        "docs/configuration.md",
        {"table": error.table},
    )


@refusal.register
def _(error: DatabaseCorruptError) -> Refusal:
    del error
    return Refusal(
        grpc.StatusCode.DATA_LOSS,
        "DATABASE_CORRUPT",
        "the database's files are damaged; have its operator restore a backup, as docs/operations.md says",
    )


@refusal.register
def _(error: ChangesUntrackedError) -> Refusal:
    return Refusal(
        grpc.StatusCode.FAILED_PRECONDITION,
        "CHANGES_UNTRACKED",
        "changes of the data would not be noticed, so nothing is served: "
        f"{TOLD[error.fault].format(object=error.name)}; docs/never-stale.md says what its operator does",
        {"fault": error.fault, "object": error.name},
    )


@refusal.register
def _(error: ConstraintRefusedError) -> Refusal:
    where = f" of table {error.table}" if error.table else ""
    return Refusal(
        grpc.StatusCode.FAILED_PRECONDITION,
        "CONSTRAINT_REFUSED",
        f"nothing was imported: a rule of this server's database refuses a row: {error.constraint}{where}",
        {"constraint": error.constraint, "table": error.table},
    )


@refusal.register
def _(error: SchemaMismatchError) -> Refusal:
    return Refusal(
        grpc.StatusCode.FAILED_PRECONDITION,
        "SCHEMA_MISMATCH",
        f"the database's schema ({error.found}) is not the one that this server needs ({error.expected}); "
        "have its operator run `fhirexport-server migrate`",
        {"expected": error.expected, "found": error.found},
    )


@refusal.register
def _(error: TooManyExportsError) -> Refusal:
    return Refusal(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "TOO_MANY_EXPORTS",
        f"all {error.limit} places for an export are taken; try again later",
        {"limit": str(error.limit)},
        (_retry_after(error.retry_after_seconds),),
    )


@refusal.register
def _(error: SpoolFullError) -> Refusal:
    return Refusal(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "SPOOL_FULL",
        f"what is on its way to callers, or from them, fills the {error.limit_bytes} bytes it may use; "
        "try again later",
        {"limit_bytes": str(error.limit_bytes)},
        (_retry_after(error.retry_after_seconds),),
    )


@refusal.register
def _(error: TemporaryStorageError) -> Refusal:
    return Refusal(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "TEMPORARY_STORAGE",
        f"this server cannot write to its directory for temporary files ({error.cause}); try again later",
        {"error": error.cause},
        (_retry_after(error.retry_after_seconds),),
    )


@refusal.register
def _(error: RowNotRenderableError) -> Refusal:
    return Refusal(
        grpc.StatusCode.INTERNAL,
        "ROW_NOT_RENDERABLE",
        f"row {error.row_id} of {error.table} cannot be rendered as FHIR, so the export is refused; "
        "have the data corrected",
        {"table": error.table, "id": str(error.row_id)},
    )


@refusal.register
def _(error: ExportTimeoutError) -> Refusal:
    return Refusal(
        grpc.StatusCode.DEADLINE_EXCEEDED,
        "DEADLINE_EXCEEDED",
        f"the call took longer than the {error.limit_seconds:g} seconds that this server allows",
        {"limit_seconds": f"{error.limit_seconds:g}"},
    )


@refusal.register
def _(error: SlowClientError) -> Refusal:
    return Refusal(
        grpc.StatusCode.DEADLINE_EXCEEDED,
        "DEADLINE_EXCEEDED",
        f"the client accepted no message for {error.limit_seconds:g} seconds",
        {"limit_seconds": f"{error.limit_seconds:g}"},
    )


@refusal.register
def _(error: IdleClientError) -> Refusal:
    return Refusal(
        grpc.StatusCode.DEADLINE_EXCEEDED,
        "DEADLINE_EXCEEDED",
        f"the client sent no whole message for {error.limit_seconds:g} seconds",
        {"limit_seconds": f"{error.limit_seconds:g}"},
    )


@refusal.register
def _(error: TooManyCallsError) -> Refusal:
    return Refusal(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "TOO_MANY_CALLS",
        f"{error.limit} calls are under way, as many as there may be; end those you need no more, or try "
        "again later",
        {"limit": str(error.limit)},
        (_retry_after(error.retry_after_seconds),),
    )


@refusal.register
def _(error: TooManyBytesError) -> Refusal:
    return Refusal(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "TOO_MANY_BYTES",
        f"messages that callers have yet to take, or to send whole, fill the {error.limit_bytes} bytes they "
        "may; read answers as they come, and try again later",
        {"limit_bytes": str(error.limit_bytes)},
        (_retry_after(error.retry_after_seconds),),
    )


def _fitting(violations: Sequence[FieldViolation]) -> Sequence[FieldViolation]:
    """Returns the first violations, as many as fit into a trailer; one at least."""
    size = 0
    for count, violation in enumerate(violations):
        size += len(violation.field.encode()) + len(violation.description.encode()) + 8
        if count and size > _VIOLATION_BYTES:
            return violations[:count]
    return violations


def _bad_request(violations: Sequence[FieldViolation]) -> BadRequest:
    return BadRequest(
        field_violations=[
            BadRequest.FieldViolation(field=violation.field, description=violation.description)
            for violation in violations
        ]
    )


def _retry_after(seconds: float) -> RetryInfo:
    info = RetryInfo()
    info.retry_delay.FromMilliseconds(round(seconds * 1000))
    return info

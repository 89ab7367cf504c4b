"""The statuses for failures of the database and of the cache."""

from collections.abc import Callable, Sequence
from typing import Final

import grpc
from fhirexport.v1.error_reason_pb2 import ErrorReason

from fhirexport_server.domain.errors import (
    AuditUnavailableError,
    CacheUnavailableError,
    ChangesUntrackedError,
    DatabaseAccessDeniedError,
    DatabaseCorruptError,
    DatabaseReadOnlyError,
    DatabaseUnavailableError,
    Fault,
    RowNotRenderableError,
    SchemaMismatchError,
)
from fhirexport_server.rpc.errors.details import retry_after
from fhirexport_server.rpc.errors.refusal import Refusal

_FAULTS: Final = {
    Fault.TRIGGER_MISSING: "trigger {object} is not there",
    Fault.TRIGGER_OFF: "trigger {object} is not ENABLE ALWAYS",
    Fault.REPLICA_TRIGGER_OFF: "trigger {object} is not ENABLE REPLICA",
    Fault.TRIGGER_CHANGED: "trigger {object} is not the one that this release made",
    Fault.TABLE_REPLACED: "{object} is not a table of its own",
    Fault.TABLE_INHERITED: "table {object} has a parent, a child or a partition",
    Fault.TABLE_UNLOGGED: "table {object} is UNLOGGED",
    Fault.ROW_SECURITY: "row-level security hides rows of table {object} from this server",
    Fault.SUBSCRIPTION: "a subscription writes to table {object}",
    Fault.UNIQUE_INDEX: "unique index {object} is not one of this release",
}
"""The message for each fault; `{object}` stands for the trigger or table."""


def _database_unavailable(error: DatabaseUnavailableError) -> Refusal:
    return Refusal(
        grpc.StatusCode.UNAVAILABLE,
        ErrorReason.ERROR_REASON_DATABASE_UNAVAILABLE,
        "the database does not answer; try again later",
        details=(retry_after(error.retry_after_seconds),),
    )


def _cache_unavailable(error: CacheUnavailableError) -> Refusal:
    return Refusal(
        grpc.StatusCode.UNAVAILABLE,
        ErrorReason.ERROR_REASON_CACHE_UNAVAILABLE,
        "Redis does not answer, or refuses; exports go on without it; try again later",
        details=(retry_after(error.retry_after_seconds),),
    )


def _audit_unavailable(error: AuditUnavailableError) -> Refusal:
    return Refusal(
        grpc.StatusCode.UNAVAILABLE,
        ErrorReason.ERROR_REASON_AUDIT_UNAVAILABLE,
        "this server cannot write its audit trail, so it does nothing for anybody; try again later",
        details=(retry_after(error.retry_after_seconds),),
    )


def _database_read_only(_error: DatabaseReadOnlyError) -> Refusal:
    return Refusal(
        grpc.StatusCode.FAILED_PRECONDITION,
        ErrorReason.ERROR_REASON_DATABASE_READ_ONLY,
        "this server may not write to its database; have its operator grant it the rights of "
        "docs/configuration.md",
    )


def _database_access_denied(error: DatabaseAccessDeniedError) -> Refusal:
    what = f"table {error.table}" if error.table else "a table"
    return Refusal(
        grpc.StatusCode.FAILED_PRECONDITION,
        ErrorReason.ERROR_REASON_DATABASE_ACCESS_DENIED,
        f"this server may not read {what} of its database; have its operator grant it the rights of "
        "docs/configuration.md",
        {"table": error.table},
    )


def _database_corrupt(_error: DatabaseCorruptError) -> Refusal:
    return Refusal(
        grpc.StatusCode.DATA_LOSS,
        ErrorReason.ERROR_REASON_DATABASE_CORRUPT,
        "the database's files are damaged; have its operator restore a backup, as docs/operations.md says",
    )


def _changes_untracked(error: ChangesUntrackedError) -> Refusal:
    return Refusal(
        grpc.StatusCode.FAILED_PRECONDITION,
        ErrorReason.ERROR_REASON_CHANGES_UNTRACKED,
        "changes of the data would not be noticed, so nothing is served: "
        f"{_FAULTS[error.fault].format(object=error.name)}; docs/never-stale.md says what its operator does",
        {"fault": error.fault, "object": error.name},
    )


def _schema_mismatch(error: SchemaMismatchError) -> Refusal:
    return Refusal(
        grpc.StatusCode.FAILED_PRECONDITION,
        ErrorReason.ERROR_REASON_SCHEMA_MISMATCH,
        f"the database's schema ({error.found}) is not the one that this server needs ({error.expected}); "
        "have its operator run `fhirexport-server migrate`",
        {"expected": error.expected, "found": error.found},
    )


def _row_not_renderable(error: RowNotRenderableError) -> Refusal:
    return Refusal(
        grpc.StatusCode.INTERNAL,
        ErrorReason.ERROR_REASON_ROW_NOT_RENDERABLE,
        f"row {error.row_id} of {error.table} cannot be rendered as FHIR, so the export is refused; "
        "have the data corrected",
        {"table": error.table, "id": str(error.row_id)},
    )


REFUSALS: Final[Sequence[Callable[..., Refusal]]] = (
    _database_unavailable,
    _cache_unavailable,
    _audit_unavailable,
    _database_read_only,
    _database_access_denied,
    _database_corrupt,
    _changes_untracked,
    _schema_mismatch,
    _row_not_renderable,
)
"""The status for each type of error, by the type of the function's argument."""

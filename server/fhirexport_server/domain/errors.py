"""Errors that callers are told about. Only `rpc/errors/` turns them into gRPC statuses.

No error carries a patient's data, only ids, names of tables and fields, sizes and limits.
"""

import errno
from dataclasses import dataclass, field
from enum import StrEnum

from fhirexport_server.domain.imports import Problem


class FhirExportError(Exception):
    """The base of every error that is not a bug."""


class Fault(StrEnum):
    """A fault through which data can change without a new revision.

    `docs/never-stale.md` says what to do about each.
    """

    TRIGGER_MISSING = "trigger_missing"
    TRIGGER_OFF = "trigger_off"
    """Disabled, or not `ENABLE ALWAYS`."""
    REPLICA_TRIGGER_OFF = "replica_trigger_off"
    """Disabled, or not `ENABLE REPLICA`: it is for what logical replication writes."""
    TRIGGER_CHANGED = "trigger_changed"
    """The trigger does something else, or not always."""
    TABLE_REPLACED = "table_replaced"
    """A view, a foreign or partitioned table is in its place."""
    TABLE_INHERITED = "table_inherited"
    """Another table is its parent, child or partition: writes through that one run other triggers."""
    TABLE_UNLOGGED = "table_unlogged"
    """A crash of the database server would empty it."""
    ROW_SECURITY = "row_security"
    """A policy decides which of its rows the server sees."""
    SUBSCRIPTION = "subscription"
    """Logical replication writes to a table that revisions are kept in."""
    UNIQUE_INDEX = "unique_index"
    """A unique index of SQLite that is none of ours: REPLACE deletes rows in its way past the triggers."""


@dataclass(frozen=True)
class FieldViolation:
    """A field of a request that is refused."""

    field: str
    """Its path in the request, such as `consistency.at_least`."""
    description: str
    """What it must be, with an example. Never the refused value."""


@dataclass(eq=False)
class InvalidRequestError(FhirExportError):
    """The request is invalid, whatever the data."""

    violations: tuple[FieldViolation, ...]


@dataclass(eq=False)
class AccessDeniedError(FhirExportError):
    """The caller has no right to this, whether it exists or not. It carries nothing."""


@dataclass(eq=False)
class ImportRefusedError(FhirExportError):
    """An import that is written whole or not at all has errors; nothing was written."""

    problems: tuple[Problem, ...]
    """The first 100 errors, without warnings."""
    errors: int
    """How many errors there are."""


@dataclass(eq=False)
class RevisionChangedError(FhirExportError):
    """The data has changed since the revision that the caller knows."""

    revision: str
    """The token of the present revision."""


@dataclass(eq=False)
class RequestIdReusedError(FhirExportError):
    """The request id was already used for another request."""


@dataclass(eq=False)
class WriteConflictError(FhirExportError):
    """Another writer changed the same rows at the same time; nothing was written."""

    retry_after_seconds: float = 1.0


@dataclass(eq=False)
class TooManyImportsError(FhirExportError):
    """The server runs as many imports as it may."""

    limit: int
    retry_after_seconds: float = 2.0


@dataclass(eq=False)
class EjNotFoundError(FhirExportError):
    """There is no EJ with this id."""

    ej_id: int


@dataclass(eq=False)
class ExportTooLargeError(FhirExportError):
    """The rendering does not fit into one message."""

    size_bytes: int
    """Its size, or how large it was when rendering stopped."""
    limit_bytes: int


@dataclass(eq=False)
class DatabaseUnavailableError(FhirExportError):
    """The database did not answer, or not in time."""

    retry_after_seconds: float = 1.0


@dataclass(eq=False)
class DatabaseReadOnlyError(FhirExportError):
    """The server may not write to its database: it lacks the right, or the database is a replica."""


@dataclass(eq=False)
class DatabaseAccessDeniedError(FhirExportError):
    """The server may not read its database."""

    table: str = ""
    """The first table that it may not read; empty if unknown."""


@dataclass(eq=False)
class DatabaseCorruptError(FhirExportError):
    """The database's files are damaged."""


@dataclass(eq=False)
class ChangesUntrackedError(FhirExportError):
    """The database was altered so that changes would go unnoticed: nothing in it is surely current."""

    fault: Fault
    name: str
    """The trigger or table with the fault."""


@dataclass(eq=False)
class ConstraintRefusedError(FhirExportError):
    """A rule of the database, such as a site's own CHECK or trigger, refuses the rows."""

    table: str
    constraint: str
    """The name of the constraint, or of the trigger's function; otherwise `SQLSTATE` and its code."""


@dataclass(eq=False)
class CacheUnavailableError(FhirExportError):
    """Redis did not answer, or refused."""

    retry_after_seconds: float = 1.0


@dataclass(eq=False)
class AuditUnavailableError(FhirExportError):
    """The audit trail cannot be written, so that nothing is done for anybody."""

    retry_after_seconds: float = 1.0


@dataclass(eq=False)
class SchemaMismatchError(FhirExportError):
    """The database's schema is not the one that this release needs: run `fhirexport-server migrate`."""

    expected: str
    found: str


@dataclass(eq=False)
class TooManyExportsError(FhirExportError):
    """The server renders as many exports as it may, and none ended in time."""

    limit: int
    retry_after_seconds: float = 2.0


@dataclass(eq=False)
class SpoolFullError(FhirExportError):
    """Renderings on their way to callers fill the disk space that they may use."""

    limit_bytes: int
    retry_after_seconds: float = 10.0


@dataclass(eq=False)
class TemporaryStorageError(FhirExportError):
    """The directory for temporary files cannot be written to."""

    cause: str
    """The name of the system's error, such as ENOSPC."""
    retry_after_seconds: float = 10.0

    @classmethod
    def of(cls, error: OSError) -> "TemporaryStorageError":
        """Return the error for an OSError."""
        return cls(errno.errorcode.get(error.errno or 0, type(error).__name__))


@dataclass(eq=False)
class RowNotRenderableError(FhirExportError):
    """A row breaks a rule of FHIR or of its profile, so the whole export is refused."""

    table: str
    row_id: int
    rule: str = field(default="")
    """The rule, for the log. Never a value of the row."""


@dataclass(eq=False)
class ExportTimeoutError(FhirExportError):
    """The rendering took longer than the server allows."""

    limit_seconds: float

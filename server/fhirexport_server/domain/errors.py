"""Owns the errors that a caller can be told about. `rpc/errors/` alone turns them into statuses.

No error here carries a patient's data: ids, names of tables and fields, sizes and limits only.
"""

import errno
from dataclasses import dataclass, field
from enum import StrEnum

from fhirexport_server.domain.imports import Problem


class FhirExportError(Exception):
    """The base of every error that is not a bug."""


class Fault(StrEnum):
    """A way to change data without moving its revision, which is not noticed then.

    `docs/never-stale.md` has what to do about each.
    """

    TRIGGER_MISSING = "trigger_missing"
    TRIGGER_OFF = "trigger_off"
    """Disabled, or not `ENABLE ALWAYS`."""
    TRIGGER_CHANGED = "trigger_changed"
    """It does something else, or not always."""
    TABLE_REPLACED = "table_replaced"
    """A view, a foreign or partitioned table is in its place."""
    TABLE_INHERITED = "table_inherited"
    """Another table is its parent, child or partition: writes through that one run other triggers."""
    TABLE_UNLOGGED = "table_unlogged"
    """A crash of the database server would empty it."""
    ROW_SECURITY = "row_security"
    """A policy decides which of its rows the server sees."""
    SUBSCRIPTION = "subscription"
    """Logical replication writes to it, and runs no trigger of statements."""


@dataclass(frozen=True)
class FieldViolation:
    """One field of a request that cannot be accepted."""

    field: str
    """Its path in the request, such as `consistency.at_least`."""
    description: str
    """What it must be instead, with an example. Never the refused value itself."""


@dataclass(eq=False)
class InvalidRequestError(FhirExportError):
    """The request is not one that this service can answer, whatever the data."""

    violations: tuple[FieldViolation, ...]


@dataclass(eq=False)
class ImportRefusedError(FhirExportError):
    """What was to be written whole has errors in it; nothing was written."""

    problems: tuple[Problem, ...]
    """The first 100; warnings are not among them."""
    errors: int
    """How many errors there are."""


@dataclass(eq=False)
class RevisionChangedError(FhirExportError):
    """The data is no longer as it was at the revision that the caller knows."""

    revision: str
    """The token of the present one."""


@dataclass(eq=False)
class RequestIdReusedError(FhirExportError):
    """The request id was already used, for something else."""


@dataclass(eq=False)
class WriteConflictError(FhirExportError):
    """Another writer changed the same rows at the same time; nothing was written."""

    retry_after_seconds: float = 1.0


@dataclass(eq=False)
class TooManyImportsError(FhirExportError):
    """Every place for an import is taken."""

    limit: int
    retry_after_seconds: float = 2.0


@dataclass(eq=False)
class EjNotFoundError(FhirExportError):
    """There is no EJ with this id."""

    ej_id: int


@dataclass(eq=False)
class SnapshotGoneError(FhirExportError):
    """The rendering that an export is to be resumed from is neither kept nor current any more."""

    etag: str


@dataclass(eq=False)
class ExportTooLargeError(FhirExportError):
    """The rendering does not fit into one message."""

    size_bytes: int
    """How large it is, or how large it had become when it was given up."""
    limit_bytes: int


@dataclass(eq=False)
class DatabaseUnavailableError(FhirExportError):
    """The database did not answer, or not in time."""

    retry_after_seconds: float = 1.0


@dataclass(eq=False)
class DatabaseReadOnlyError(FhirExportError):
    """This server may not write to its database: it has not the right, or the database is a replica."""


@dataclass(eq=False)
class DatabaseAccessDeniedError(FhirExportError):
    """This server may not read its database."""

    table: str = ""
    """The first table that it may not read; empty where that is not known."""


@dataclass(eq=False)
class DatabaseCorruptError(FhirExportError):
    """The database's files are damaged."""


@dataclass(eq=False)
class ChangesUntrackedError(FhirExportError):
    """The database was altered so that its changes would not be noticed: nothing of it is surely current."""

    fault: Fault
    name: str
    """The trigger or the table that it is about."""


@dataclass(eq=False)
class ConstraintRefusedError(FhirExportError):
    """A rule of the database, such as a CHECK or trigger of a site's own, refuses what was to be written."""

    table: str
    constraint: str
    """Its name; of a trigger the function's; where there is none, `SQLSTATE` and its code."""


@dataclass(eq=False)
class CacheUnavailableError(FhirExportError):
    """Redis did not answer, or refuses."""

    retry_after_seconds: float = 1.0


@dataclass(eq=False)
class SchemaMismatchError(FhirExportError):
    """The database's schema is not the one that this release needs: run `fhirexport-server migrate`."""

    expected: str
    found: str


@dataclass(eq=False)
class TooManyExportsError(FhirExportError):
    """Every place for a rendering was taken for as long as one may wait."""

    limit: int
    retry_after_seconds: float = 2.0


@dataclass(eq=False)
class SpoolFullError(FhirExportError):
    """The renderings on their way to callers fill the space they may use on disk."""

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
        """Return what an error of the system amounts to."""
        return cls(errno.errorcode.get(error.errno or 0, type(error).__name__))


@dataclass(eq=False)
class RowNotRenderableError(FhirExportError):
    """A row breaks a rule that FHIR or its profile makes, so its whole export is refused."""

    table: str
    row_id: int
    rule: str = field(default="")
    """Which rule, for the log: never a value of the row."""


@dataclass(eq=False)
class ExportTimeoutError(FhirExportError):
    """The rendering took longer than this server allows."""

    limit_seconds: float

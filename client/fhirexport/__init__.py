"""Owns what callers import: the two clients, their answers and their errors."""

from fhirexport._version import __version__
from fhirexport.aio import AsyncClient, AsyncExport
from fhirexport.client import Client, Export
from fhirexport.errors import (
    DeadlineExceededError,
    ExportError,
    IncompleteError,
    InvalidArgumentError,
    NotFoundError,
    OverloadedError,
    ServerError,
    SnapshotGoneError,
    TooLargeError,
    UnauthorizedError,
    UnavailableError,
    Violation,
)
from fhirexport.models import LegalEntity, Progress, Snapshot

__all__ = [
    "AsyncClient",
    "AsyncExport",
    "Client",
    "DeadlineExceededError",
    "Export",
    "ExportError",
    "IncompleteError",
    "InvalidArgumentError",
    "LegalEntity",
    "NotFoundError",
    "OverloadedError",
    "Progress",
    "ServerError",
    "Snapshot",
    "SnapshotGoneError",
    "TooLargeError",
    "UnauthorizedError",
    "UnavailableError",
    "Violation",
    "__version__",
]

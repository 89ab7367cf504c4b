"""The names that `fhirexport` offers."""

from fhirexport._internal.tls import TLS
from fhirexport._version import __version__
from fhirexport.aio import AsyncClient, AsyncExport
from fhirexport.aio_cache import AsyncCache
from fhirexport.aio_imports import AsyncImports
from fhirexport.cache import Cache
from fhirexport.cache_models import CacheEntry, CacheHealth, CacheStats, DatasetStats, Invalidation, Warmed
from fhirexport.client import Client, Export
from fhirexport.errors import (
    ConflictError,
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
from fhirexport.import_models import ImportProblem, ImportRevision, ImportSummary
from fhirexport.imports import Imports
from fhirexport.mirrors.aio_mirror import AsyncChanges, AsyncMirror
from fhirexport.mirrors.mirror import Changes, Mirror
from fhirexport.mirrors.mirror_models import Change, MirrorUpdate
from fhirexport.models import LegalEntity, Progress, Snapshot
from fhirexport.watches.aio_watch import AsyncWatch
from fhirexport.watches.following import ExportRevision
from fhirexport.watches.watch import Watch

__all__ = [
    "TLS",
    "AsyncCache",
    "AsyncChanges",
    "AsyncClient",
    "AsyncExport",
    "AsyncImports",
    "AsyncMirror",
    "AsyncWatch",
    "Cache",
    "CacheEntry",
    "CacheHealth",
    "CacheStats",
    "Change",
    "Changes",
    "Client",
    "ConflictError",
    "DatasetStats",
    "DeadlineExceededError",
    "Export",
    "ExportError",
    "ExportRevision",
    "ImportProblem",
    "ImportRevision",
    "ImportSummary",
    "Imports",
    "IncompleteError",
    "InvalidArgumentError",
    "Invalidation",
    "LegalEntity",
    "Mirror",
    "MirrorUpdate",
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
    "Warmed",
    "Watch",
    "__version__",
]

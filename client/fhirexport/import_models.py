"""The results of imports: frozen dataclasses, whose fields are named as in the protos."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, Self

from fhirexport.cache_models import DATASETS, Dataset
from fhirexport.v1 import import_service_pb2

Severity = Literal["error", "warning"]
_NAMES: dict[int, Dataset] = {number: name for name, number in DATASETS.items()}


@dataclass(frozen=True)
class ImportProblem:
    """An error or a warning about one resource."""

    entry_index: int
    """The place of the Bundle's entry, or the line of the NDJSON, from 0."""
    expression: str
    """The element, such as `Bundle.entry[3].resource.identifier[0].value`."""
    severity: Severity
    """`error`: the resource was not written. `warning`: it was, but not all that it says."""
    message: str
    """What the element must be, or what becomes of it."""

    @classmethod
    def from_message(cls, message: import_service_pb2.ImportOutcome) -> Self:
        """Make one of the server's message."""
        is_error = message.severity == import_service_pb2.ImportOutcome.SEVERITY_ERROR
        return cls(
            message.entry_index,
            message.expression,
            "error" if is_error else "warning",
            message.status.message,
        )


@dataclass(frozen=True)
class ImportRevision:
    """The state of one dataset once the import was committed."""

    ej_id: int
    dataset: Dataset | None
    """None for one that this release of the library does not know."""
    revision: str
    """An export with it as `at_least` contains the import."""


@dataclass(frozen=True)
class ImportSummary:
    """The result of an import."""

    created_count: int
    updated_count: int
    unchanged_count: int
    deleted_count: int
    error_count: int
    """How many errors there were, listed or not; what they are about was not written."""
    warning_count: int
    """How many warnings there were, listed or not."""
    problems: tuple[ImportProblem, ...]
    """100 at most."""
    revisions: tuple[ImportRevision, ...]
    """Of every dataset that the import touched."""
    commit_time: datetime | None
    """Aware, UTC; None where nothing was written."""
    request_id: str
    """What a call that is to be answered like this one has to repeat, within a day."""

    @classmethod
    def from_message(cls, message: import_service_pb2.ImportSummary, request_id: str) -> Self:
        """Make one of the server's message."""
        committed = message.HasField("commit_time")
        return cls(
            created_count=message.created_count,
            updated_count=message.updated_count,
            unchanged_count=message.unchanged_count,
            deleted_count=message.deleted_count,
            error_count=message.error_count,
            warning_count=message.warning_count,
            problems=tuple(map(ImportProblem.from_message, message.outcomes)),
            revisions=tuple(
                ImportRevision(revision.ej_id, _NAMES.get(revision.dataset), revision.revision)
                for revision in message.revisions
            ),
            commit_time=message.commit_time.ToDatetime(UTC) if committed else None,
            request_id=request_id,
        )

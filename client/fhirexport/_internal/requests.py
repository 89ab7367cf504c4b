"""Request messages, made of the arguments that both kinds of client take."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Self, TypeAlias, TypedDict

from google.protobuf.duration_pb2 import Duration

from fhirexport import cache_models
from fhirexport.models import Format, Progress
from fhirexport.v1 import cache_admin_pb2, export_service_pb2, types_pb2

OnProgress = Callable[[Progress], None]
Dataset: TypeAlias = types_pb2.Dataset.ValueType
STRUCTURE = types_pb2.DATASET_STRUCTURE
PATIENTS = types_pb2.DATASET_PATIENTS
VENUES = types_pb2.DATASET_VENUES

_FORMATS = {
    "bundle": types_pb2.FORMAT_BUNDLE,
    "transaction": types_pb2.FORMAT_TRANSACTION,
    "ndjson": types_pb2.FORMAT_NDJSON,
}


class Options(TypedDict, total=False):
    """The options of every export. At most one of the first three."""

    max_staleness: timedelta
    """How old the answer may be; without it, it holds every write committed before the request."""
    at_least: str
    """A `revision` that the answer must contain."""
    fresh: bool
    """Read the database, whatever is cached."""
    if_none_match: str
    """An etag; while it holds, nothing is sent, and the export's `not_modified` is true."""
    on_progress: OnProgress
    """Called after each chunk, with how far the export has come."""


@dataclass(frozen=True)
class ExportQuery:
    """Which export a caller asks for, whichever way it is then read."""

    dataset: Dataset
    ej_id: int
    movements: bool = False
    max_staleness: timedelta | None = None
    at_least: str | None = None
    fresh: bool = False
    if_none_match: str | None = None

    def __post_init__(self) -> None:
        """Refuse two consistencies at once."""
        consistencies = (self.max_staleness is not None, self.at_least is not None, self.fresh)
        if sum(consistencies) > 1:
            raise ValueError("give at most one of max_staleness, at_least and fresh")

    @classmethod
    def of(cls, dataset: Dataset, ej_id: int, options: Options, *, movements: bool) -> Self:
        """Make one of a client's options.

        Raises:
            ValueError: two of them contradict each other.
        """
        return cls(
            dataset,
            ej_id,
            movements,
            options.get("max_staleness"),
            options.get("at_least"),
            options.get("fresh", False),
            options.get("if_none_match"),
        )

    def stream(self, layout: Format) -> export_service_pb2.StreamExportRequest:
        """Return the request of a streamed export."""
        return export_service_pb2.StreamExportRequest(
            ej_id=self.ej_id,
            dataset=self.dataset,
            format=_FORMATS[layout],
            if_none_match=self.if_none_match or "",
            consistency=self._consistency(),
            accept_encodings=[types_pb2.ENCODING_ZSTD],
            detail=types_pb2.VENUE_DETAIL_MOVEMENTS if self.movements else types_pb2.VENUE_DETAIL_UNSPECIFIED,
        )

    def _consistency(self) -> types_pb2.Consistency | None:
        if self.max_staleness is not None:
            duration = Duration()
            duration.FromTimedelta(self.max_staleness)
            return types_pb2.Consistency(max_staleness=duration)
        if self.at_least is not None:
            return types_pb2.Consistency(at_least=self.at_least)
        return types_pb2.Consistency(bypass_cache=True) if self.fresh else None


def entities(finess: str | None, page_token: str) -> export_service_pb2.ListLegalEntitiesRequest:
    """Return the request of one page of EJs."""
    return export_service_pb2.ListLegalEntitiesRequest(
        finess=(finess or "").upper(), page_size=1000, page_token=page_token
    )


def list_entries(pattern: str | None, page_token: str) -> cache_admin_pb2.ListEntriesRequest:
    """Return the request of one page of cache entries."""
    return cache_admin_pb2.ListEntriesRequest(pattern=pattern or "", page_size=1000, page_token=page_token)


def invalidation(pattern: str, reason: str, *, dry_run: bool) -> cache_admin_pb2.InvalidateRequest:
    """Return the request to invalidate the entries that match a pattern."""
    return cache_admin_pb2.InvalidateRequest(pattern=pattern, dry_run=dry_run, reason=reason)


def warming(ej_ids: Sequence[int], datasets: Sequence[cache_models.Dataset]) -> cache_admin_pb2.WarmRequest:
    """Return the request to render exports into the cache.

    Raises:
        ValueError: there is no such dataset.
    """
    unknown = [name for name in datasets if name not in cache_models.DATASETS]
    if unknown:
        raise ValueError(
            f"there is no dataset {unknown[0]!r}: it is one of {', '.join(cache_models.DATASETS)}"
        )
    numbers = [cache_models.DATASETS[name] for name in datasets]
    return cache_admin_pb2.WarmRequest(ej_ids=ej_ids, datasets=numbers)

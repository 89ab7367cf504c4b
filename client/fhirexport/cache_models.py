"""The state of the cache: frozen dataclasses, whose fields are named as in the protos."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, Self

from fhirexport.errors import ExportError, from_status
from fhirexport.v1 import cache_admin_pb2, types_pb2

Dataset = Literal["structure", "patients", "venues"]
CacheState = Literal["healthy", "degraded", "disabled", "unknown"]

DATASETS: dict[Dataset, types_pb2.Dataset.ValueType] = {
    "structure": types_pb2.DATASET_STRUCTURE,
    "patients": types_pb2.DATASET_PATIENTS,
    "venues": types_pb2.DATASET_VENUES,
}
_NAMES: dict[int, Dataset] = {number: name for name, number in DATASETS.items()}
_STATES: dict[int, CacheState] = {
    cache_admin_pb2.GetHealthResponse.STATE_HEALTHY: "healthy",
    cache_admin_pb2.GetHealthResponse.STATE_DEGRADED: "degraded",
    cache_admin_pb2.GetHealthResponse.STATE_DISABLED: "disabled",
}


@dataclass(frozen=True)
class DatasetStats:
    """One dataset's figures. The counts are one server's, since it started; the entries are everybody's."""

    dataset: Dataset | None
    """None for one that this release of the library does not know."""
    hits: int | None
    """Exports that the cache answered; None, as the next two, for who may not see every legal entity."""
    misses: int | None
    """Exports that were rendered from the database."""
    stale_avoided: int | None
    """Of those, the ones whose cached entry was there but outdated."""
    entry_count: int | None
    """Entries now in the cache; None while Redis does not answer."""


@dataclass(frozen=True)
class CacheStats:
    """How full the cache is and how often it answers."""

    enabled: bool
    """False when the cache is switched off in the settings."""
    used_memory: str
    """The Redis server's memory in use, for a person to read: `1.23M`; empty while it does not answer."""
    total_connections: int | None
    """Connections that the Redis server has accepted, of every application; None while it does not answer."""
    total_commands: int | None
    """Commands that it has run, of every application; None while it does not answer."""
    keyspace_hits: int | None
    """Exports that the cache answered, since this server started; None, as the next two, for who may not see
    every legal entity."""
    keyspace_misses: int | None
    """Exports that it did not answer, since this server started."""
    hit_rate: float | None
    """The hits among both, in percent; 0 before the first export."""
    datasets: tuple[DatasetStats, ...]

    @classmethod
    def from_message(cls, message: cache_admin_pb2.GetStatsResponse) -> Self:
        """Make one of the server's message."""
        return cls(
            enabled=message.enabled,
            used_memory=message.used_memory,
            total_connections=message.total_connections if message.HasField("total_connections") else None,
            total_commands=message.total_commands if message.HasField("total_commands") else None,
            keyspace_hits=message.keyspace_hits if message.HasField("keyspace_hits") else None,
            keyspace_misses=message.keyspace_misses if message.HasField("keyspace_misses") else None,
            hit_rate=message.hit_rate if message.HasField("hit_rate") else None,
            datasets=tuple(
                DatasetStats(
                    dataset=_NAMES.get(stats.dataset),
                    hits=stats.hits if stats.HasField("hits") else None,
                    misses=stats.misses if stats.HasField("misses") else None,
                    stale_avoided=stats.stale_avoided if stats.HasField("stale_avoided") else None,
                    entry_count=stats.entry_count if stats.HasField("entry_count") else None,
                )
                for stats in message.datasets
            ),
        )


@dataclass(frozen=True)
class CacheHealth:
    """Whether the cache can be reached, as one server sees it."""

    state: CacheState
    """`healthy`; `degraded`: exports do without it; `disabled` in the settings."""
    latency: timedelta | None
    """How long a PING took; None where it was not answered."""
    server: str
    """The server at the other end, such as `valkey 9.1.2`; empty when unknown."""
    message: str
    """Why the state is not healthy, for a person to read."""
    warnings: tuple[str, ...]
    """Settings of the Redis server that will cause trouble, each with what to do."""

    @classmethod
    def from_message(cls, message: cache_admin_pb2.GetHealthResponse) -> Self:
        """Make one of the server's message."""
        return cls(
            state=_STATES.get(message.state, "unknown"),
            latency=message.latency.ToTimedelta() if message.HasField("latency") else None,
            server=message.server,
            message=message.message,
            warnings=tuple(message.warnings),
        )


@dataclass(frozen=True)
class CacheEntry:
    """One cached rendering."""

    key: str
    """Its Redis key, such as `fhir:export:patients:ej:1`; empty where the rendering was not kept."""
    dataset: Dataset | None
    """None for one that this release of the library does not know."""
    ej_id: int
    etag: str
    size_bytes: int
    """What it takes in the cache, as stored."""
    ttl: timedelta
    """When it expires."""
    age: timedelta
    """How long ago the database was read."""
    revision: str
    hits: int
    """Exports that it answered."""

    @classmethod
    def from_message(cls, message: cache_admin_pb2.Entry) -> Self:
        """Make one of the server's message."""
        return cls(
            key=message.key,
            dataset=_NAMES.get(message.dataset),
            ej_id=message.ej_id,
            etag=message.etag,
            size_bytes=message.size_bytes,
            ttl=message.ttl.ToTimedelta(),
            age=message.age.ToTimedelta(),
            revision=message.revision,
            hits=message.hits,
        )


@dataclass(frozen=True)
class Invalidation:
    """What was invalidated, or would be."""

    matched_count: int | None
    """Entries that the pattern names; None where Redis could not be asked, and where all were meant."""
    deleted_count: int
    """Entries deleted: 0 on a dry run."""
    sample_keys: tuple[str, ...]
    """Up to 20 of the keys that the pattern names."""
    deletion_pending: bool
    """Whether the entries count no more and are still to be deleted: Redis could not be reached."""

    @classmethod
    def from_message(
        cls, message: cache_admin_pb2.InvalidateResponse | cache_admin_pb2.FlushResponse
    ) -> Self:
        """Make one of the server's message."""
        if isinstance(message, cache_admin_pb2.FlushResponse):
            return cls(None, message.deleted_count, (), message.deletion_pending)
        return cls(
            matched_count=message.matched_count if message.HasField("matched_count") else None,
            deleted_count=message.deleted_count,
            sample_keys=tuple(message.sample_keys),
            deletion_pending=message.deletion_pending,
        )


@dataclass(frozen=True)
class Warmed:
    """One export that was rendered into the cache, or was there."""

    entry: CacheEntry
    """The entry as it now is; only its `dataset` and `ej_id` count where there is an `error`."""
    elapsed: timedelta | None
    """How long it took; None when a current entry was there already."""
    error: ExportError | None
    """What went wrong; the others are warmed all the same."""
    done_count: int
    """How many are done, this one included."""
    total_count: int

    @classmethod
    def from_message(cls, message: cache_admin_pb2.WarmResponse) -> Self:
        """Make one of the server's message."""
        return cls(
            entry=CacheEntry.from_message(message.entry),
            elapsed=message.elapsed.ToTimedelta() if message.HasField("elapsed") else None,
            error=from_status(message.error) if message.HasField("error") else None,
            done_count=message.done_count,
            total_count=message.total_count,
        )

"""Administration of the cache: its entries, its health, invalidation."""

from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from time import monotonic
from typing import Protocol

from fhirexport_server.admin.pattern import EVERYTHING, Pattern, parse
from fhirexport_server.admin.warnings import warnings
from fhirexport_server.cache import keys
from fhirexport_server.cache.entry import Variant
from fhirexport_server.cache.redis.breaker import State
from fhirexport_server.cache.redis.inspection import EntryFacts, ServerFacts
from fhirexport_server.cache.redis.redis_cache import RedisCache
from fhirexport_server.domain.audit import AuditEntry
from fhirexport_server.domain.datasets import EVERY_EJ, Dataset, Detail, Format
from fhirexport_server.domain.errors import CacheUnavailableError
from fhirexport_server.domain.outcomes import DeletionOutcome
from fhirexport_server.telemetry.metrics import Metrics

MOST_SAMPLES = 20


class Condition(StrEnum):
    """The condition of the cache."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    DISABLED = "disabled"


@dataclass(frozen=True)
class CacheHealth:
    """The health of the cache, and what is known of its Redis server."""

    condition: Condition
    message: str = ""
    latency_seconds: float | None = None
    server: ServerFacts | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Traffic:
    """How the exports of all EJs were answered since this process started."""

    answered: Mapping[Dataset, tuple[int, int, int]]
    """Of each dataset: hits, misses, and how many misses had found an outdated entry."""
    hit_rate: float
    """In percent."""


@dataclass(frozen=True)
class CacheStats:
    """The number of entries in the cache; facts of its server and of all exports where asked for."""

    server: ServerFacts | None
    """None where the cache is switched off, or Redis does not answer."""
    entries: dict[Dataset, int] | None
    """The number of entries of each dataset; None where Redis does not answer."""
    traffic: Traffic | None
    enabled: bool
    """Whether there is a cache."""


@dataclass(frozen=True)
class Removal:
    """The result of an invalidation."""

    matched: int | None
    """How many entries matched; None where Redis did not answer."""
    deleted: int
    samples: tuple[str, ...]
    pending: bool
    """Whether entries are invalid but not deleted yet."""


@dataclass(frozen=True)
class Listing:
    """A page of entries."""

    entries: tuple[EntryFacts, ...]
    cursor: tuple[int, int] | None
    """Where the next page begins: a scan's cursor, and how many keys of its step to skip; None at the end."""


class Invalidator(Protocol):
    """Makes exports outdated, in every process."""

    async def ej_ids(self) -> list[int]:
        """Return the id of every EJ."""

    async def invalidate(self, exports: Sequence[tuple[int, Dataset]], entry: AuditEntry) -> None:
        """Move the revisions of exports, and write an audit entry."""


class Administration:
    """Administers the cache. Invalidations hold in every process, even while Redis does not answer."""

    def __init__(
        self,
        invalidator: Invalidator,
        cache: RedisCache | None,
        metrics: Metrics,
        warnings_of_start: tuple[str, ...] = (),
    ) -> None:
        """Administer a cache.

        Args:
            invalidator: Makes exports outdated.
            cache: The cache; None where it is switched off.
            metrics: Counts.
            warnings_of_start: What was wrong from the start on; its health tells of it.
        """
        self._warnings_of_start = warnings_of_start
        self._invalidator = invalidator
        self._cache = cache
        self._metrics = metrics

    async def warmed(self, ej_ids: Sequence[int]) -> Sequence[int]:
        """Return the EJs to warm: those that are named, every EJ where none is."""
        return ej_ids or await self._invalidator.ej_ids()

    async def stats(self, ids: Collection[int] | None = None) -> CacheStats:
        """Count the entries. Never fails.

        Args:
            ids: Count those of these EJs, and leave out what is of all EJs together; None for everything.
        """
        traffic = None
        if ids is None:
            traffic = Traffic(
                {dataset: self._metrics.answered(dataset) for dataset in Dataset}, self._metrics.hit_rate()
            )
        entries: dict[Dataset, int] | None = dict.fromkeys(Dataset, 0)
        server = None
        if self._cache is None:
            return CacheStats(None, entries, traffic, enabled=False)
        try:
            server = await self._cache.inspector.server() if ids is None else None
            async for _, variant in self._heads():
                if entries is not None and (ids is None or variant.ej_id in ids):
                    entries[variant.dataset] += 1
        except CacheUnavailableError:
            server = entries = None
        return CacheStats(server, entries, traffic, enabled=True)

    async def health(self) -> CacheHealth:
        """Return the health of the cache. Never fails."""
        health = await self._health()
        return replace(health, warnings=self._warnings_of_start + health.warnings)

    async def _health(self) -> CacheHealth:
        if self._cache is None:
            return CacheHealth(Condition.DISABLED, "the cache is switched off: CACHE_ENABLED is false")
        begun = monotonic()
        try:
            await self._cache.inspector.ping()
            latency = monotonic() - begun
            server = await self._cache.inspector.server()
        except CacheUnavailableError:
            message = f"Redis does not answer ({self._cache.why}): exports are read from the database"
            return CacheHealth(Condition.DEGRADED, message)
        advice = warnings(server, is_sealed=self._cache.is_sealed)
        if self._cache.state is not State.AVAILABLE:
            message = f"Redis refuses to write ({self._cache.why}): nothing new is kept"
            return CacheHealth(Condition.DEGRADED, message, latency, server, advice)
        return CacheHealth(Condition.HEALTHY, "", latency, server, advice)

    async def invalidate(self, pattern: Pattern, entry: AuditEntry) -> Removal:
        """Invalidate the entries that match a pattern, at once and in every process; then delete them.

        Raises:
            DatabaseUnavailableError, SchemaMismatchError, DatabaseReadOnlyError: Nothing was invalidated.
        """
        exports = [
            (ej_id, dataset)
            for ej_id in await self._invalidator.ej_ids()
            for dataset in Dataset
            if any(map(pattern.matches, _variants(ej_id, dataset)))
        ]
        await self._invalidator.invalidate(exports, replace(entry, matched=len(exports)))
        return await self._removed(pattern)

    async def flush(self, entry: AuditEntry) -> Removal:
        """Invalidate and delete all our entries, and nothing else; raise as `invalidate` does."""
        exports = [(EVERY_EJ, dataset) for dataset in Dataset]
        await self._invalidator.invalidate(exports, replace(entry, matched=len(exports)))
        removal = await self._removed(parse(EVERYTHING))
        if self._cache is not None and not removal.pending:
            try:
                await self._cache.inspector.sweep()
            except CacheUnavailableError:
                return replace(removal, pending=True)
        return removal

    async def preview(self, pattern: Pattern) -> Removal:
        """Return what an invalidation with this pattern would match.

        Raises:
            CacheUnavailableError: Redis does not answer.
        """
        samples, matched = [], 0
        async for key, variant in self._heads():
            if pattern.matches(variant):
                matched += 1
                samples.append(key)
        return Removal(matched, 0, tuple(samples[:MOST_SAMPLES]), pending=False)

    async def entries(self, pattern: Pattern, size: int, cursor: tuple[int, int]) -> Listing:
        """Return a page of the entries that match a pattern. It may be empty although more follow.

        Raises:
            CacheUnavailableError: Redis does not answer.
        """
        if self._cache is None:
            return Listing((), None)
        place, passed = cursor
        next_place, head_keys = await self._cache.inspector.scan(place)
        matched = [key for key, variant in _with_variants(head_keys) if pattern.matches(variant)]
        page = matched[passed : passed + size]
        described = tuple(await self._cache.inspector.describe(page)) if page else ()
        if passed + size < len(matched):
            return Listing(described, (place, passed + size))
        return Listing(described, (next_place, 0) if next_place else None)

    async def entry(self, variant: Variant) -> EntryFacts | None:
        """Return the facts of one entry; None where there is none, or Redis does not answer."""
        if self._cache is None:
            return None
        try:
            described = await self._cache.inspector.describe([keys.head(variant)])
        except CacheUnavailableError:
            return None
        return described[0] if described else None

    async def _removed(self, pattern: Pattern) -> Removal:
        if self._cache is None:
            return Removal(None, 0, (), pending=True)
        try:
            matched, deleted = await self._cache.inspector.delete(pattern.matches)
        except CacheUnavailableError:
            self._metrics.cache_delete(DeletionOutcome.UNAVAILABLE)
            return Removal(None, 0, (), pending=True)
        self._metrics.cache_delete(DeletionOutcome.DELETED, count=deleted)
        return Removal(len(matched), deleted, tuple(matched[:MOST_SAMPLES]), pending=False)

    async def _heads(self) -> AsyncIterator[tuple[str, Variant]]:
        if self._cache is None:
            return
        async for key in self._cache.inspector.heads():
            for head in _with_variants([key]):
                yield head


def _with_variants(head_keys: Sequence[str]) -> Iterator[tuple[str, Variant]]:
    """Yield the keys that are heads of ours, with their variants."""
    for key in head_keys:
        variant = keys.variant(key)
        if variant is not None:
            yield key, variant


def _variants(ej_id: int, dataset: Dataset) -> Iterator[Variant]:
    for layout in Format:
        for detail in Detail:
            yield Variant(ej_id, dataset, layout, detail)

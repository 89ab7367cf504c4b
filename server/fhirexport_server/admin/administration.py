"""Owns looking after the cache: what it holds, how it does, and making what it holds count no more."""

from collections.abc import AsyncIterator, Iterator, Sequence
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
    """How the cache does."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    DISABLED = "disabled"


@dataclass(frozen=True)
class CacheHealth:
    """How the cache does, and what is known of the server at the other end."""

    condition: Condition
    message: str = ""
    latency_seconds: float | None = None
    server: ServerFacts | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stats:
    """How full the cache is."""

    server: ServerFacts | None
    """None where the cache is switched off, or Redis does not answer."""
    entries: dict[Dataset, int] | None
    """How many there are; None where Redis does not answer."""


@dataclass(frozen=True)
class Removal:
    """What an invalidation came to."""

    matched: int | None
    """How many entries it named; None where Redis could not be asked."""
    deleted: int
    samples: tuple[str, ...]
    pending: bool
    """Whether they count no more and are still to be deleted."""


@dataclass(frozen=True)
class Listing:
    """Some entries."""

    entries: tuple[EntryFacts, ...]
    cursor: tuple[int, int] | None
    """Where the next ones are: a scan's cursor, and how many keys of its step to pass over; None for none."""


class Invalidator(Protocol):
    """What makes exports outdated, in every process."""

    async def ej_ids(self) -> list[int]:
        """Returns the id of every EJ."""

    async def invalidate(self, exports: Sequence[tuple[int, Dataset]], entry: AuditEntry) -> None:
        """Moves revisions, and writes down why."""


class Administration:
    """Looks after the cache. What it does counts in every process, also while Redis is away."""

    def __init__(self, invalidator: Invalidator, cache: RedisCache | None, metrics: Metrics) -> None:
        """Looks after `cache`; None where the cache is switched off."""
        self._invalidator = invalidator
        self._cache = cache
        self.metrics = metrics

    @property
    def enabled(self) -> bool:
        """Whether there is a cache."""
        return self._cache is not None

    async def ej_ids(self) -> list[int]:
        """Return the id of every EJ."""
        return await self._invalidator.ej_ids()

    async def stats(self) -> Stats:
        """Counts what there is; never fails."""
        entries = dict.fromkeys(Dataset, 0)
        if self._cache is None:
            return Stats(None, entries)
        try:
            server = await self._cache.inspector.server()
            async for _, variant in self._heads():
                entries[variant.dataset] += 1
        except CacheUnavailableError:
            return Stats(None, None)
        return Stats(server, entries)

    async def health(self) -> CacheHealth:
        """Finds out how the cache does; never fails."""
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
        told = warnings(server)
        if self._cache.state is not State.AVAILABLE:
            message = f"Redis refuses to write ({self._cache.why}): nothing new is kept"
            return CacheHealth(Condition.DEGRADED, message, latency, server, told)
        return CacheHealth(Condition.HEALTHY, "", latency, server, told)

    async def invalidate(self, pattern: Pattern, entry: AuditEntry) -> Removal:
        """Makes what a pattern names count no more, at once and everywhere; then deletes it.

        Raises:
            DatabaseUnavailableError, SchemaMismatchError, DatabaseReadOnlyError: nothing has happened.
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
        """Does the same to everything of ours, and only to that; raises as `invalidate`."""
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
        """Says what a pattern names.

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
        """Returns some entries that a pattern names; perhaps none, though there are more.

        Raises:
            CacheUnavailableError: Redis does not answer.
        """
        if self._cache is None:
            return Listing((), None)
        place, passed = cursor
        following, found = await self._cache.inspector.scan(place)
        named = [key for key, variant in _known(found) if pattern.matches(variant)]
        shown = named[passed : passed + size]
        described = tuple(await self._cache.inspector.describe(shown)) if shown else ()
        if passed + size < len(named):
            return Listing(described, (place, passed + size))
        return Listing(described, (following, 0) if following else None)

    async def entry(self, variant: Variant) -> EntryFacts | None:
        """Returns what is known of one entry; None where there is none, or Redis does not answer."""
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
            return Removal(None, 0, (), pending=True)
        self.metrics.cache_delete(DeletionOutcome.DELETED, count=deleted)
        return Removal(len(matched), deleted, tuple(matched[:MOST_SAMPLES]), pending=False)

    async def _heads(self) -> AsyncIterator[tuple[str, Variant]]:
        if self._cache is None:
            return
        async for key in self._cache.inspector.heads():
            for known in _known([key]):
                yield known


def _known(found: Sequence[str]) -> Iterator[tuple[str, Variant]]:
    """Yields the keys that are heads of ours, with what they are heads of."""
    for key in found:
        variant = keys.variant(key)
        if variant is not None:
            yield key, variant


def _variants(ej_id: int, dataset: Dataset) -> Iterator[Variant]:
    for layout in Format:
        for detail in Detail:
            yield Variant(ej_id, dataset, layout, detail)

"""CacheAdmin: validates requests, asks the administration, returns responses."""

import asyncio
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import suppress
from datetime import timedelta
from time import monotonic
from typing import Protocol

import structlog
from fhirexport.v1.cache_admin_pb2 import (
    Entry,
    FlushRequest,
    FlushResponse,
    GetHealthRequest,
    GetHealthResponse,
    GetStatsRequest,
    GetStatsResponse,
    InvalidateRequest,
    InvalidateResponse,
    ListEntriesRequest,
    ListEntriesResponse,
    WarmRequest,
    WarmResponse,
)
from fhirexport.v1.cache_admin_pb2_grpc import CacheAdminServicer

from fhirexport_server.admin.administration import CacheHealth, CacheStats, Condition, Listing, Removal
from fhirexport_server.admin.pattern import EVERYTHING, Pattern, parse
from fhirexport_server.cache.entry import Variant
from fhirexport_server.cache.redis.inspection import EntryFacts
from fhirexport_server.domain.audit import AuditEntry
from fhirexport_server.domain.datasets import Dataset, Detail, Format
from fhirexport_server.exports.rendering import ContentSource
from fhirexport_server.exports.request import ExportRequest
from fhirexport_server.rpc import call
from fhirexport_server.rpc.cache import requests
from fhirexport_server.rpc.call import Context
from fhirexport_server.rpc.errors.statuses import refusal
from fhirexport_server.rpc.exports.requests import NUMBERS
from fhirexport_server.rpc.exports.service import Exports
from fhirexport_server.rpc.interceptors.request_id import send_metadata

_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

_STATES = {
    Condition.HEALTHY: GetHealthResponse.STATE_HEALTHY,
    Condition.DEGRADED: GetHealthResponse.STATE_DEGRADED,
    Condition.DISABLED: GetHealthResponse.STATE_DISABLED,
}

_KEPT_SECONDS = 5.0
"""How long to wait for a complete rendering to be kept, before it is reported anyway."""


class CacheAdministration(Protocol):
    """The administration as this service uses it; `admin.administration` says what each method does."""

    async def stats(self, ids: Collection[int] | None = None) -> CacheStats:
        """Count the entries."""

    async def health(self) -> CacheHealth:
        """Return the health of the cache."""

    async def invalidate(self, pattern: Pattern, entry: AuditEntry) -> Removal:
        """Invalidate the entries that match a pattern."""

    async def flush(self, entry: AuditEntry) -> Removal:
        """Invalidate all entries."""

    async def preview(self, pattern: Pattern) -> Removal:
        """Return what an invalidation would match."""

    async def entries(self, pattern: Pattern, size: int, cursor: tuple[int, int]) -> Listing:
        """Return a page of entries."""

    async def entry(self, variant: Variant) -> EntryFacts | None:
        """Return the facts of one entry."""

    async def warmed(self, ej_ids: Sequence[int]) -> Sequence[int]:
        """Return the EJs to warm, where these are named."""


class CacheAdmin(CacheAdminServicer):
    """Implements `fhirexport.v1.CacheAdmin`. It raises domain errors, which the chain translates."""

    def __init__(self, administration: CacheAdministration, exports: Exports) -> None:
        self._administration = administration
        self._exports = exports

    async def GetStats(  # noqa: N802 - the contract's name
        self, request: GetStatsRequest, _context: Context
    ) -> GetStatsResponse:
        """Return the figures of the cache; without Redis, only those of this process."""
        del request
        stats = await self._administration.stats()
        return _stats(stats)

    async def Invalidate(  # noqa: N802 - the contract's name
        self, request: InvalidateRequest, _context: Context
    ) -> InvalidateResponse:
        """Invalidate the entries that match a pattern, or return what would be invalidated."""
        pattern = parse(request.pattern)
        entry = requests.audit("invalidate", pattern.text, request.reason)
        if request.dry_run:
            removal = await self._administration.preview(pattern)
        else:
            removal = await self._administration.invalidate(pattern, entry)
            _log_removal("invalidate", pattern.text, request.reason, removal)
        return InvalidateResponse(
            matched_count=removal.matched,
            deleted_count=removal.deleted,
            sample_keys=removal.samples,
            deletion_pending=removal.pending,
        )

    async def Flush(  # noqa: N802 - the contract's name
        self, request: FlushRequest, _context: Context
    ) -> FlushResponse:
        """Invalidate every entry of this service."""
        entry = requests.audit("flush", EVERYTHING, request.reason)
        removal = await self._administration.flush(entry)
        _log_removal("flush", EVERYTHING, request.reason, removal)
        return FlushResponse(deleted_count=removal.deleted, deletion_pending=removal.pending)

    async def GetHealth(  # noqa: N802 - the contract's name
        self, request: GetHealthRequest, _context: Context
    ) -> GetHealthResponse:
        """Return the health of the cache."""
        del request
        health = await self._administration.health()
        return _health(health)

    async def ListEntries(  # noqa: N802 - the contract's name
        self, request: ListEntriesRequest, _context: Context
    ) -> ListEntriesResponse:
        """Return a page of entries."""
        pattern, size, cursor = requests.listing(request)
        listing = await self._administration.entries(pattern, size, cursor)
        following = requests.token(request.pattern, listing.cursor) if listing.cursor else ""
        return ListEntriesResponse(entries=map(_entry, listing.entries), next_page_token=following)

    async def Warm(  # noqa: N802 - the contract's name
        self, request: WarmRequest, context: Context
    ) -> AsyncGenerator[WarmResponse, None]:
        """Render exports into the cache one after the other; yield a report of each."""
        ej_ids, datasets = requests.warming(request)
        exports = [
            (ej_id, dataset) for ej_id in await self._administration.warmed(ej_ids) for dataset in datasets
        ]
        await send_metadata(context)
        for done, (ej_id, dataset) in enumerate(exports, 1):
            report = await self._warmed(ej_id, dataset)
            report.done_count, report.total_count = done, len(exports)
            yield report

    async def _warmed(self, ej_id: int, dataset: Dataset) -> WarmResponse:
        variant = Variant(ej_id, dataset, Format.BUNDLE, Detail.SUMMARY)
        report = WarmResponse(entry=Entry(dataset=NUMBERS[dataset], ej_id=ej_id))
        begun = monotonic()
        try:
            async with self._exports.open(ExportRequest(ej_id, dataset, Format.BUNDLE)) as rendering:
                async for _ in rendering.chunks():
                    pass
                # So that the entry reported below is the new one.
                with suppress(TimeoutError):
                    async with asyncio.timeout(_KEPT_SECONDS):
                        await rendering.kept()
                is_new = rendering.snapshot.source is ContentSource.DATABASE
                etag, revision = rendering.snapshot.etag, rendering.snapshot.revision
        except Exception as error:  # noqa: BLE001 - a failure is reported, and the next export tried
            report.error.CopyFrom(refusal(error).status(call.current().request_id))
            return report
        facts = await self._administration.entry(variant)
        if facts is not None:
            report.entry.CopyFrom(_entry(facts))
        report.entry.etag, report.entry.revision = f'"{etag}"', revision
        if is_new:
            report.elapsed.FromTimedelta(timedelta(seconds=monotonic() - begun))
        return report


def _stats(stats: CacheStats) -> GetStatsResponse:
    response = GetStatsResponse(enabled=stats.enabled)
    for dataset in Dataset:
        figures = response.datasets.add(dataset=NUMBERS[dataset])
        if stats.entries is not None:
            figures.entry_count = stats.entries[dataset]
        if stats.traffic is not None:
            figures.hits, figures.misses, figures.stale_avoided = stats.traffic.answered[dataset]
    if stats.traffic is not None:
        response.keyspace_hits = sum(figures.hits for figures in response.datasets)
        response.keyspace_misses = sum(figures.misses for figures in response.datasets)
        response.hit_rate = stats.traffic.hit_rate
    if stats.server is not None:
        response.used_memory = stats.server.used_memory
        response.total_connections = stats.server.connections
        response.total_commands = stats.server.commands
    return response


def _entry(facts: EntryFacts) -> Entry:
    entry = Entry(
        key=facts.key,
        dataset=NUMBERS[facts.variant.dataset],
        ej_id=facts.variant.ej_id,
        etag=f'"{facts.etag}"',
        size_bytes=facts.size,
        revision=facts.revision,
        hits=facts.hits,
    )
    entry.ttl.FromTimedelta(timedelta(seconds=facts.seconds_left))
    entry.age.FromTimedelta(timedelta(seconds=facts.age_seconds))
    return entry


def _health(health: CacheHealth) -> GetHealthResponse:
    response = GetHealthResponse(
        state=_STATES[health.condition], message=health.message, warnings=health.warnings
    )
    if health.server is not None:
        response.server = f"{health.server.name} {health.server.version}"
    if health.latency_seconds is not None:
        response.latency.FromTimedelta(timedelta(seconds=health.latency_seconds))
    return response


def _log_removal(action: str, pattern: str, reason: str, removal: Removal) -> None:
    call.current().facts.update(deleted=removal.deleted)
    _log.info(
        "cache_invalidated",
        action=action,
        pattern=pattern,
        reason=reason,
        matched=removal.matched,
        deleted=removal.deleted,
        pending=removal.pending,
    )

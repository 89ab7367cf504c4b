"""CacheAdmin: validates requests, asks the administration, returns responses."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from datetime import timedelta
from time import monotonic

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

from fhirexport_server.admin.administration import Administration, CacheHealth, Condition, Removal
from fhirexport_server.admin.pattern import EVERYTHING, parse
from fhirexport_server.cache.entry import Variant
from fhirexport_server.cache.redis.inspection import EntryFacts
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


class CacheAdmin(CacheAdminServicer):
    """Implements `fhirexport.v1.CacheAdmin`. It raises domain errors, which the chain translates."""

    def __init__(self, administration: Administration, exports: Exports) -> None:
        self._administration = administration
        self._exports = exports

    async def GetStats(  # noqa: N802 - the contract's name
        self, request: GetStatsRequest, context: Context
    ) -> GetStatsResponse:
        """Return the figures of the cache; without Redis, only those of this process."""
        del request
        stats = await self._administration.stats()
        metrics = self._administration.metrics
        answered = {dataset: metrics.answered(dataset) for dataset in Dataset}
        response = GetStatsResponse(
            enabled=self._administration.enabled,
            keyspace_hits=sum(hits for hits, _, _ in answered.values()),
            keyspace_misses=sum(misses for _, misses, _ in answered.values()),
            hit_rate=metrics.hit_rate(),
            datasets=[
                GetStatsResponse.DatasetStats(
                    dataset=NUMBERS[dataset],
                    hits=hits,
                    misses=misses,
                    stale_avoided=stale,
                    entry_count=stats.entries[dataset] if stats.entries is not None else None,
                )
                for dataset, (hits, misses, stale) in answered.items()
            ],
        )
        if stats.server is not None:
            response.used_memory = stats.server.used_memory
            response.total_connections = stats.server.connections
            response.total_commands = stats.server.commands
        await send_metadata(context)
        return response

    async def Invalidate(  # noqa: N802 - the contract's name
        self, request: InvalidateRequest, context: Context
    ) -> InvalidateResponse:
        """Invalidate the entries that match a pattern, or return what would be invalidated."""
        pattern = parse(request.pattern)
        entry = requests.audit("invalidate", pattern.text, request.reason)
        if request.dry_run:
            removal = await self._administration.preview(pattern)
        else:
            removal = await self._administration.invalidate(pattern, entry)
            _log_removal("invalidate", pattern.text, request.reason, removal)
        await send_metadata(context)
        return InvalidateResponse(
            matched_count=removal.matched,
            deleted_count=removal.deleted,
            sample_keys=removal.samples,
            deletion_pending=removal.pending,
        )

    async def Flush(  # noqa: N802 - the contract's name
        self, request: FlushRequest, context: Context
    ) -> FlushResponse:
        """Invalidate every entry of this service."""
        entry = requests.audit("flush", EVERYTHING, request.reason)
        removal = await self._administration.flush(entry)
        _log_removal("flush", EVERYTHING, request.reason, removal)
        await send_metadata(context)
        return FlushResponse(deleted_count=removal.deleted, deletion_pending=removal.pending)

    async def GetHealth(  # noqa: N802 - the contract's name
        self, request: GetHealthRequest, context: Context
    ) -> GetHealthResponse:
        """Return the health of the cache."""
        del request
        health = await self._administration.health()
        await send_metadata(context)
        return _health(health)

    async def ListEntries(  # noqa: N802 - the contract's name
        self, request: ListEntriesRequest, context: Context
    ) -> ListEntriesResponse:
        """Return a page of entries."""
        pattern, size, cursor = requests.listing(request)
        listing = await self._administration.entries(pattern, size, cursor)
        await send_metadata(context)
        following = requests.token(request.pattern, listing.cursor) if listing.cursor else ""
        return ListEntriesResponse(entries=map(_entry, listing.entries), next_page_token=following)

    async def Warm(  # noqa: N802 - the contract's name
        self, request: WarmRequest, context: Context
    ) -> AsyncGenerator[WarmResponse, None]:
        """Render exports into the cache one after the other; yield a report of each."""
        ej_ids, datasets = requests.warming(request)
        exports = [
            (ej_id, dataset)
            for ej_id in ej_ids or await self._administration.ej_ids()
            for dataset in datasets
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

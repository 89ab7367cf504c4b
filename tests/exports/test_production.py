"""Shows how a rendering is had from Redis: with all its segments, or from the rows."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from fhirexport_server.cache.redis.redis_cache import RedisCache, open_redis_cache
from fhirexport_server.domain import segments
from fhirexport_server.domain.datasets import Dataset, Format
from fhirexport_server.exports.exporter import Exporter
from fhirexport_server.exports.rendering import ContentSource
from fhirexport_server.exports.request import ExportRequest, MaxStaleness
from fhirexport_server.telemetry.metrics import Metrics
from prometheus_client import CollectorRegistry
from support.exporting import exporting
from support.valkey import Valkey, unhurried

PATIENTS = ExportRequest(1, Dataset.PATIENTS, Format.NDJSON)
LARGE = ExportRequest(1, Dataset.VENUES, Format.NDJSON)
OTHER = ExportRequest(2, Dataset.PATIENTS, Format.NDJSON)
RELAXED = ExportRequest(1, Dataset.PATIENTS, Format.NDJSON, consistency=MaxStaleness(60))


@pytest.fixture(scope="module")
def url(new_group: Callable[[str, int], str]) -> str:
    return new_group("sqlite", 400)


@asynccontextmanager
async def shared(valkey: Valkey) -> AsyncIterator[RedisCache]:
    address = unhurried(valkey.url)
    times = dict.fromkeys(Dataset, 300)
    async with open_redis_cache(address, times, Metrics(CollectorRegistry())) as cache:
        yield cache


async def _export(exporter: Exporter, request: ExportRequest = PATIENTS) -> tuple[bytes, ContentSource]:
    async with exporter.open(request) as rendering:
        content = b"".join([chunk.text() async for chunk in rendering.chunks()])
        assert rendering.totals is not None
        assert rendering.totals.size_bytes == len(content)
        return content, rendering.snapshot.source


async def _kept(valkey: Valkey, exporter: Exporter, request: ExportRequest = PATIENTS) -> bytes:
    content, source = await _export(exporter, request)
    assert source is ContentSource.DATABASE
    while exporter._flights._tasks:  # noqa: SLF001 - it is put into Redis after the answer
        await _export(exporter, request)
    assert len(_segments(valkey)) > 2
    return content


def _segments(valkey: Valkey) -> list[bytes]:
    with valkey.client() as client:
        return sorted(client.scan_iter(match="{*:s:*"))


async def test_a_rendering_is_read_to_the_end(url: str, valkey: Valkey) -> None:
    async with shared(valkey) as cache, exporting(url, cache) as exporter:
        content = await _kept(valkey, exporter)
        assert await _export(exporter) == (content, ContentSource.CACHE)


async def test_hits_of_a_large_rendering_leave_the_others_in_memory(
    url: str, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "MOST_IDS", 8)  # So that it is large, and has no large segment.
    async with shared(valkey) as cache, exporting(url, cache) as exporter:
        await _kept(valkey, exporter, LARGE)
    with valkey.client() as client:
        size = sum(len(client.get(key)) for key in _segments(valkey))
    async with shared(valkey) as cache, exporting(url, cache, cache_bytes=size) as exporter:
        content = await _kept_again(exporter, OTHER)
        for _ in range(5):
            _, source = await _export(exporter, LARGE)
            assert source is ContentSource.CACHE
        with valkey.client() as client:
            client.flushall()
        assert await _export(exporter, OTHER) == (content, ContentSource.CACHE)


@pytest.mark.parametrize("request_", [PATIENTS, RELAXED], ids=["strict", "within a minute"])
@pytest.mark.parametrize("damage", ["gone", "changed", "evicted"])
async def test_what_is_damaged_is_rendered_and_never_sent(
    url: str, valkey: Valkey, request_: ExportRequest, damage: str
) -> None:
    async with shared(valkey) as cache, exporting(url, cache) as exporter:
        content = await _kept(valkey, exporter)
        first, second, *_ = keys = _segments(valkey)
        with valkey.client() as client:
            match damage:
                case "gone":
                    client.delete(second)
                case "changed":
                    client.copy(first, second, replace=True)
                case _:
                    client.delete(*keys)
        assert await _export(exporter, request_) == (content, ContentSource.DATABASE)
        assert await _kept_again(exporter) == content


async def _kept_again(exporter: Exporter, request: ExportRequest = PATIENTS) -> bytes:
    """Exports until what is missing, or was damaged, is kept."""
    while True:
        content, source = await _export(exporter, request)
        if source is ContentSource.CACHE:
            return content

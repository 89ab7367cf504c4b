"""Shows how segments lie in Redis: read in windows, bounded, there as long as the head that lists them."""

import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from fhirexport_server.cache import keys
from fhirexport_server.cache.port import Exactly, NewRendering
from fhirexport_server.cache.redis import segment_store
from fhirexport_server.cache.redis.packing import packed_segment
from fhirexport_server.cache.redis.redis_cache import RedisCache, open_redis_cache
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.outcomes import LookupOutcome
from fhirexport_server.domain.segments import Chunk
from fhirexport_server.telemetry.metrics import Metrics
from prometheus_client import CollectorRegistry
from support.renderings import Whole, large, new, read, rendering, segment, variant, whole
from support.valkey import Valkey, unhurried

HEAD = "fhir:export:venues:ej:1"
SECONDS = 300


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
async def cache(valkey: Valkey, registry: CollectorRegistry) -> AsyncIterator[RedisCache]:
    address = unhurried(valkey.url)
    async with open_redis_cache(address, dict.fromkeys(Dataset, SECONDS), Metrics(registry)) as opened:
        yield opened


def key(chunks: tuple[Chunk, ...]) -> str:
    listed = chunks[-1].segment
    assert listed is not None
    return keys.segment(HEAD, listed.digest)


def count(registry: CollectorRegistry, outcome: str) -> float:
    return registry.get_sample_value("fhirexport_cache_segments_total", {"outcome": outcome}) or 0


async def stored(cache: RedisCache, entry: Whole) -> Whole | None:
    found = await cache.look_up(variant(), Exactly(entry.description.etag))
    assert found.outcome is LookupOutcome.HIT
    return await read(cache, variant(), found)


# --- reading --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "entry",
    [
        rendering(segments=1),
        rendering(segments=segment_store.READ_AT_ONCE),
        rendering(segments=segment_store.READ_AT_ONCE * 2 + 1),
        rendering(size=300_000, segments=20),
        rendering(size=3_000_000, segments=3, chunks=6),
        rendering(segments=0),
    ],
    ids=["one", "as many as at once", "more", "more than a window", "larger than a window", "none"],
)
async def test_segments_are_read_in_order_each_once(cache: RedisCache, entry: Whole) -> None:
    await cache.publish(variant(), new(entry))
    assert await stored(cache, entry) == entry
    segments = entry.description.manifest.segments
    some = segments[::-2]
    assert [one async for one, _ in cache.segments(variant(), some)] == list(some)


async def test_no_more_than_a_window_is_read_at_once(cache: RedisCache, valkey: Valkey) -> None:
    entry = rendering(size=300_000, segments=40)
    await cache.publish(variant(), new(entry))
    segments = cache.segments(variant(), entry.description.manifest.segments)
    with valkey.client() as client:

        def sent() -> int:
            return int(client.info("stats")["total_net_output_bytes"])

        begun = sent()
        await anext(segments)
        assert sent() - begun < segment_store.WINDOW_BYTES + 400_000


DAMAGES: dict[str, Callable[[Any, str, str], object]] = {
    "evicted": lambda client, key, _: client.delete(key),
    "exchanged": lambda client, key, other: client.copy(other, key, replace=True),
    "cut": lambda client, key, _: client.set(key, client.get(key)[:-1]),
    "longer": lambda client, key, _: client.append(key, b"x"),
    "changed": lambda client, key, _: client.setrange(key, 100, b"x"),
    "empty": lambda client, key, _: client.set(key, b""),
    "huge": lambda client, key, _: client.setrange(key, 100_000_000, b"x"),
    "of another type": lambda client, key, _: (client.delete(key), client.hset(key, "a", "b")),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
async def test_a_missing_or_damaged_segment_is_none_and_the_others_are_read(
    cache: RedisCache,
    valkey: Valkey,
    registry: CollectorRegistry,
    damage: Callable[[Any, str, str], object],
) -> None:
    entry = large()
    await cache.publish(variant(), new(entry))
    segments = entry.description.manifest.segments
    with valkey.client() as client:
        damage(client, *(keys.segment(HEAD, segments[index].digest) for index in (3, 2)))
    parts = [part async for _, part in cache.segments(variant(), segments)]
    assert [part is None for part in parts] == [index == 3 for index in range(6)]
    assert tuple(chunk for part in parts for chunk in part or ()) == entry.chunks[:9] + entry.chunks[12:]
    assert (count(registry, "found"), count(registry, "missing") + count(registry, "damaged")) == (5, 1)
    await cache.publish(variant(), new(entry))
    assert await stored(cache, entry) == entry


async def test_a_redis_that_goes_away_leaves_the_rest_out(own_valkey: Valkey) -> None:
    registry = CollectorRegistry()
    address = unhurried(own_valkey.url)
    async with open_redis_cache(address, dict.fromkeys(Dataset, SECONDS), Metrics(registry)) as cache:
        entry = rendering(size=600_000, segments=10)
        await cache.publish(variant(), new(entry))
        parts = []
        async for _, part in cache.segments(variant(), entry.description.manifest.segments):
            parts.append(part is None)
            own_valkey.kill()
    assert parts == [False, False, *[True] * 8]
    assert (count(registry, "found"), count(registry, "unavailable")) == (2, 8)


async def test_segments_of_another_ej_are_not_found(cache: RedisCache) -> None:
    entry = rendering()
    await cache.publish(variant(), new(entry))
    segments = entry.description.manifest.segments
    assert [part async for _, part in cache.segments(variant(2), segments)] == [None, None]


async def test_a_segment_that_is_too_large_is_left_out(
    cache: RedisCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed_segment, "LARGEST_BYTES", 5000)
    parts = [segment(b"a" * 1000, 1), segment(large().chunks[0].text(), 2, chunks=4), segment(b"b" * 1000, 3)]
    entry = whole(parts)
    await cache.publish(variant(), new(entry))
    found = [part async for _, part in cache.segments(variant(), entry.description.manifest.segments)]
    assert found == [parts[0], None, parts[2]]


# --- writing --------------------------------------------------------------------------------------


async def test_a_rendering_that_takes_too_long_to_write_is_not_published(
    valkey: Valkey, registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segment_store, "WINDOW_BYTES", 1)
    address = unhurried(valkey.url)
    entry = rendering(segments=3)

    def slowly() -> Iterator[Chunk]:
        yield from entry.chunks[:2]
        time.sleep(1.1)
        yield from entry.chunks[2:]

    async with open_redis_cache(address, dict.fromkeys(Dataset, 1), Metrics(registry)) as cache:
        await cache.publish(variant(), NewRendering(entry.description, slowly()))
        assert (await cache.look_up(variant(), Exactly(entry.description.etag))).outcome is LookupOutcome.MISS
    name = "cache_operations_total"
    assert registry.get_sample_value(name, {"operation": "set", "outcome": "incomplete"}) == 1


async def test_what_a_dead_process_leaves_goes_by_itself(cache: RedisCache, valkey: Valkey) -> None:
    entry = rendering(size=600_000, segments=6)

    def dies_halfway() -> Iterator[Chunk]:
        yield from entry.chunks[:4]
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await cache.publish(variant(), NewRendering(entry.description, dies_halfway()))
    with valkey.client() as client:
        left = [client.pttl(key) for key in client.keys("{*:s:*")]
        assert left
        assert all(0 < one <= SECONDS * 1000 for one in left)

"""Shows how renderings lie in Redis: whole, in order, with a time to live; and what damage comes to."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import redis
from fhirexport_server.cache.entry import Entry
from fhirexport_server.cache.port import CacheReadError, Exactly, NewRendering, Recent
from fhirexport_server.cache.redis import envelope
from fhirexport_server.cache.redis.connection import RedisAddress
from fhirexport_server.cache.redis.redis_cache import LARGEST_BYTES, RedisCache, open_redis_cache
from fhirexport_server.domain.datasets import Dataset, Format
from fhirexport_server.domain.outcomes import LookupOutcome
from fhirexport_server.domain.revision import Revision
from fhirexport_server.domain.segments import Chunk
from fhirexport_server.telemetry.metrics import Metrics
from prometheus_client import CollectorRegistry
from support.renderings import INCARNATION, large, made, rendering, variant
from support.valkey import Valkey

HEAD = "fhir:export:venues:ej:1"
TIME_TO_LIVE = {Dataset.STRUCTURE: 3600, Dataset.PATIENTS: 600, Dataset.VENUES: 300}


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
async def cache(valkey: Valkey, registry: CollectorRegistry) -> AsyncIterator[RedisCache]:
    address = RedisAddress(valkey.url, socket_timeout=5, connect_timeout=5, budget=5)
    async with open_redis_cache(address, TIME_TO_LIVE, Metrics(registry)) as opened:
        yield opened


async def keep(cache: RedisCache, entry: Entry, *, replace: bool = False) -> None:
    await cache.publish(variant(), made(entry), replace=replace)


async def outcome(cache: RedisCache, entry: Entry) -> LookupOutcome:
    return (await cache.look_up(variant(), Exactly(entry.description.etag))).outcome


def set_outcomes(registry: CollectorRegistry) -> dict[str, float]:
    names = ("stored", "superseded", "incomplete", "too_large", "unavailable")
    return {
        name: count
        for name in names
        if (
            count := registry.get_sample_value(
                "cache_operations_total", {"operation": "set", "outcome": name}
            )
        )
    }


async def test_the_key_is_the_one_that_operators_know(cache: RedisCache, valkey: Valkey) -> None:
    await keep(cache, rendering())
    with valkey.client() as client:
        assert [key for key in client.keys("*") if b"probe" not in key] == [HEAD.encode()]
        assert client.type(HEAD) == b"hash"


async def test_a_large_rendering_lies_beside_its_head(cache: RedisCache, valkey: Valkey) -> None:
    await keep(cache, large())
    with valkey.client() as client:
        found = sorted(key.decode() for key in client.keys("*") if b"probe" not in key)
        assert found[0] == HEAD
        assert found[1].startswith(f"{{{HEAD}}}:g:")
        assert client.hlen(found[1]) == 6
        assert [key.decode() for key in client.scan_iter(match="fhir:export:*")] == [HEAD]


async def test_the_frames_are_kept_as_they_are(cache: RedisCache, valkey: Valkey) -> None:
    entry = rendering()
    await keep(cache, entry)
    with valkey.client() as client:
        assert client.hget(HEAD, "payload") == b"".join(chunk.frame for chunk in entry.chunks)


@pytest.mark.parametrize("dataset", Dataset)
async def test_every_key_has_a_time_to_live_no_longer_than_its_datasets(
    cache: RedisCache, valkey: Valkey, dataset: Dataset
) -> None:
    for entry in (rendering(1), large(2), rendering(3), large(4)):
        await cache.publish(variant(dataset=dataset), made(entry))
        async with cache.claim(variant(dataset=dataset), "e"):
            with valkey.client() as client:
                left = {key: client.pttl(key) / 1000 for key in client.keys("*")}
        assert all(0 < seconds <= TIME_TO_LIVE[dataset] for seconds in left.values()), left
        heads = [seconds for key, seconds in left.items() if key.startswith(b"fhir")]
        assert heads[0] > TIME_TO_LIVE[dataset] * 0.89


async def test_an_earlier_state_does_not_take_the_place_of_a_later_one(
    cache: RedisCache, valkey: Valkey, registry: CollectorRegistry
) -> None:
    for earlier in (rendering(1), large(2)):
        later = rendering(3)
        await keep(cache, later)
        await keep(cache, earlier)
        assert await outcome(cache, later) is LookupOutcome.HIT
    assert set_outcomes(registry) == {"stored": 2, "superseded": 2}
    with valkey.client() as client:
        assert client.keys("{*g:*") == []


async def test_after_damage_it_does(cache: RedisCache) -> None:
    await keep(cache, rendering(3))
    await keep(cache, rendering(1), replace=True)
    assert await outcome(cache, rendering(1)) is LookupOutcome.HIT


async def test_another_database_takes_the_place(cache: RedisCache, valkey: Valkey) -> None:
    await keep(cache, rendering(3))
    with valkey.client() as client:
        client.hset(HEAD, "incarnation", "another")
    await keep(cache, rendering(1))
    assert await outcome(cache, rendering(1)) is LookupOutcome.HIT


async def test_who_reads_a_rendering_that_is_replaced_reads_it_to_the_end(
    cache: RedisCache, valkey: Valkey
) -> None:
    first = large(1)
    await keep(cache, first)
    found = (await cache.look_up(variant(), Exactly(first.description.etag))).rendering
    assert found is not None
    chunks = found.chunks()
    read = [await anext(chunks)]
    for n in range(2, 22):
        await keep(cache, large(n))
    read += [chunk async for chunk in chunks]
    assert tuple(read) == first.chunks
    with valkey.client() as client:
        assert sorted(client.pttl(key) > 60_000 for key in client.keys("{*g:*")) == [False] * 20 + [True]


async def test_a_rendering_that_has_lost_a_chunk_is_not_published(
    cache: RedisCache, valkey: Valkey, registry: CollectorRegistry
) -> None:
    entry = large()

    def evicted_halfway() -> Iterator[Chunk]:
        yield from entry.chunks[:4]
        with valkey.client() as client:
            client.delete(*client.keys("{*g:*"))
        yield from entry.chunks[4:]

    await cache.publish(variant(), NewRendering(entry.description, evicted_halfway(), entry.size))
    assert set_outcomes(registry) == {"incomplete": 1}
    assert await outcome(cache, entry) is LookupOutcome.MISS
    with valkey.client() as client:
        assert client.keys("{*g:*") == []


async def test_what_a_dead_process_leaves_goes_by_itself(cache: RedisCache, valkey: Valkey) -> None:
    entry = large()

    def dies_halfway() -> Iterator[Chunk]:
        yield from entry.chunks[:4]
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await cache.publish(variant(), NewRendering(entry.description, dies_halfway(), entry.size))
    with valkey.client() as client:
        (left,) = client.keys("{*g:*")
        assert 0 < client.pttl(left) <= TIME_TO_LIVE[Dataset.VENUES] * 1000


async def test_what_is_too_large_is_not_kept(
    cache: RedisCache, valkey: Valkey, registry: CollectorRegistry
) -> None:
    entry = rendering()
    too_large = made(entry)
    await cache.publish(
        variant(), type(too_large)(too_large.description, too_large.chunks, LARGEST_BYTES + 1)
    )
    assert set_outcomes(registry) == {"too_large": 1}
    with valkey.client() as client:
        assert client.exists(HEAD) == 0


# --- damage ---------------------------------------------------------------------------------------

_FIELDS = [name for name in (*envelope.FIELDS, envelope.SUM) if name != "layout"]


@pytest.mark.parametrize("field", _FIELDS)
@pytest.mark.parametrize("damage", ["flipped", "cut", "longer", "gone"])
async def test_a_damaged_head_is_never_served(
    cache: RedisCache, valkey: Valkey, field: str, damage: str
) -> None:
    entry = rendering()
    await keep(cache, entry)
    with valkey.client() as client:
        value = client.hget(HEAD, field)
        if damage == "gone":
            client.hdel(HEAD, field)
        elif damage == "flipped":
            client.hset(HEAD, field, bytes([value[0] ^ 1]) + value[1:] if value else b"x")
        else:
            client.hset(HEAD, field, value[:-1] or b"x" if damage == "cut" else value + b"0")
    other = {LookupOutcome.STALE, LookupOutcome.FOREIGN}
    assert await outcome(cache, entry) in (other if field == "etag" else {LookupOutcome.CORRUPT})
    await keep(cache, entry, replace=True)
    assert await outcome(cache, entry) is LookupOutcome.HIT


@pytest.mark.parametrize("at", [0, 100, -1])
async def test_damaged_bytes_are_never_served(
    cache: RedisCache, valkey: Valkey, at: int, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = rendering()
    await keep(cache, entry)
    with valkey.client() as client:
        payload = bytearray(client.hget(HEAD, "payload"))
        payload[at] ^= 1
        client.hset(HEAD, "payload", bytes(payload))
    assert await outcome(cache, entry) is LookupOutcome.CORRUPT
    assert "cache_entry_corrupt" in capsys.readouterr().out


@pytest.mark.parametrize(
    "damage",
    [
        lambda client, key: client.delete(key),
        lambda client, key: client.hdel(key, "5"),
        lambda client, key: client.hset(key, "3", client.hget(key, "2")),
        lambda client, key: client.hset(key, "3", client.hget(key, "3")[:-1]),
        lambda client, key: (client.delete(key), client.set(key, "x")),
    ],
    ids=["evicted", "one is gone", "exchanged", "cut", "of another type"],
)
async def test_a_missing_or_damaged_chunk_ends_the_reading(
    cache: RedisCache, valkey: Valkey, damage: Callable[[redis.Redis, str], object]
) -> None:
    entry = large()
    await keep(cache, entry)
    with valkey.client() as client:
        damage(client, next(iter(client.scan_iter(match="{*g:*"))))
    found = (await cache.look_up(variant(), Exactly(entry.description.etag))).rendering
    assert found is not None
    read = []
    with pytest.raises(CacheReadError):
        async for chunk in found.chunks():
            read.append(chunk)  # noqa: PERF401 - what came before the error counts
    assert tuple(read) == entry.chunks[: len(read)]


@pytest.mark.parametrize("value", [b"text", json.dumps({"resourceType": "Bundle"}).encode()])
async def test_a_key_of_another_type_is_a_miss_and_replaced(
    cache: RedisCache, valkey: Valkey, value: bytes
) -> None:
    with valkey.client() as client:
        client.set(HEAD, value)
    assert await outcome(cache, rendering()) is LookupOutcome.CORRUPT
    async with cache.claim(variant(), rendering().description.etag) as turn:
        assert turn
    await keep(cache, rendering())
    assert await outcome(cache, rendering()) is LookupOutcome.HIT


async def test_another_layout_is_foreign_and_replaced(cache: RedisCache, valkey: Valkey) -> None:
    await keep(cache, rendering(1))
    with valkey.client() as client:
        client.hset(HEAD, "layout", "2")
    assert await outcome(cache, rendering(1)) is LookupOutcome.FOREIGN
    await keep(cache, rendering(1))
    assert await outcome(cache, rendering(1)) is LookupOutcome.HIT


async def test_another_shape_is_foreign_and_replaced(cache: RedisCache) -> None:
    await keep(cache, rendering(1))
    assert await outcome(cache, rendering(2)) is LookupOutcome.STALE
    other = rendering(1, shape="another")
    assert await outcome(cache, other) is LookupOutcome.FOREIGN
    await keep(cache, other)
    assert await outcome(cache, other) is LookupOutcome.HIT


async def test_a_head_of_another_ej_is_not_taken_for_ones_own(cache: RedisCache, valkey: Valkey) -> None:
    entry = rendering(ej_id=2)
    await cache.publish(variant(2), made(entry))
    with valkey.client() as client:
        client.copy("fhir:export:venues:ej:2", HEAD)
    assert await outcome(cache, entry) is LookupOutcome.CORRUPT


async def test_a_time_in_the_future_validates_nothing(cache: RedisCache) -> None:
    now = (await cache.look_up(variant(), Exactly("x"))).now_ms
    for validated, expected in (
        (now, LookupOutcome.HIT),
        (now + 60_000, LookupOutcome.EXPIRED),
        (0, LookupOutcome.EXPIRED),
    ):
        await cache.publish(variant(), made(rendering(), validated_ms=validated))
        assert (await cache.look_up(variant(), Recent("shape", 5))).outcome is expected


# --- what is superseded ---------------------------------------------------------------------------


async def test_what_is_superseded_is_deleted_in_every_layout(cache: RedisCache, valkey: Valkey) -> None:
    for layout, entry in ((Format.BUNDLE, large(4)), (Format.NDJSON, rendering(4))):
        await cache.publish(variant(layout=layout), made(entry))
    await cache.publish(variant(2), made(rendering(4, ej_id=2)))
    assert await cache.drop(1, Dataset.VENUES, Revision(INCARNATION, 4, 0)) == 0
    assert await cache.drop(1, Dataset.VENUES, Revision("another", 5, 0)) == 0
    assert await cache.drop(1, Dataset.VENUES, Revision(INCARNATION, 5, 0)) == 3
    with valkey.client() as client:
        assert [key for key in client.keys("*") if b"probe" not in key] == [b"fhir:export:venues:ej:2"]


async def test_looks_at_once_do_not_mix_their_answers(cache: RedisCache) -> None:
    entries = [rendering(n, ej_id=n, size=20_000) for n in range(1, 40)]
    for number, entry in enumerate(entries, 1):
        await cache.publish(variant(number), made(entry))

    async def look(number: int, entry: Entry) -> bool:
        found = (await cache.look_up(variant(number), Exactly(entry.description.etag))).rendering
        assert found is not None
        return tuple([chunk async for chunk in found.chunks()]) == entry.chunks

    for delay in range(20):
        looks = [asyncio.create_task(look(number, entry)) for number, entry in enumerate(entries, 1)]
        await asyncio.sleep(delay / 5000)
        for task in looks[::3]:
            task.cancel()
        results = await asyncio.gather(*looks, return_exceptions=True)
        assert all(result is True or isinstance(result, asyncio.CancelledError) for result in results)

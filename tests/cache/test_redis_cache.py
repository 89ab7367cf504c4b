"""Shows how renderings lie in Redis: their heads, their times to live, and what damage comes to."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from fhirexport_server.cache import keys
from fhirexport_server.cache.port import Exactly, Recent
from fhirexport_server.cache.redis.packing import envelope
from fhirexport_server.cache.redis.redis_cache import RedisCache, open_redis_cache
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.outcomes import LookupOutcome
from fhirexport_server.telemetry.metrics import Metrics
from prometheus_client import CollectorRegistry
from support.renderings import Whole, large, new, read, rendering, variant
from support.valkey import Valkey, unhurried

HEAD = "fhir:export:venues:ej:1"
TIME_TO_LIVE = {Dataset.STRUCTURE: 3600, Dataset.PATIENTS: 600, Dataset.VENUES: 300}


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
async def cache(valkey: Valkey, registry: CollectorRegistry) -> AsyncIterator[RedisCache]:
    address = unhurried(valkey.url)
    async with open_redis_cache(address, TIME_TO_LIVE, Metrics(registry)) as opened:
        yield opened


async def keep(cache: RedisCache, entry: Whole, *, replace: bool = False) -> None:
    await cache.publish(variant(), new(entry), replace=replace)


async def outcome(cache: RedisCache, entry: Whole) -> LookupOutcome:
    return (await cache.look_up(variant(), Exactly(entry.description.etag))).outcome


def set_outcomes(registry: CollectorRegistry) -> dict[str, float]:
    return {
        sample.labels["outcome"]: sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == "cache_operations_total" and sample.labels["operation"] == "set" and sample.value
    }


async def test_the_key_is_the_one_that_operators_know(cache: RedisCache, valkey: Valkey) -> None:
    for entry in (rendering(), large()):
        await keep(cache, entry)
        with valkey.client() as client:
            assert [key.decode() for key in client.scan_iter(match="fhir:export:*")] == [HEAD]
            assert client.type(HEAD) == b"hash"


async def test_segments_lie_beside_the_head(cache: RedisCache, valkey: Valkey) -> None:
    entry = large()
    await keep(cache, entry)
    with valkey.client() as client:
        found = {key.decode() for key in client.keys("*") if b"probe" not in key}
        assert found - {HEAD} == {
            keys.segment(HEAD, one.digest) for one in entry.description.manifest.segments
        }
        for chunk in entry.chunks:
            assert any(chunk.frame in client.get(key) for key in found - {HEAD})


@pytest.mark.parametrize("dataset", Dataset)
async def test_every_key_has_a_time_to_live_no_longer_than_its_datasets(
    cache: RedisCache, valkey: Valkey, dataset: Dataset
) -> None:
    for entry in (rendering(1), large(2), rendering(3), large(4)):
        await cache.publish(variant(dataset=dataset), new(entry))
        async with cache.claim(variant(dataset=dataset), "e"):
            with valkey.client() as client:
                left = {key: client.pttl(key) / 1000 for key in client.keys("*")}
        assert all(0 < seconds <= TIME_TO_LIVE[dataset] for seconds in left.values()), left
        heads = [seconds for key, seconds in left.items() if key.startswith(b"fhir")]
        assert heads[0] > TIME_TO_LIVE[dataset] * 0.89


async def test_an_earlier_state_does_not_take_the_place_of_a_later_one(
    cache: RedisCache, registry: CollectorRegistry
) -> None:
    for earlier in (rendering(1), large(2)):
        later = rendering(3)
        await keep(cache, later)
        await keep(cache, earlier)
        assert await outcome(cache, later) is LookupOutcome.HIT
    assert set_outcomes(registry) == {"stored": 2, "superseded": 2}


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


async def test_another_state_is_found_as_a_base(cache: RedisCache) -> None:
    await keep(cache, rendering(2))
    for other in (rendering(1), rendering(3)):
        found = await cache.look_up(variant(), Exactly(other.description.etag))
        assert (found.outcome, found.hit) == (LookupOutcome.STALE, None)
        assert await read(cache, variant(), found) == rendering(2)
    for other in (rendering(2, shape="another"), rendering(2, shape="hape")):
        found = await cache.look_up(variant(), Exactly(other.description.etag))
        assert (found.outcome, found.stored) == (LookupOutcome.FOREIGN, None)


async def test_a_manifest_that_is_known_is_not_transferred_again(cache: RedisCache, valkey: Valkey) -> None:
    entry = rendering(segments=500)
    known = entry.description
    await keep(cache, entry)
    with valkey.client() as client:
        packed = client.hstrlen(HEAD, "manifest")

        def sent() -> int:
            return int(client.info("stats")["total_net_output_bytes"])

        for condition in (Exactly(known.etag), Exactly(rendering(9).description.etag)):
            begun = sent()
            found = await cache.look_up(variant(), condition, known)
            between = sent()
            without = await cache.look_up(variant(), condition, rendering(9).description)
            assert found.stored is not None
            assert without.stored is not None
            assert found.stored.description == without.stored.description == known
            assert between - begun < packed < sent() - between


@pytest.mark.parametrize("field", [name for name in (*envelope.FIELDS, envelope.SUM) if name != "layout"])
async def test_a_damaged_head_is_not_trusted_where_its_manifest_is_known(
    cache: RedisCache, valkey: Valkey, field: str
) -> None:
    entry = rendering()
    await keep(cache, entry)
    with valkey.client() as client:
        client.hset(HEAD, field, client.hget(HEAD, field) + b"0")
    found = await cache.look_up(variant(), Exactly(entry.description.etag), entry.description)
    assert found.hit is None


async def test_who_reads_a_rendering_that_is_replaced_reads_it_to_the_end(cache: RedisCache) -> None:
    first = large(1)
    await keep(cache, first)
    segments = cache.segments(variant(), first.description.manifest.segments)
    _, chunks = await anext(segments)
    for n in range(2, 22):
        await keep(cache, large(n))
    read = list(chunks or ())
    async for _, chunks in segments:
        read += chunks or ()
    assert tuple(read) == first.chunks


async def test_what_is_too_large_to_list_is_not_kept(
    cache: RedisCache, valkey: Valkey, registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fhirexport_server.cache.redis.packing.packed_manifest.MOST_SEGMENTS", 5)
    await keep(cache, rendering(segments=6))
    assert set_outcomes(registry) == {"too_large": 1}
    with valkey.client() as client:
        assert not [key for key in client.keys("*") if b"probe" not in key]
    await keep(cache, rendering(segments=5))
    assert await outcome(cache, rendering(segments=5)) is LookupOutcome.HIT


# --- damage ---------------------------------------------------------------------------------------

_FIELDS = [name for name in envelope.ALL if name != "layout"]


@pytest.mark.parametrize("field", _FIELDS)
@pytest.mark.parametrize("damage", ["flipped", "cut", "longer", "gone", "huge"])
async def test_a_damaged_head_is_never_served(
    cache: RedisCache, valkey: Valkey, field: str, damage: str
) -> None:
    entry = rendering()
    await keep(cache, entry)
    with valkey.client() as client:
        value = client.hget(HEAD, field)
        match damage:
            case "gone":
                client.hdel(HEAD, field)
            case "huge":
                client.hset(HEAD, field, bytes(envelope.LARGEST_FIELD + 1))
            case "flipped":
                client.hset(HEAD, field, bytes([value[0] ^ 1]) + value[1:])
            case _:
                client.hset(HEAD, field, value[:-1] if damage == "cut" else value + b"0")
    found = await cache.look_up(variant(), Exactly(entry.description.etag))
    other = {LookupOutcome.CORRUPT, LookupOutcome.FOREIGN}
    assert found.outcome in (other if field == "etag" else {LookupOutcome.CORRUPT})
    assert found.stored is None
    await keep(cache, entry, replace=True)
    assert await outcome(cache, entry) is LookupOutcome.HIT


async def test_damage_is_told(cache: RedisCache, valkey: Valkey, capsys: pytest.CaptureFixture[str]) -> None:
    await keep(cache, rendering())
    with valkey.client() as client:
        client.hset(HEAD, "sum", "x")
    assert await outcome(cache, rendering()) is LookupOutcome.CORRUPT
    assert "cache_entry_corrupt" in capsys.readouterr().out


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
        client.hset(HEAD, "layout", "1")
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
    await cache.publish(variant(2), new(entry))
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
        await cache.publish(variant(), new(rendering(), validated_ms=validated))
        assert (await cache.look_up(variant(), Recent("shape", 5))).outcome is expected


async def test_looks_at_once_do_not_mix_their_answers(cache: RedisCache) -> None:
    entries = [rendering(n, ej_id=n, size=20_000) for n in range(1, 40)]
    for number, entry in enumerate(entries, 1):
        await cache.publish(variant(number), new(entry))

    async def look(number: int, entry: Whole) -> bool:
        found = await cache.look_up(variant(number), Exactly(entry.description.etag))
        return await read(cache, variant(number), found) == entry

    for delay in range(20):
        looks = [asyncio.create_task(look(number, entry)) for number, entry in enumerate(entries, 1)]
        await asyncio.sleep(delay / 5000)
        for task in looks[::3]:
            task.cancel()
        results = await asyncio.gather(*looks, return_exceptions=True)
        assert all(result is True or isinstance(result, asyncio.CancelledError) for result in results)

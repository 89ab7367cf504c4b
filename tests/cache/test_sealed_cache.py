"""Shows that nobody can read what Redis holds of patients, and that no value counts in another's place."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest
from fhirexport import AsyncClient
from fhirexport_server.cache import keys
from fhirexport_server.cache.entry import Variant
from fhirexport_server.cache.port import Exactly
from fhirexport_server.cache.redis.packing import envelope
from fhirexport_server.cache.redis.packing.sealing import Clear, Sealed, Sealing
from fhirexport_server.cache.redis.redis_cache import RedisCache, open_redis_cache
from fhirexport_server.domain.datasets import Dataset, Format
from fhirexport_server.domain.outcomes import LookupOutcome, SegmentOutcome
from fhirexport_server.runtime.reading import kept_file
from fhirexport_server.sealing.key_ring import KeyRing, SealingKey
from fhirexport_server.sealing.keys_file import add_key
from fhirexport_server.telemetry.metrics import Metrics
from prometheus_client import CollectorRegistry
from support.cached import LITTLE, answer, published, serving
from support.renderings import PARTS, Whole, changed, large, new, read, rendering, variant, whole
from support.valkey import Valkey, unhurried

NAMING = b"n" * 32
OLD, NEW, LOST = (
    SealingKey(name, bytes([number]) * 32) for number, name in enumerate(("old", "new", "lost"))
)
TIME_TO_LIVE = dict.fromkeys(Dataset, 600)


class Forged(Clear):
    """Leaves values as they are, and has them pass for sealed ones: in their checksums, too."""

    layout = Sealed.layout


def sealed(*given: SealingKey) -> Sealed:
    return Sealed(lambda: KeyRing(given, NAMING), lambda: None)


@asynccontextmanager
async def opened(valkey: Valkey, sealing: Sealing, registry: CollectorRegistry) -> AsyncIterator[RedisCache]:
    address = unhurried(valkey.url)
    async with open_redis_cache(address, TIME_TO_LIVE, Metrics(registry), sealing) as cache:
        yield cache


@asynccontextmanager
async def cache_of(valkey: Valkey, *given: SealingKey) -> AsyncIterator[RedisCache]:
    async with opened(valkey, sealed(*given) if given else Clear(), CollectorRegistry()) as cache:
        yield cache


async def found(
    cache: RedisCache, entry: Whole, where: Variant | None = None
) -> Whole | LookupOutcome | None:
    """What the cache answers: all of the rendering, the reason why not, None where a segment is missing."""
    where = where or variant()
    result = await cache.look_up(where, Exactly(entry.description.etag))
    return await read(cache, where, result) if result.hit else result.outcome


def everything(valkey: Valkey) -> Iterator[bytes]:
    """Every name and value that there is."""
    with valkey.client() as client:
        for key in client.keys("*"):
            yield key
            if client.type(key) == b"hash":
                for name, value in client.hgetall(key).items():
                    yield from (name, value)
            else:
                yield client.get(key)


@pytest.mark.parametrize("entry", [rendering(), large()], ids=["small", "large"])
async def test_it_comes_back_and_nothing_can_be_read_on_the_way(valkey: Valkey, entry: Whole) -> None:
    async with cache_of(valkey, NEW) as cache:
        await cache.publish(variant(), new(entry))
        assert await found(cache, entry) == entry
        known = await cache.look_up(variant(), Exactly(entry.description.etag), entry.description)
        assert known.hit is not None
        (facts,) = await cache.inspector.describe([keys.head(variant())])
        assert facts.size > sum(len(chunk.frame) for chunk in entry.chunks)
    lying = list(everything(valkey))
    digests = [one.digest for one in entry.description.manifest.segments]
    secrets = [chunk.frame[8:] for chunk in entry.chunks] + digests
    secrets += [digest.hex().encode() for digest in digests] + [b"Europe/Paris", b"a" * 64]
    assert [secret for secret in secrets for value in lying if secret in value] == []


async def test_what_is_clear_shows_that_the_search_above_finds(valkey: Valkey) -> None:
    entry = rendering()
    async with cache_of(valkey) as cache:
        await cache.publish(variant(), new(entry))
        digest = entry.description.manifest.segments[0].digest
        for secret in (entry.chunks[0].frame, digest, digest.hex().encode(), b"a" * 64):
            assert any(secret in value for value in everything(valkey))


@pytest.mark.parametrize(
    ("writer", "reader", "outcome"),
    [
        ((OLD,), (NEW, OLD), None),
        ((OLD,), (NEW,), LookupOutcome.UNKNOWN_KEY),
        ((OLD,), (replace(NEW, name="old"),), LookupOutcome.CORRUPT),
        ((OLD,), (), LookupOutcome.FOREIGN),
        ((), (OLD,), LookupOutcome.FOREIGN),
    ],
    ids=["replaced", "unknown", "another of its name", "sealed, without keys", "clear, with keys"],
)
async def test_a_key_that_is_not_there_is_a_miss(
    valkey: Valkey,
    writer: tuple[SealingKey, ...],
    reader: tuple[SealingKey, ...],
    outcome: LookupOutcome | None,
) -> None:
    entry = rendering()
    async with cache_of(valkey, *writer) as cache:
        await cache.publish(variant(), new(entry))
    async with cache_of(valkey, *reader) as cache:
        assert await found(cache, entry) == (outcome or entry)
        await cache.publish(variant(), new(entry), replace=True)
        assert await found(cache, entry) == entry


async def test_an_update_after_a_replacement_keeps_the_segments_of_the_old_key(valkey: Valkey) -> None:
    base = whole(PARTS[:4], 1)
    async with cache_of(valkey, OLD) as cache:
        await cache.publish(variant(), new(base))
    later = whole([*PARTS[:3], PARTS[5]], 2)
    async with cache_of(valkey, NEW, OLD) as cache:
        await cache.publish(variant(), changed([*PARTS[:3], PARTS[5]], 2, base))
        assert await found(cache, later) == later
    registry = CollectorRegistry()
    async with opened(valkey, sealed(NEW), registry) as cache:
        assert await found(cache, later) is None
    assert registry.get_sample_value(
        "fhirexport_cache_segments_total", {"outcome": SegmentOutcome.UNKNOWN_KEY}
    )


async def test_no_field_and_no_segment_counts_in_the_place_of_another(valkey: Valkey) -> None:
    """Every value is put in every other's place: of another EJ, dataset, format, revision, segment."""
    places = [
        (variant(), rendering(1)),
        (variant(), rendering(2)),
        (variant(ej_id=2), rendering(1, ej_id=2)),
        (variant(layout=Format.NDJSON), rendering(1)),
    ]
    fields: list[dict[bytes, bytes]] = []
    segments: list[dict[str, bytes]] = []
    async with cache_of(valkey, NEW) as cache:
        with valkey.client() as client:
            for where, entry in places:
                await cache.publish(where, new(entry), replace=True)
                fields.append(client.hgetall(keys.head(where)))
                names = [
                    keys.segment(keys.head(where), sealed(NEW).name(keys.head(where), one.digest))
                    for one in entry.description.manifest.segments
                ]
                segments.append({name: client.get(name) for name in names})
            for here, there in permutations(range(len(places)), 2):
                where, entry = places[here]
                for name in (envelope.MANIFEST, envelope.SUM, "sha256", "manifest_sum"):
                    mixed = fields[here] | {name.encode(): fields[there][name.encode()]}
                    client.hset(keys.head(where), mapping=mixed)
                    assert await found(cache, entry, where) is LookupOutcome.CORRUPT
                client.hset(keys.head(where), mapping=fields[there] | {b"etag": fields[here][b"etag"]})
                assert await found(cache, entry, where) is LookupOutcome.CORRUPT
                client.hset(keys.head(where), mapping=fields[here])
            everywhere = [(name, value) for one in segments for name, value in one.items()]
            for (name, value), (_, other) in permutations(everywhere, 2):
                client.set(name, other)
                here = next(number for number, one in enumerate(segments) if name in one)
                where, entry = places[here]
                client.hset(keys.head(where), mapping=fields[here])
                assert await found(cache, entry, where) is None
                client.set(name, value)
                assert await found(cache, entry, where) == entry


async def test_nothing_that_others_write_counts(valkey: Valkey) -> None:
    """Whoever writes into Redis can make checksums too: without the key that is not enough."""
    entry, forged = rendering(1), rendering(2)
    async with cache_of(valkey, NEW) as cache:
        await cache.publish(variant(), new(entry))
        fields = envelope.write(forged.description, variant(), Forged(), validated_ms=0)
        with valkey.client() as client:
            client.hset(keys.head(variant()), mapping={**fields})
        assert await found(cache, forged) is LookupOutcome.CORRUPT


async def test_deleting_takes_the_segments_along(valkey: Valkey) -> None:
    async with cache_of(valkey, NEW) as cache:
        await cache.publish(variant(), new(large()))
        assert await cache.inspector.delete(lambda _: True) == ([keys.head(variant())], 1)
    with valkey.client() as client:
        assert [key for key in client.keys("*") if b"probe" not in key] == []


async def test_a_server_seals_and_takes_new_keys_without_a_restart(
    new_small: Callable[[str], str], valkey: Valkey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_file, "CHECK_SECONDS", 0.02)
    path, head = tmp_path / "keys.toml", keys.head(variant(dataset=Dataset.PATIENTS))
    await asyncio.to_thread(add_key, path, "first")
    url = await asyncio.to_thread(new_small, "sqlite")
    options = {"cache_keys_file": str(path), "cache_memory": LITTLE}
    async with serving(url, valkey, **options) as client:
        content, _ = await answer(client, "patients")
        await published(valkey, head)
        assert (await answer(client, "patients"))[1].cache_status == "fhirexport; hit"
        await asyncio.to_thread(add_key, path, "second")
        await sealed_by(valkey, head, b"second", client)
        assert (await answer(client, "patients"))[0] == content
    async with serving(url, valkey, **options) as client:
        again, snapshot = await answer(client, "patients")
        assert (again, snapshot.cache_status) == (content, "fhirexport; hit")
    assert b"MARTIN" in content
    assert not any(b"MARTIN" in value for value in everything(valkey))


async def sealed_by(valkey: Valkey, head: str, name: bytes, client: AsyncClient) -> None:
    """Waits until a rendering is sealed with a key: the file is read by and by."""
    async with asyncio.timeout(30):
        while True:
            with valkey.client() as redis:
                if name in redis.hget(head, "manifest"):
                    return
                redis.delete(head)
            await answer(client, "patients")
            await published(valkey, head)

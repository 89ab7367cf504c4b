"""Shows how a change of a rendering is published: as what is new of it, while what it shares stays there."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import redis
from fhirexport_server.cache import keys
from fhirexport_server.cache.port import Exactly, NewRendering
from fhirexport_server.cache.redis import connection as link_module
from fhirexport_server.cache.redis import segment_store
from fhirexport_server.cache.redis.redis_cache import RedisCache, open_redis_cache
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.outcomes import LookupOutcome
from fhirexport_server.domain.segments import Chunk
from fhirexport_server.telemetry.metrics import Metrics
from prometheus_client import CollectorRegistry
from support.renderings import PARTS, Whole, changed, digest, new, read, rendering, segment, variant, whole
from support.valkey import Valkey, unhurried

HEAD = "fhir:export:venues:ej:1"
SECONDS = 300


@pytest.fixture
async def cache(valkey: Valkey) -> AsyncIterator[RedisCache]:
    address = unhurried(valkey.url)
    metrics = Metrics(CollectorRegistry())
    async with open_redis_cache(address, dict.fromkeys(Dataset, SECONDS), metrics) as opened:
        yield opened


def key(chunks: tuple[Chunk, ...]) -> str:
    return keys.segment(HEAD, digest(chunks))


async def stored(cache: RedisCache, entry: Whole) -> Whole | None:
    found = await cache.look_up(variant(), Exactly(entry.description.etag))
    assert found.outcome is LookupOutcome.HIT
    return await read(cache, variant(), found)


def ends(client: redis.Redis) -> int:
    """When the first segment may expire, as the head has it."""
    return int(client.hget(HEAD, "ends") or 0)


def expire(client: redis.Redis, *, seconds: float) -> None:
    """Lets so much time go by for all that is there, as far as Redis's clock matters."""
    for name in client.scan_iter(match="*fhir:export:venues*"):
        client.pexpireat(name, client.pexpiretime(name) - int(seconds * 1000))
    client.hset(HEAD, "ends", ends(client) - int(seconds * 1000))


@pytest.fixture(autouse=True)
def unprobed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Probes only once: `commands` would count what a probe sends."""
    monkeypatch.setattr(link_module, "PROBE_SECONDS", 3600.0)


@pytest.fixture
def commands(valkey: Valkey) -> Iterator[Callable[[], int]]:
    """Returns how many commands Redis has run since it was last asked, besides those of scripts."""
    with valkey.client() as client:

        def sent() -> int:
            found = client.info("commandstats")
            of = (found.get(f"cmdstat_{name}", {"calls": 0}) for name in ("set", "evalsha"))
            # A script that Redis has not seen yet fails once, and is sent then.
            return sum(int(one["calls"]) - int(one.get("failed_calls", 0)) for one in of)

        last = sent()

        def since() -> int:
            nonlocal last
            before, last = last, sent()
            return last - before

        yield since


async def test_a_change_is_one_segment_and_one_script(
    cache: RedisCache, valkey: Valkey, commands: Callable[[], int]
) -> None:
    first = whole(PARTS[:5], 1)
    await cache.publish(variant(), new(first))
    commands()
    second = whole([*PARTS[:4], PARTS[5]], 2)
    await cache.publish(variant(), changed([*PARTS[:4], PARTS[5]], 2, first))
    assert commands() == 2
    assert await stored(cache, second) == second
    with valkey.client() as client:
        assert client.exists(key(PARTS[4])) == 1  # for those who still read the one before


async def test_the_head_goes_before_its_segments(cache: RedisCache, valkey: Valkey) -> None:
    before = whole(PARTS[:5], 1)
    await cache.publish(variant(), new(before))
    with valkey.client() as client:
        for n in range(2, 40):
            expire(client, seconds=20)
            made = [*PARTS[: n % 5], segment(f"change {n}".encode(), 100 + n)]
            entry = whole(made, n)
            await cache.publish(variant(), changed(made, n, before))
            assert SECONDS * 1000 * 0.74 < client.pttl(HEAD) <= SECONDS * 1000
            first = ends(client)
            assert client.pexpiretime(HEAD) <= first
            for part in made:
                assert first <= client.pexpiretime(key(part)) <= first + SECONDS * 1000 * 0.26
            assert await stored(cache, entry) == entry
            before = entry


async def test_segments_are_renewed_when_a_quarter_of_their_time_is_over(
    cache: RedisCache, valkey: Valkey, commands: Callable[[], int]
) -> None:
    await cache.publish(variant(), new(whole(PARTS[:5], 1)))
    renewals = []
    with valkey.client() as client:
        for n in range(2, 20):
            expire(client, seconds=20)
            commands()
            made = [*PARTS[:4], segment(f"change {n}".encode(), 10)]
            last = [*PARTS[:4], segment(f"change {n - 1}".encode(), 10)] if n > 2 else PARTS[:5]
            await cache.publish(variant(), changed(made, n, whole(last, n - 1)))
            renewals.append(commands() > 2)
    # Every fourth: 75 of 300 seconds are over after four times 20.
    assert renewals == [n % 4 == 3 for n in range(18)]


@pytest.mark.parametrize("lost", ["the head", "everything", "a segment and the head", "it is another"])
async def test_what_was_lost_is_written_again_where_it_is_at_hand(
    cache: RedisCache, valkey: Valkey, lost: str
) -> None:
    first = whole(PARTS[:5], 1)
    await cache.publish(variant(), new(first))
    with valkey.client() as client:
        match lost:
            case "the head":
                client.delete(HEAD)
            case "a segment and the head":
                client.delete(HEAD, key(PARTS[1]))
            case "it is another":
                client.flushdb()
                await cache.publish(variant(), new(whole(PARTS[5:], 1, shape="another")))
            case _:
                client.flushdb()
    made = [*PARTS[:4], PARTS[5]]
    at_hand = {digest(one): one for one in PARTS[:4]}
    await cache.publish(variant(), changed(made, 2, first, at_hand.get))
    assert await stored(cache, whole(made, 2)) == whole(made, 2)


async def test_what_was_lost_and_is_not_at_hand_is_missing(cache: RedisCache, valkey: Valkey) -> None:
    first = whole(PARTS[:5], 1)
    await cache.publish(variant(), new(first))
    with valkey.client() as client:
        client.delete(HEAD, key(PARTS[1]))
    made = [*PARTS[:4], PARTS[5]]
    await cache.publish(variant(), changed(made, 2, first))
    second = whole(made, 2).description
    parts = [part async for _, part in cache.segments(variant(), second.manifest.segments)]
    assert parts == [PARTS[0], None, *PARTS[2:4], PARTS[5]]
    # Who has rendered it again adds it to what is there.
    mended = NewRendering(second, PARTS[1], second.etag)
    await cache.publish(variant(), mended)
    assert await stored(cache, whole(made, 2)) == whole(made, 2)


async def test_a_change_does_not_take_the_place_of_a_later_state(cache: RedisCache) -> None:
    first, later = whole(PARTS[:5], 1), whole(PARTS[1:], 3)
    await cache.publish(variant(), new(later))
    await cache.publish(variant(), changed(PARTS, 2, first))
    assert await stored(cache, later) == later


@pytest.mark.parametrize("damaged", [b"", b"text", b"1e30", b"-1", b"nan", b"inf"])
async def test_a_damaged_time_only_costs_a_renewal(cache: RedisCache, valkey: Valkey, damaged: bytes) -> None:
    first = whole(PARTS[:5], 1)
    await cache.publish(variant(), new(first))
    with valkey.client() as client:
        client.hset(HEAD, "ends", damaged)
        await cache.publish(variant(), changed(PARTS, 2, first))
        assert 0 < client.pttl(HEAD) <= min(client.pttl(key(part)) for part in PARTS)
    assert await stored(cache, whole(PARTS, 2)) == whole(PARTS, 2)


@pytest.mark.long
async def test_two_million_venues_are_kept_changed_renewed_and_deleted(
    cache: RedisCache, valkey: Valkey, commands: Callable[[], int]
) -> None:
    parts = [segment(b"%d" % number, number) for number in range(20_000)]
    first = whole(parts, 1)
    await cache.publish(variant(), new(first))
    assert await stored(cache, first) == first
    commands()
    parts[777] = segment(b"changed", 777)
    second = whole(parts, 2)
    await cache.publish(variant(), changed(parts, 2, first))
    assert commands() == 2
    with valkey.client() as client:
        client.hset(HEAD, "ends", ends(client) - SECONDS * 400)
        parts[999] = segment(b"changed too", 999)
        third = whole(parts, 3)
        await cache.publish(variant(), changed(parts, 3, second))
        assert commands() == 2 + 20_000 // segment_store.RENEWED_AT_ONCE + 1
        assert await stored(cache, third) == third
        (facts,) = await cache.inspector.describe([HEAD])
        assert facts.size == sum(client.strlen(key(part)) for part in parts)
        found, deleted = await cache.inspector.delete(lambda one: one == variant())
        assert (found, deleted) == ([HEAD], 1)
        assert sum(b":s:" in one for one in client.scan_iter(count=5000)) == 2  # of the states before


async def test_descriptions_of_many_are_read_a_few_at_once(cache: RedisCache) -> None:
    entry = rendering(segments=3)
    for number in range(1, 45):
        await cache.publish(variant(number), new(rendering(segments=3, ej_id=number)))
    heads = [keys.head(variant(number)) for number in range(1, 45)]
    described = await cache.inspector.describe([*heads, "fhir:export:venues:ej:99"])
    assert [facts.key for facts in described] == heads
    assert {facts.etag for facts in described} == {entry.description.etag}


@pytest.mark.long
async def test_readers_and_writers_of_one_rendering_do_not_mix(cache: RedisCache) -> None:
    """While it changes again and again, whoever finds a state reads that one, to its end."""
    states: dict[str, Whole] = {}
    over = asyncio.Event()

    async def write() -> None:
        before = whole(PARTS, 1)
        await cache.publish(variant(), new(before))
        states[before.description.etag] = before
        for n in range(2, 150):
            made = [*PARTS[:3], segment(f"change {n}".encode() * 100, 50), *PARTS[4:]]
            entry = whole(made, n)
            states[entry.description.etag] = entry
            await cache.publish(variant(), changed(made, n, before))
            before = entry
        over.set()

    async def look() -> int:
        count = 0
        while not over.is_set():
            found = await cache.look_up(variant(), Exactly(whole((), 200).description.etag))
            if found.stored is not None:
                assert await read(cache, variant(), found) == states[found.stored.description.etag]
                count += 1
        return count

    _, *counts = await asyncio.gather(write(), *(look() for _ in range(4)))
    assert all(counts)

"""Shows that a Redis behind Sentinel, and a cluster, keep renderings as a single one does."""

import asyncio
import re
from collections.abc import Callable

import pytest
from fhirexport_server.cache import keys
from fhirexport_server.cache.entry import Variant
from fhirexport_server.cache.port import Exactly
from fhirexport_server.cache.redis.breaker import State
from fhirexport_server.cache.redis.redis_cache import RedisCache
from fhirexport_server.domain.datasets import Dataset, Detail, Format
from fhirexport_server.domain.errors import CacheUnavailableError, InvalidRequestError
from fhirexport_server.domain.outcomes import LookupOutcome
from support.renderings import Whole, new, read, rendering
from support.server import PATIENCE
from support.valkey_cluster import NodesCluster
from support.valkey_node import Node
from support.valkey_sentinel import SentinelGroup

Several = SentinelGroup | NodesCluster

VARIANTS = [
    Variant(ej_id, Dataset.VENUES, layout, Detail.SUMMARY)
    for ej_id in range(1, 21)
    for layout in (Format.BUNDLE, Format.NDJSON)
]
"""So many that each server of a cluster has some."""


Make = Callable[[int], Whole]
"""Makes the rendering of an EJ."""


def small(ej_id: int) -> Whole:
    return rendering(ej_id=ej_id)


def several_parts(ej_id: int) -> Whole:
    return rendering(ej_id=ej_id, size=200_000, segments=6, chunks=3)


def empty(ej_id: int) -> Whole:
    return rendering(ej_id=ej_id, segments=0)


async def fill(cache: RedisCache, make: Make = small) -> None:
    for variant in VARIANTS:
        entry = make(variant.ej_id)
        async with cache.claim(variant, entry.description.etag) as turn:
            assert turn
            await cache.publish(variant, new(entry))


async def outcomes(cache: RedisCache, make: Make = small) -> set[LookupOutcome]:
    return {
        (await cache.look_up(variant, Exactly(make(variant.ej_id).description.etag))).outcome
        for variant in VARIANTS
    }


async def available(cache: RedisCache) -> None:
    async with asyncio.timeout(PATIENCE):
        while cache.state is not State.AVAILABLE:
            await asyncio.sleep(0.02)


async def known_again(cache: RedisCache) -> None:
    """Waits until it knows all servers, which it asks for after the first answer that is out of place."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                assert [head async for head in cache.inspector.heads()]
            except CacheUnavailableError:
                await asyncio.sleep(0.05)
            else:
                return


def fail_over(several: Several) -> None:
    if isinstance(several, SentinelGroup):
        several.fail_over()
    else:
        several.fail_over(several.primaries[0])


def primaries(several: Several) -> list[Node]:
    return [node for node in several.nodes if node.is_primary]


@pytest.mark.long
@pytest.mark.parametrize("make", [small, several_parts, empty])
async def test_what_is_kept_comes_back_as_it_was(cache: RedisCache, make: Make) -> None:
    assert await outcomes(cache, make) == {LookupOutcome.MISS}
    await fill(cache, make)
    for variant in VARIANTS[::7]:
        entry = make(variant.ej_id)
        found = await cache.look_up(variant, Exactly(entry.description.etag))
        assert await read(cache, variant, found) == entry
    assert await outcomes(cache, lambda ej_id: rendering(9, ej_id=ej_id)) == {LookupOutcome.STALE}


async def test_they_are_counted_measured_and_deleted_exactly(cache: RedisCache, several: Several) -> None:
    await fill(cache)
    heads = [keys.head(variant) for variant in VARIANTS]
    with several.client() as client:
        client.set("session:1", "theirs")
    for node in primaries(several):
        with node.client() as client:
            mine = [key.decode() for key in client.scan_iter(match="fhir:export:*")]
            assert mine
            assert set(mine) <= set(heads)
    assert sorted([head async for head in cache.inspector.heads()]) == sorted(heads)
    for variant in VARIANTS:
        cache.answered(variant, small(variant.ej_id).description.etag)
    await cache.settle()
    described = await cache.inspector.describe(heads)
    assert sorted((facts.key, facts.hits) for facts in described) == sorted((head, 1) for head in heads)
    assert all(facts.size > 500 for facts in described)
    bundles = [variant for variant in VARIANTS if variant.format is Format.BUNDLE]
    matched, deleted = await cache.inspector.delete(lambda one: one.format is Format.BUNDLE)
    assert (sorted(matched), deleted) == (sorted(map(keys.head, bundles)), len(bundles))
    assert len([head async for head in cache.inspector.heads()]) == len(VARIANTS) - len(bundles)
    await cache.inspector.delete(lambda _: True)
    await cache.inspector.sweep()
    left = []
    for node in primaries(several):
        with node.client() as client:
            left += [key for key in client.scan_iter() if b"probe" not in key]
    assert left == [b"session:1"]


async def test_a_listing_goes_through_every_server(cache: RedisCache) -> None:
    await fill(cache)
    place, found = 0, list[str]()
    while True:
        place, page = await cache.inspector.scan(place, count=3)
        found += page
        if not place:
            break
    assert set(found) == {keys.head(variant) for variant in VARIANTS}


async def test_the_servers_facts_are_those_of_all_primaries(cache: RedisCache, several: Several) -> None:
    facts = await cache.inspector.server()
    commands = sum(node.client().info()["total_commands_processed"] for node in primaries(several))
    assert facts.name == "valkey"
    assert re.fullmatch(r"[\d.]+[KM]", facts.used_memory)
    assert 0 < facts.commands <= commands


@pytest.mark.long
async def test_a_walk_through_servers_that_change_is_an_error(cache: RedisCache, several: Several) -> None:
    await fill(cache)
    walk = cache.inspector.heads()
    await anext(walk)
    place, _ = await cache.inspector.scan(0, count=1)
    await asyncio.to_thread(fail_over, several)
    # Until then the former primary calls itself one as well, and has everything.
    await asyncio.to_thread(several.wait_until_settled)
    with pytest.raises(CacheUnavailableError):
        assert [head async for head in walk]
    await known_again(cache)
    with pytest.raises(InvalidRequestError):
        await cache.inspector.scan(place)
    assert len([head async for head in cache.inspector.heads()]) == len(VARIANTS)


@pytest.mark.long
async def test_after_a_failover_it_is_used_again_and_no_replica_ever_was(
    cache: RedisCache, several: Several
) -> None:
    await fill(cache)
    replicas = [node for node in several.nodes if not node.is_primary]
    assert await outcomes(cache) == {LookupOutcome.HIT}
    for node in replicas:
        with node.client() as client:
            assert "cmdstat_evalsha" not in client.info("commandstats")
    await asyncio.to_thread(fail_over, several)
    await available(cache)
    async with asyncio.timeout(PATIENCE):
        while await outcomes(cache) != {LookupOutcome.HIT}:
            await available(cache)


@pytest.mark.parametrize("several", ["cluster"], indirect=True)
async def test_slots_on_their_way_are_misses_at_most(several: NodesCluster, cache: RedisCache) -> None:
    source, target = several.primaries[:2]
    await fill(cache)
    with source.client() as giving, target.client() as taking:
        head = next(giving.scan_iter(match="fhir:export:*")).decode()
        slot = giving.cluster("keyslot", head)
        ids = [client.execute_command("CLUSTER", "MYID") for client in (giving, taking)]
        taking.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[0])
        giving.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[1])
        giving.migrate("127.0.0.1", target.port, head, 0, 5000)
        variant = keys.variant(head)
        assert variant is not None
        with pytest.raises(CacheUnavailableError):  # nobody could say how many there are
            assert [key async for key in cache.inspector.heads()]
        found = {
            (await cache.look_up(variant, Exactly(small(variant.ej_id).description.etag))).outcome
            for _ in range(20)
        }
        assert found <= {LookupOutcome.HIT, LookupOutcome.UNAVAILABLE, LookupOutcome.MISS}
        while names := giving.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 100):
            giving.execute_command("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *names)
        for client in (taking, giving):
            client.execute_command("CLUSTER", "SETSLOT", slot, "NODE", ids[1])
    await available(cache)
    async with asyncio.timeout(PATIENCE):
        while await outcomes(cache) != {LookupOutcome.HIT}:
            await available(cache)
    assert len([key async for key in cache.inspector.heads()]) == len(VARIANTS)


async def test_all_keys_of_a_head_are_on_its_server(cluster: NodesCluster) -> None:
    with cluster.nodes[0].client() as client:
        for variant in VARIANTS:
            head = keys.head(variant)
            theirs = (head, keys.segment(head, b"\x01" * 32), keys.lease(head, "1-2-x"))
            assert len({client.cluster("keyslot", key) for key in theirs}) == 1
        for tag in ("", "0", "17"):
            probes = (keys.probe_head(tag), keys.probe("hash", tag), keys.probe("lease", tag))
            assert len({client.cluster("keyslot", key) for key in probes}) == 1

"""Shows how processes agree on who makes a rendering, and what becomes of it when one dies."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from fhirexport_server.cache import keys
from fhirexport_server.cache.redis import claims
from fhirexport_server.cache.redis.breaker import State
from fhirexport_server.cache.redis.redis_cache import RedisCache, open_redis_cache
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.telemetry.metrics import Metrics
from prometheus_client import CollectorRegistry
from support.renderings import new, rendering, variant
from support.server import PATIENCE
from support.valkey import Valkey, unhurried

ETAG = rendering().description.etag
LEASE = keys.lease(keys.head(variant()), ETAG)


@asynccontextmanager
async def opened(valkey: Valkey) -> AsyncIterator[RedisCache]:
    address = unhurried(valkey.url)
    async with open_redis_cache(address, dict.fromkeys(Dataset, 300), Metrics(CollectorRegistry())) as cache:
        yield cache


@pytest.fixture
async def processes(valkey: Valkey) -> AsyncIterator[list[RedisCache]]:
    """Caches as of several processes: each with a connection of its own."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(opened(valkey)) for _ in range(4)]


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody give up waiting for a claim: who waits where they should not would wait for ever."""
    monkeypatch.setattr(claims, "PATIENCE_SECONDS", 10 * PATIENCE)


async def test_one_process_makes_it_and_the_others_find_it(processes: list[RedisCache]) -> None:
    making, turns = 0, []

    async def want(cache: RedisCache) -> None:
        nonlocal making
        async with cache.claim(variant(), ETAG) as turn:
            turns.append(turn)
            if turn:
                making += 1
                await asyncio.sleep(0.3)
                await cache.publish(variant(), new(rendering()))

    await asyncio.gather(*(want(cache) for cache in processes * 5))
    assert making == 1
    assert sorted(turns) == [False] * 19 + [True]


async def test_who_wants_another_state_does_not_wait(processes: list[RedisCache]) -> None:
    other = rendering(2).description.etag
    async with (
        processes[0].claim(variant(), ETAG),
        asyncio.timeout(PATIENCE),
        processes[1].claim(variant(), other) as turn,
    ):
        assert turn


async def test_a_claim_is_let_go_of_when_its_owner_gives_up(processes: list[RedisCache]) -> None:
    with pytest.raises(RuntimeError):
        async with processes[0].claim(variant(), ETAG):
            raise RuntimeError
    async with asyncio.timeout(PATIENCE), processes[1].claim(variant(), ETAG) as turn:
        assert turn


async def test_a_claim_is_renewed_as_long_as_its_owner_lives(
    processes: list[RedisCache], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "LEASE_SECONDS", 1.0)
    monkeypatch.setattr(claims, "PATIENCE_SECONDS", 2.0)
    async with processes[0].claim(variant(), ETAG) as first:
        assert first
        begun = asyncio.get_running_loop().time()
        async with processes[1].claim(variant(), ETAG) as second:
            assert second
        assert asyncio.get_running_loop().time() - begun > 2.0


async def test_a_dead_owner_costs_its_lease_at_most(valkey: Valkey, processes: list[RedisCache]) -> None:
    with valkey.client() as client:
        client.set(LEASE, "an owner that has died", px=400)
        async with processes[0].claim(variant(), ETAG) as turn:
            assert turn
            assert client.get(LEASE) != b"an owner that has died"
        assert client.get(LEASE) is None


async def test_nobody_lets_go_of_a_claim_of_another(valkey: Valkey, processes: list[RedisCache]) -> None:
    with valkey.client() as client:
        async with processes[0].claim(variant(), ETAG):
            client.set(LEASE, "another", px=5000)
        assert client.get(LEASE) == b"another"


async def test_a_lease_of_another_type_is_replaced(valkey: Valkey, processes: list[RedisCache]) -> None:
    with valkey.client() as client:
        client.hset(LEASE, "a", "b")
        async with processes[0].claim(variant(), ETAG) as turn:
            assert turn
            client.delete(LEASE)
            client.hset(LEASE, "a", "b")
        assert processes[0].state is State.AVAILABLE
        assert client.hget(LEASE, "a") == b"b"

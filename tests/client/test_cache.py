"""Shows what the clients say of the cache and do to it, through a real server and a real Valkey."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from datetime import timedelta

import pytest
from fhirexport import AsyncClient, Client, InvalidArgumentError, NotFoundError, UnavailableError, Warmed
from support.server import PATIENCE, running_server, wait_for_health
from support.valkey import Valkey

VENUES = "fhir:export:venues:ej:1"


@pytest.fixture
async def address(new_group: Callable[[str, int], str], valkey: Valkey) -> AsyncIterator[str]:
    url = new_group("sqlite", 60)
    async with running_server(url, redis_url=valkey.url) as address:
        await wait_for_health(address)
        yield address


async def _kept(client: AsyncClient, count: int) -> None:
    """Waits until so many renderings are kept: they are published after the answer."""
    async with asyncio.timeout(PATIENCE):
        while len([entry async for entry in client.cache.entries()]) != count:
            await asyncio.sleep(0.02)


async def test_warming_renders_and_is_told_one_by_one(address: str) -> None:
    async with AsyncClient(address) as client:
        made = [done async for done in client.cache.warm([1], ["structure", "venues"])]
        await _kept(client, 2)
        again = [done async for done in client.cache.warm([1], ["venues"])]
    assert [(done.entry.dataset, done.entry.ej_id, done.done_count, done.total_count) for done in made] == [
        ("structure", 1, 1, 2),
        ("venues", 1, 2, 2),
    ]
    assert all(done.elapsed is not None and done.elapsed > timedelta() for done in made)
    assert [(done.entry.key, done.elapsed, done.error) for done in again] == [(VENUES, None, None)]


async def test_warming_goes_on_after_one_that_fails(address: str) -> None:
    async with AsyncClient(address) as client:
        done = [done async for done in client.cache.warm([99, 1], ["structure"])]
    assert isinstance(done[0].error, NotFoundError)
    assert (done[0].error.reason, done[0].error.metadata["ej_id"]) == ("EJ_NOT_FOUND", "99")
    assert done[1].error is None


async def test_one_may_stop_warming(address: str) -> None:
    async with AsyncClient(address) as client:
        async with aclosing(client.cache.warm()) as warming:
            first = await anext(warming)
        assert (first.done_count, first.total_count) == (1, 9)
        assert (await client.cache.health()).state == "healthy"


async def test_an_unknown_dataset_is_refused_before_it_is_sent() -> None:
    with Client() as client, pytest.raises(ValueError, match="structure, patients, venues"):
        list(client.cache.warm([1], ["beds"]))  # type: ignore[list-item]  # what this is about


async def test_stats_count_what_the_cache_answered(address: str) -> None:
    async with AsyncClient(address) as client:
        for _ in range(4):
            await client.venues(1).read()
        await _kept(client, 1)
        stats = await client.cache.stats()
    assert (stats.enabled, stats.keyspace_hits, stats.keyspace_misses, stats.hit_rate) == (True, 3, 1, 75.0)
    assert stats.used_memory.endswith("M")
    assert stats.total_connections
    assert stats.total_commands
    assert [
        (one.dataset, one.hits, one.misses, one.stale_avoided, one.entry_count) for one in stats.datasets
    ] == [("structure", 0, 0, 0, 0), ("patients", 0, 0, 0, 0), ("venues", 3, 1, 0, 1)]


async def test_entries_say_what_is_kept(address: str) -> None:
    async with AsyncClient(address) as client:
        export = client.venues(1)
        await export.read()
        await client.venues(1).read("ndjson")
        await client.patients(1).read()
        await _kept(client, 3)
        # The key of a dataset names it in every layout.
        found = {entry.key: entry async for entry in client.cache.entries(VENUES)}
    assert set(found) == {VENUES, f"{VENUES}:v:ndjson"}
    entry = found[VENUES]
    assert export.snapshot is not None
    assert (entry.dataset, entry.ej_id) == ("venues", 1)
    assert (entry.etag, entry.revision) == (export.snapshot.etag, export.snapshot.revision)
    assert entry.size_bytes > 0
    assert timedelta(seconds=250) < entry.ttl <= timedelta(seconds=300)
    assert timedelta() <= entry.age < timedelta(seconds=PATIENCE)


async def test_every_page_of_entries_is_read(address: str, valkey: Valkey) -> None:
    # Keys among which ours are looked for: a page looks at some hundreds, and may show none.
    with valkey.client() as redis:
        redis.mset({f"fhir:export:others:{number}": "" for number in range(3000)})
    async with AsyncClient(address) as client:
        await client.venues(1).read()
        await _kept(client, 1)
        assert [entry.key async for entry in client.cache.entries()] == [VENUES]


async def test_invalidating_and_flushing_say_what_they_did(address: str) -> None:
    async with AsyncClient(address) as client:
        await client.venues(1).read()
        await client.patients(1).read()
        await _kept(client, 2)
        would = await client.cache.invalidate("fhir:export:venues:*", dry_run=True)
        assert (would.matched_count, would.deleted_count, would.sample_keys) == (1, 0, (VENUES,))
        await _kept(client, 2)
        done = await client.cache.invalidate("fhir:export:venues:*", reason="codes corrected")
        assert (done.matched_count, done.deleted_count, done.deletion_pending) == (1, 1, False)
        flushed = await client.cache.flush(reason="after the move")
        assert (flushed.matched_count, flushed.deleted_count, flushed.deletion_pending) == (None, 1, False)
        await _kept(client, 0)


async def test_a_pattern_that_is_none_is_refused(address: str) -> None:
    async with AsyncClient(address) as client:
        with pytest.raises(InvalidArgumentError) as refused:
            await client.cache.invalidate("session:*")
    assert [violation.field for violation in refused.value.violations] == ["pattern"]


async def test_both_clients_say_the_same(address: str) -> None:
    async with AsyncClient(address) as client:
        await client.venues(1).read()
        await _kept(client, 1)
        expected = {(entry.key, entry.etag, entry.size_bytes) async for entry in client.cache.entries()}

        def ask() -> list[Warmed]:
            with Client(address) as client:
                cache = client.cache
                found = {(entry.key, entry.etag, entry.size_bytes) for entry in cache.entries()}
                assert found == expected
                assert cache.health().state == "healthy"
                assert cache.stats().keyspace_misses == 1
                assert cache.invalidate(VENUES, dry_run=True).matched_count == 1
                warmed = list(cache.warm([1], ["venues"]))
                assert cache.flush().deleted_count == 1
                with pytest.raises(InvalidArgumentError):
                    cache.invalidate("*")
                with pytest.raises(InvalidArgumentError):
                    list(cache.warm([0]))
                return warmed

        warmed = await asyncio.to_thread(ask)
        assert [done.elapsed for done in warmed] == [None]


async def test_without_redis_health_says_why_and_stats_are_the_servers_own(
    new_database: Callable[[str], str],
) -> None:
    async with running_server(new_database("sqlite")) as address, AsyncClient(address) as client:
        await wait_for_health(address)
        health = await client.cache.health()
        assert (health.state, health.server, health.latency) == ("degraded", "", None)
        assert "does not answer" in health.message
        stats = await client.cache.stats()
        assert (stats.enabled, stats.keyspace_hits, stats.keyspace_misses) == (True, 0, 0)
        assert (stats.used_memory, stats.total_connections, stats.total_commands) == ("", None, None)
        assert [one.entry_count for one in stats.datasets] == [None] * 3
        with pytest.raises(UnavailableError) as refused:
            [entry async for entry in client.cache.entries()]
        assert (refused.value.reason, refused.value.retry_after) == ("CACHE_UNAVAILABLE", 1.0)
        flushed = await client.cache.flush()
        assert flushed.deletion_pending


async def test_without_its_database_a_server_still_says_how_it_does(valkey: Valkey) -> None:
    async with running_server("sqlite:////nowhere/none.db", redis_url=valkey.url) as address:
        await wait_for_health(address, serving=False)
        async with AsyncClient(address) as client:
            assert await client.health() == "NOT_SERVING"
            assert (await client.cache.health()).state == "healthy"
            assert (await client.cache.stats()).keyspace_hits == 0

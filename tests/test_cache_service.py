"""Shows the cache as a service's users see it: exports through real servers, with Redis and without."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
from fhirexport import AsyncClient
from sqlalchemy import text
from support.cached import LITTLE, answer, asked, change, hit, published, serving, status
from support.rows import writing
from support.valkey import Valkey

TIMES_TO_LIVE = {"structure": 3600, "patients": 600, "venues": 300}
DATASETS = tuple(TIMES_TO_LIVE)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def url(backend: str, new_group: Callable[[str, int], str]) -> str:
    return new_group(backend, 60)


@pytest.fixture
async def first(url: str, valkey: Valkey) -> AsyncIterator[AsyncClient]:
    """A server that keeps nothing in its own memory."""
    async with serving(url, valkey, cache_memory=LITTLE) as client:
        yield client


@pytest.fixture
async def second(url: str, valkey: Valkey) -> AsyncIterator[AsyncClient]:
    """Another server of the same database and Redis."""
    async with serving(url, valkey, cache_memory=LITTLE) as client:
        yield client


@pytest.mark.parametrize("dataset", DATASETS)
async def test_an_export_is_a_miss_and_then_a_hit_with_the_same_bytes(
    first: AsyncClient, valkey: Valkey, dataset: str
) -> None:
    content, snapshot = await answer(first, dataset)
    assert (snapshot.source, snapshot.cache_status) == ("database", "fhirexport; fwd=miss")
    await published(valkey, f"fhir:export:{dataset}:ej:1")
    await asyncio.sleep(0.05)  # or it may join the rendering that is just being put away
    again, kept = await answer(first, dataset)
    assert again == content
    assert (kept.source, kept.cache_status) == ("cache", "fhirexport; hit")
    assert (kept.etag, kept.revision, kept.read_time) == (
        snapshot.etag,
        snapshot.revision,
        snapshot.read_time,
    )


@pytest.mark.parametrize("dataset", DATASETS)
async def test_an_export_is_kept_under_its_key_for_its_time(
    first: AsyncClient, valkey: Valkey, dataset: str
) -> None:
    key = f"fhir:export:{dataset}:ej:1"
    await answer(first, dataset)
    await published(valkey, key)
    with valkey.client() as client:
        assert TIMES_TO_LIVE[dataset] * 0.89 < client.ttl(key) <= TIMES_TO_LIVE[dataset]


async def test_the_times_can_be_set(url: str, valkey: Valkey) -> None:
    times = {"cache_ttl": "100", "cache_ttl_venues": "20"}
    async with serving(url, valkey, **times) as client:
        for dataset, expected in (("structure", 100), ("venues", 20), ("patients", 600)):
            key = f"fhir:export:{dataset}:ej:1"
            await answer(client, dataset)
            await published(valkey, key)
            with valkey.client() as redis:
                assert expected * 0.85 < redis.ttl(key) <= expected


@pytest.mark.parametrize("dataset", DATASETS)
async def test_what_one_server_has_rendered_the_other_serves(
    first: AsyncClient, second: AsyncClient, valkey: Valkey, dataset: str
) -> None:
    content, _ = await answer(first, dataset)
    await published(valkey, f"fhir:export:{dataset}:ej:1")
    again, snapshot = await answer(second, dataset)
    assert (again, snapshot.source) == (content, "cache")


async def test_a_write_in_plain_sql_is_in_the_next_export_of_every_server(
    url: str, first: AsyncClient, second: AsyncClient, valkey: Valkey
) -> None:
    key = "fhir:export:venues:ej:1"
    for number in range(5):
        change(url, f"mark-{number}")
        content, snapshot = await answer((first, second)[number % 2])
        assert f"mark-{number}".encode() in content
        assert snapshot.source == "database"
        await published(valkey, key)
        async with asyncio.timeout(30):
            while (found := await answer((second, first)[number % 2]))[1].source != "cache":
                await asyncio.sleep(0.01)
        assert found[0] == content


async def test_a_write_elsewhere_outdates_nothing(url: str, first: AsyncClient, valkey: Valkey) -> None:
    content, _ = await answer(first)
    await published(valkey, "fhir:export:venues:ej:1")
    with writing(url) as connection:
        connection.execute(text("UPDATE patient SET used_family = 'DURAND' WHERE ej_id = 1"))
        connection.execute(text("UPDATE movement SET nature = 'H' WHERE ej_id = 2"))
    await hit(first)
    assert (await answer(first))[0] == content


async def test_the_formats_are_kept_apart(first: AsyncClient, valkey: Valkey) -> None:
    contents = {}
    for layout in ("bundle", "transaction", "ndjson"):
        for _ in range(2):
            contents[layout] = await asked(first, "venues").read(layout)
    assert len(set(contents.values())) == 3
    with valkey.client() as client:
        async with asyncio.timeout(30):
            while len(keys := sorted(client.scan_iter(match="fhir:export:*"))) < 3:
                await asyncio.sleep(0.01)
    assert keys == [
        b"fhir:export:venues:ej:1",
        b"fhir:export:venues:ej:1:v:ndjson",
        b"fhir:export:venues:ej:1:v:transaction",
    ]


async def test_what_is_in_redis_is_a_fourteenth_of_the_text(first: AsyncClient, valkey: Valkey) -> None:
    content, _ = await answer(first)
    await published(valkey, "fhir:export:venues:ej:1")
    with valkey.client() as client:
        assert client.hstrlen("fhir:export:venues:ej:1", "payload") < len(content) / 8


async def test_bypass_renders_afresh_and_keeps_it(first: AsyncClient, valkey: Valkey) -> None:
    content, _ = await answer(first)
    await published(valkey, "fhir:export:venues:ej:1")
    again, snapshot = await answer(first, fresh=True)
    assert (again, snapshot.cache_status) == (content, "fhirexport; fwd=bypass")
    await hit(first)


# --- other consistencies --------------------------------------------------------------------------


async def test_a_stale_export_is_served_to_whoever_accepts_one_and_to_nobody_else(
    url: str, first: AsyncClient, second: AsyncClient, valkey: Valkey
) -> None:
    content, _ = await answer(first)
    await published(valkey, "fhir:export:venues:ej:1")
    await answer(second, "structure")  # so that it knows the database
    change(url)
    for client in (first, second):
        again, snapshot = await answer(client, max_staleness=MINUTE)
        assert (again, snapshot.source) == (content, "cache")
    assert b"changed" in (await answer(second, max_staleness=timedelta(0)))[0]
    assert b"changed" in (await answer(second))[0]


async def test_within_its_bound_memory_answers_without_the_database(url: str) -> None:
    async with serving(url, None) as client:
        content, _ = await answer(client)
        change(url)
        assert (await answer(client, max_staleness=MINUTE))[0] == content
        assert (await answer(client, max_staleness=timedelta(microseconds=1)))[0] != content
        changed, _ = await answer(client)
        assert (await answer(client, max_staleness=MINUTE))[0] == changed != content


async def test_a_token_is_answered_with_its_revision_or_a_later_one(
    url: str, first: AsyncClient, second: AsyncClient, valkey: Valkey
) -> None:
    content, snapshot = await answer(first)
    await published(valkey, "fhir:export:venues:ej:1")
    for client in (first, second):
        assert (await answer(client, at_least=snapshot.revision))[0] == content
    change(url)
    changed, later = await answer(first)
    for client in (first, second):
        assert (await answer(client, at_least=later.revision))[0] == changed


# --- what happens to Redis ------------------------------------------------------------------------


async def test_exports_go_on_while_redis_dies_and_comes_back_older(url: str, own_valkey: Valkey) -> None:
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(serving(url, own_valkey, cache_memory=LITTLE)) for _ in range(2)
        ]
        for number in range(6):
            mark = f"mark-{number}"
            change(url, mark)
            for client in clients:
                assert mark.encode() in (await answer(client))[0]
            if number == 1:
                own_valkey.save()
            if number in {2, 4}:
                own_valkey.kill()
                assert await status(clients[0]) == "fhirexport; fwd=miss; detail=cache-unavailable"
                own_valkey.start()


async def test_exports_go_on_while_redis_is_frozen(url: str, own_valkey: Valkey) -> None:
    async with serving(url, own_valkey, cache_memory=LITTLE, cache_budget="0.3") as client:
        content, _ = await answer(client)
        own_valkey.pause()
        for _ in range(5):
            again, snapshot = await answer(client)
            assert (again, snapshot.source) == (content, "database")
        own_valkey.resume()


async def test_damage_is_rendered_over(first: AsyncClient, valkey: Valkey) -> None:
    content, _ = await answer(first)
    key = "fhir:export:venues:ej:1"
    await published(valkey, key)
    with valkey.client() as redis:
        for damage in ("manifest", "sum", "type", "segment", "evicted"):
            segment = next(redis.scan_iter(match=f"{{{key}}}:s:*"))
            match damage:
                case "type":
                    redis.delete(key)
                    redis.set(key, "what another program has put here")
                case "segment":
                    redis.setrange(segment, 100, b"!!!!")
                case "evicted":
                    redis.delete(segment)
                case _:
                    redis.hset(key, damage, redis.hget(key, damage)[:-1] + b"!")
            again, snapshot = await answer(first)
            assert (again, snapshot.source) == (content, "database")
            await hit(first)


# --- without --------------------------------------------------------------------------------------


async def test_cache_disabled_fallback(url: str, valkey: Valkey) -> None:
    async with serving(url, valkey, cache_enabled="false") as client:
        for dataset in DATASETS:
            content, snapshot = await answer(client, dataset)
            for _ in range(2):
                again, other = await answer(client, dataset)
                assert again == content
                assert {snapshot.source, other.source} == {"database"}
        change(url)
        assert b"changed" in (await answer(client))[0]
    with valkey.client() as redis:
        assert redis.keys("*") == []

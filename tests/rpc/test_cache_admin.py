"""Shows what operators see of the cache, through a real server and a real Valkey."""

import asyncio
from pathlib import Path
from typing import Any

import grpc
import pytest
from fhirexport.v1 import types_pb2 as types
from fhirexport.v1.cache_admin_pb2 import (
    FlushRequest,
    GetHealthRequest,
    GetHealthResponse,
    GetStatsRequest,
    InvalidateRequest,
    ListEntriesRequest,
)
from fhirexport.v1.export_service_pb2 import (
    ExportVenuesRequest,
)
from fhirexport_server.cache.redis.redis_cache import open_redis_cache
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.sealing.keys_file import add_key
from fhirexport_server.telemetry.metrics import Metrics
from prometheus_client import CollectorRegistry
from sqlalchemy import text
from support.admin import Server, fill, kept, refused, serving
from support.rows import writing
from support.server import PATIENCE
from support.valkey import Valkey, unhurried


async def test_the_hit_rate_is_this_services_own(server: Server, valkey: Valkey) -> None:
    with valkey.client() as other:
        for number in range(1000):
            other.set(f"session:{number}", "x")
            other.get(f"session:{number + 500}")
    for dataset, times in (("venues", 6), ("patients", 2), ("structure", 1)):
        for _ in range(times):
            await server.hit(dataset)
            await asyncio.sleep(0.05)  # so that it does not join the one before
    stats = await server.admin.GetStats(GetStatsRequest())
    assert (stats.keyspace_hits, stats.keyspace_misses) == (6, 3)
    assert stats.hit_rate == pytest.approx(66.67, abs=0.01)
    assert stats.enabled
    assert stats.used_memory[-1] in "BKMG"
    assert stats.total_commands > 2000
    assert stats.total_connections > 0
    assert [(one.dataset, one.hits, one.misses, one.stale_avoided) for one in stats.datasets] == [
        (types.DATASET_STRUCTURE, 0, 1, 0),
        (types.DATASET_PATIENTS, 1, 1, 0),
        (types.DATASET_VENUES, 5, 1, 0),
    ]
    await kept(valkey, 3)
    stats = await server.admin.GetStats(GetStatsRequest())
    assert [one.entry_count for one in stats.datasets] == [1, 1, 1]


async def test_what_would_have_been_stale_is_counted(sixty_url: str, server: Server) -> None:
    await server.hit()
    with writing(sixty_url) as connection:
        connection.execute(text("UPDATE venue SET nda = 'x' WHERE id = 1"))
    await asyncio.sleep(0.05)
    assert not await server.hit()
    stats = await server.admin.GetStats(GetStatsRequest())
    assert [one.stale_avoided for one in stats.datasets] == [0, 0, 1]


async def test_stats_of_a_fresh_server_are_zero_and_not_absent(server: Server) -> None:
    stats = await server.admin.GetStats(GetStatsRequest())
    for name in ("keyspace_hits", "keyspace_misses", "hit_rate"):
        assert stats.HasField(name)
        assert getattr(stats, name) == 0


# --- GetHealth -----------------------------------------------------------------------------------


async def test_health_says_what_is_at_the_other_end(server: Server, valkey: Valkey) -> None:
    health = await server.admin.GetHealth(GetHealthRequest())
    assert health.state == GetHealthResponse.STATE_HEALTHY
    with valkey.client() as client:
        assert health.server == f"valkey {client.info('server')['valkey_version']}"
    assert 0 < health.latency.ToMicroseconds() < 10_000_000
    assert "maxmemory is not set" in health.warnings[0]


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        ("allkeys-lru", "it evicts theirs"),
        ("noeviction", "refuses to write"),
        ("volatile-lfu", None),
    ],
)
async def test_health_warns_of_a_policy_that_harms(
    sixty_url: str, own_valkey: Valkey, policy: str, told: str | None
) -> None:
    own_valkey.configure("maxmemory", "100mb")
    own_valkey.configure("maxmemory-policy", policy)
    async with serving(sixty_url, own_valkey.url) as server:
        health = await server.admin.GetHealth(GetHealthRequest())
    assert [told in warning for warning in health.warnings if told] == ([True] if told else [])
    assert len(health.warnings) == bool(told)


@pytest.mark.parametrize("sealed", [False, True], ids=["clear", "sealed"])
async def test_health_warns_of_patients_on_the_disk_of_redis(
    sixty_url: str, own_valkey: Valkey, tmp_path: Path, *, sealed: bool
) -> None:
    own_valkey.configure("appendonly", "yes")
    keys: dict[str, Any] = {}
    if sealed:
        keys["cache_keys_file"] = tmp_path / "keys.toml"
        await asyncio.to_thread(add_key, keys["cache_keys_file"], "a")
    async with serving(sixty_url, own_valkey.url, **keys) as server:
        health = await server.admin.GetHealth(GetHealthRequest())
    assert any("in the clear" in warning for warning in health.warnings) is not sealed


async def test_health_is_degraded_without_redis_and_disabled_without_a_cache(
    sixty_url: str, own_valkey: Valkey
) -> None:
    async with serving(sixty_url, own_valkey.url) as server:
        own_valkey.configure("maxmemory", "1")
        async with asyncio.timeout(PATIENCE):
            while (
                await server.admin.GetHealth(GetHealthRequest())
            ).state != GetHealthResponse.STATE_DEGRADED:
                await asyncio.sleep(0.1)
        assert "refuses to write" in (await server.admin.GetHealth(GetHealthRequest())).message
        own_valkey.kill()
        health = await server.admin.GetHealth(GetHealthRequest())
        assert health.state == GetHealthResponse.STATE_DEGRADED
        assert "does not answer" in health.message
    async with serving(sixty_url, own_valkey.url, cache_enabled=False) as server:
        assert (await server.admin.GetHealth(GetHealthRequest())).state == GetHealthResponse.STATE_DISABLED


async def test_without_redis_the_rest_is_unavailable(sixty_url: str) -> None:
    async with serving(sixty_url, "unix:///nowhere/redis.sock") as server:
        for answer in (
            server.admin.ListEntries(ListEntriesRequest()),
            server.admin.Invalidate(InvalidateRequest(pattern="fhir:*", dry_run=True)),
        ):
            found = await refused(answer)
            assert (found.code, found.reason, found.retry_seconds) == (
                "UNAVAILABLE",
                "CACHE_UNAVAILABLE",
                1.0,
            )


async def test_without_redis_stats_are_this_servers_own(sixty_url: str) -> None:
    async with serving(sixty_url, "unix:///nowhere/redis.sock") as server:
        await server.hit()
        stats = await server.admin.GetStats(GetStatsRequest())
    assert (stats.enabled, stats.keyspace_hits, stats.keyspace_misses, stats.hit_rate) == (True, 0, 1, 0)
    assert [(one.hits, one.misses) for one in stats.datasets] == [(0, 0), (0, 0), (0, 1)]
    # What only Redis knows is left out: nobody could tell a 0 from a count.
    assert stats.used_memory == ""
    assert not any(stats.HasField(name) for name in ("total_connections", "total_commands"))
    assert not any(one.HasField("entry_count") for one in stats.datasets)


async def test_without_a_cache_there_is_nothing_to_see(sixty_url: str) -> None:
    async with serving(sixty_url, "unix:///nowhere/redis.sock", cache_enabled=False) as server:
        stats = await server.admin.GetStats(GetStatsRequest())
        assert (stats.enabled, stats.used_memory) == (False, "")
        assert not list((await server.admin.ListEntries(ListEntriesRequest())).entries)
        assert (await server.admin.Flush(FlushRequest())).deletion_pending


# --- ListEntries ---------------------------------------------------------------------------------


async def test_an_entry_is_listed_with_all_that_is_known(server: Server, valkey: Valkey) -> None:
    await server.hit()
    await kept(valkey, 1)
    await asyncio.sleep(0.05)
    for _ in range(3):
        assert await server.hit()
    async with asyncio.timeout(PATIENCE):
        while True:
            (entry,) = (await server.admin.ListEntries(ListEntriesRequest())).entries
            if entry.hits == 3:
                break
            await asyncio.sleep(0.1)
    answer = await server.exports.ExportVenues(ExportVenuesRequest(ej_id=1))
    assert (entry.key, entry.dataset, entry.ej_id) == ("fhir:export:venues:ej:1", types.DATASET_VENUES, 1)
    assert (entry.etag, entry.revision) == (answer.snapshot.etag, answer.snapshot.revision)
    with valkey.client() as client:
        segments = list(client.scan_iter(match=f"{{{entry.key}}}:s:*"))
        assert segments
        assert entry.size_bytes == sum(map(client.strlen, segments))
    assert 250 < entry.ttl.ToSeconds() <= 300
    assert 0 <= entry.age.ToSeconds() < PATIENCE


@pytest.mark.long
async def test_every_entry_is_on_one_page(server: Server, valkey: Valkey) -> None:
    address = unhurried(valkey.url)
    async with open_redis_cache(address, dict.fromkeys(Dataset, 300), Metrics(CollectorRegistry())) as cache:
        await fill(cache, 2000)
    found: list[str] = []
    token, pages = "", 0
    while pages == 0 or token:
        request = ListEntriesRequest(pattern="fhir:export:venues:*", page_size=70, page_token=token)
        page = await server.admin.ListEntries(request)
        assert len(page.entries) <= 70
        # The renderings of `fill` say that they are of EJ 1, so all the others are not whole.
        found += [entry.key for entry in page.entries]
        token, pages = page.next_page_token, pages + 1
    assert pages >= 2000 / 500
    assert found == ["fhir:export:venues:ej:1"]


@pytest.mark.parametrize("token", ["x", "AAAA", "MTox", "a" * 500])
async def test_a_token_that_is_none_is_refused(server: Server, token: str) -> None:
    found = await refused(server.admin.ListEntries(ListEntriesRequest(page_token=token)))
    assert (found.code, [*found.violations]) == ("INVALID_ARGUMENT", ["page_token"])


async def test_a_token_of_another_query_is_refused(server: Server, valkey: Valkey) -> None:
    with valkey.client() as client:
        client.mset({f"fhir:export:x:{number}": "" for number in range(2000)})
    page = await server.admin.ListEntries(ListEntriesRequest(pattern="fhir:*"))
    assert page.next_page_token
    request = ListEntriesRequest(pattern="fhir:export:*", page_token=page.next_page_token)
    assert (await refused(server.admin.ListEntries(request))).violations.keys() == {"page_token"}


# --- Warm ----------------------------------------------------------------------------------------


async def test_warming_renders_what_is_not_there(server: Server, valkey: Valkey) -> None:
    reports = await server.warmed(ej_ids=[1])
    assert [(report.done_count, report.total_count) for report in reports] == [(1, 3), (2, 3), (3, 3)]
    assert all(report.HasField("elapsed") and not report.HasField("error") for report in reports)
    await kept(valkey, 3)
    await asyncio.sleep(0.05)
    assert await server.hit("patients")
    again = await server.warmed(ej_ids=[1], datasets=[types.DATASET_VENUES])
    assert [report.HasField("elapsed") for report in again] == [False]
    assert again[0].entry.key == "fhir:export:venues:ej:1"
    assert again[0].entry.etag == reports[2].entry.etag


async def test_warming_everything_takes_every_ej(server: Server) -> None:
    reports = await server.warmed()
    assert {(report.entry.ej_id, report.entry.dataset) for report in reports} == {
        (ej_id, dataset) for ej_id in (1, 2, 3) for dataset in (1, 2, 3)
    }


async def test_one_that_fails_is_reported_and_the_rest_is_warmed(server: Server) -> None:
    reports = await server.warmed(ej_ids=[99, 1], datasets=[types.DATASET_STRUCTURE])
    assert [report.error.code for report in reports] == [grpc.StatusCode.NOT_FOUND.value[0], 0]


@pytest.mark.parametrize(
    ("request_", "field"),
    [({"ej_ids": [1, 0]}, "ej_ids[1]"), ({"datasets": [1, 9]}, "datasets[1]")],
)
async def test_what_cannot_be_warmed_is_refused(
    server: Server, request_: dict[str, list[int]], field: str
) -> None:
    found = await refused(server.warmed(**request_))
    assert (found.code, [*found.violations]) == ("INVALID_ARGUMENT", [field])

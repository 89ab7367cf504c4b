"""Shows what operators see of the cache and do to it, through a real server and a real Valkey."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

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
    WarmRequest,
    WarmResponse,
)
from fhirexport.v1.cache_admin_pb2_grpc import CacheAdminStub
from fhirexport.v1.export_service_pb2 import (
    ExportPatientsRequest,
    ExportStructureRequest,
    ExportVenuesRequest,
)
from fhirexport.v1.export_service_pb2_grpc import ExportServiceStub
from fhirexport_server.cache.entry import Variant
from fhirexport_server.cache.inspection import SCAN_KEYS
from fhirexport_server.cache.link import Address
from fhirexport_server.cache.redis_cache import RedisCache, open_redis_cache
from fhirexport_server.demo.group import batches
from fhirexport_server.domain.datasets import Dataset, Detail, Format
from fhirexport_server.metrics import Metrics
from fhirexport_server.store.loader import load
from prometheus_client import CollectorRegistry
from sqlalchemy import text
from structlog.testing import capture_logs
from support.renderings import made, rendering
from support.rows import writing
from support.server import PATIENCE, running_server, wait_for_health
from support.status import Refused
from support.status import refused as read_refusal
from support.valkey import Valkey

if TYPE_CHECKING:
    from fhirexport.v1.cache_admin_pb2_grpc import CacheAdminAsyncStub
    from fhirexport.v1.export_service_pb2_grpc import ExportServiceAsyncStub

MANY = 100_000
THEIRS = ("session:{}", "fhir:exports:{}", "fhir:export:venues:old:{}", "xfhir:export:{}")


@pytest.fixture
def url(new_database: Callable[[str], str]) -> str:
    url = new_database("sqlite")
    load(url, batches(patients=60))
    return url


class Server:
    """A server, as an operator reaches it."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.admin: CacheAdminAsyncStub = CacheAdminStub(channel)
        self.exports: ExportServiceAsyncStub = ExportServiceStub(channel)

    async def hit(self, dataset: str = "venues", ej_id: int = 1) -> bool:
        """Exports; says whether the cache answered."""
        match dataset:
            case "venues":
                answer: Any = await self.exports.ExportVenues(ExportVenuesRequest(ej_id=ej_id))
            case "patients":
                answer = await self.exports.ExportPatients(ExportPatientsRequest(ej_id=ej_id))
            case _:
                answer = await self.exports.ExportStructure(ExportStructureRequest(ej_id=ej_id))
        return bool(answer.snapshot.source == types.Snapshot.SOURCE_CACHE)

    async def becomes(self, state: int) -> GetHealthResponse:
        """Waits until the cache is in a state."""
        async with asyncio.timeout(PATIENCE):
            while (health := await self.admin.GetHealth(GetHealthRequest())).state != state:
                await asyncio.sleep(0.05)
        return health

    async def warmed(self, **request: Any) -> list[WarmResponse]:
        return [report async for report in self.admin.Warm(WarmRequest(**request))]


@asynccontextmanager
async def serving(url: str, redis_url: str, **settings: Any) -> AsyncIterator[Server]:
    async with (
        running_server(url, redis_url=redis_url, **settings) as address,
        grpc.aio.insecure_channel(address) as channel,
    ):
        await wait_for_health(address)
        yield Server(channel)


@pytest.fixture
async def server(url: str, valkey: Valkey) -> AsyncIterator[Server]:
    async with serving(url, valkey.url) as server:
        yield server


async def refused(answer: Awaitable[object]) -> Refused:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await answer
    return read_refusal(caught.value)


async def kept(valkey: Valkey, count: int) -> None:
    """Waits until Redis holds so many renderings."""
    async with asyncio.timeout(PATIENCE):
        with valkey.client() as client:
            while len(list(client.scan_iter(match="fhir:export:*"))) < count:
                await asyncio.sleep(0.01)


# --- GetStats -------------------------------------------------------------------------------------


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


async def test_what_would_have_been_stale_is_counted(url: str, server: Server) -> None:
    await server.hit()
    with writing(url) as connection:
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


# --- Invalidate and Flush -------------------------------------------------------------------------


async def test_an_invalidation_holds_in_every_process(url: str, server: Server, valkey: Valkey) -> None:
    async with serving(url, valkey.url) as other:
        for each in (server, other):
            for dataset in ("venues", "patients"):
                await each.hit(dataset)
        await kept(valkey, 2)
        await asyncio.sleep(0.05)
        assert await server.hit()
        assert await other.hit()
        answer = await server.admin.Invalidate(InvalidateRequest(pattern="fhir:export:venues:*"))
        assert (answer.matched_count, answer.deleted_count, answer.deletion_pending) == (1, 1, False)
        assert list(answer.sample_keys) == ["fhir:export:venues:ej:1"]
        assert not await other.hit()
        assert await other.hit("patients")
        assert await server.hit("patients")


@pytest.mark.parametrize(
    ("pattern", "gone"),
    [
        ("fhir:export:*", {"venues", "patients", "structure"}),
        ("fhir:*", {"venues", "patients", "structure"}),
        ("fhir:export:*:ej:1", {"venues", "patients", "structure"}),
        ("fhir:export:patients:ej:1", {"patients"}),
        ("fhir:export:*:ej:2", set()),
    ],
)
async def test_a_pattern_invalidates_what_it_names(
    server: Server, valkey: Valkey, pattern: str, gone: set[str]
) -> None:
    every = ("venues", "patients", "structure")
    for dataset in every:
        await server.hit(dataset)
    await kept(valkey, 3)
    await asyncio.sleep(0.05)
    answer = await server.admin.Invalidate(InvalidateRequest(pattern=pattern))
    assert answer.matched_count == answer.deleted_count == len(gone)
    assert {dataset for dataset in every if not await server.hit(dataset)} == gone


async def test_a_dry_run_only_says_what_it_would_do(url: str, server: Server, valkey: Valkey) -> None:
    await server.hit()
    await kept(valkey, 1)
    await asyncio.sleep(0.05)
    answer = await server.admin.Invalidate(InvalidateRequest(pattern="fhir:*", dry_run=True))
    assert (answer.matched_count, answer.deleted_count) == (1, 0)
    assert await server.hit()
    with writing(url) as connection:
        assert connection.execute(text("SELECT count(*) FROM cache_audit")).scalar_one() == 0


async def test_what_was_done_is_written_down(url: str, server: Server) -> None:
    metadata = (("x-request-id", "r-17"),)
    request = InvalidateRequest(pattern="fhir:export:venues:*", reason="codes corrected")
    with capture_logs() as lines:
        await server.admin.Invalidate(request, metadata=metadata)
        await server.admin.Flush(FlushRequest(reason="after the move"))
    with writing(url) as connection:
        rows = connection.execute(
            text(
                "SELECT action, scope, matched, reason, request_id, actor, done_at"
                " FROM cache_audit ORDER BY id"
            )
        ).all()
    assert [tuple(row)[:4] for row in rows] == [
        ("invalidate", "fhir:export:venues:*", 3, "codes corrected"),
        ("flush", "fhir:export:*", 3, "after the move"),
    ]
    assert rows[0].request_id == "r-17"
    assert all(row.actor.startswith("ipv4:127.0.0.1:") and row.done_at for row in rows)
    told = [line for line in lines if line["event"] == "cache_invalidated"]
    assert [(line["action"], line["reason"]) for line in told] == [
        ("invalidate", "codes corrected"),
        ("flush", "after the move"),
    ]


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
async def test_while_redis_is_away_it_counts_all_the_same(
    new_database: Callable[[str], str], own_valkey: Valkey, backend: str
) -> None:
    url = new_database(backend)
    load(url, batches(patients=20))
    async with serving(url, own_valkey.url) as server:
        for flush in (False, True):
            await server.hit()
            await asyncio.sleep(0.05)
            assert await server.hit()
            own_valkey.save()
            own_valkey.kill()
            if flush:
                flushed = await server.admin.Flush(FlushRequest())
                assert (flushed.deleted_count, flushed.deletion_pending) == (0, True)
            else:
                request = InvalidateRequest(pattern="fhir:export:*:ej:1")
                answer = await server.admin.Invalidate(request)
                assert (answer.deletion_pending, answer.HasField("matched_count")) == (True, False)
            own_valkey.start()
            assert not await server.hit()
            async with asyncio.timeout(PATIENCE):
                while (
                    await server.admin.GetHealth(GetHealthRequest())
                ).state != GetHealthResponse.STATE_HEALTHY:
                    await asyncio.sleep(0.05)
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("", "must not be empty"),
        ("*", "must start with fhir:"),
        ("session:*", "must start with fhir:"),
        ("fhir:" + "a" * 252, "at most 256 characters"),
        ("fhir:" + "*a" * 9, "at most 8 wildcards"),
    ],
)
async def test_a_pattern_that_is_none_is_refused(server: Server, pattern: str, told: str) -> None:
    found = await refused(server.admin.Invalidate(InvalidateRequest(pattern=pattern)))
    assert (found.code, found.reason, [*found.violations]) == (
        "INVALID_ARGUMENT",
        "INVALID_FIELD",
        ["pattern"],
    )
    assert told in found.violations["pattern"]
    assert "fhir:export:venues:*" in found.violations["pattern"]


@pytest.mark.parametrize("reason", ["x" * 257, "two\nlines", "\x1b[31m"])
async def test_a_reason_that_is_no_text_is_refused(server: Server, reason: str) -> None:
    for answer in (
        server.admin.Invalidate(InvalidateRequest(pattern="fhir:*", reason=reason)),
        server.admin.Flush(FlushRequest(reason=reason)),
    ):
        found = await refused(answer)
        assert (found.code, [*found.violations]) == ("INVALID_ARGUMENT", ["reason"])


async def test_a_server_that_may_not_write_says_so(
    new_database: Callable[[str], str], valkey: Valkey
) -> None:
    url = new_database("postgresql")
    load(url, batches(patients=20))
    with writing(url) as connection:
        connection.execute(text("DROP ROLE IF EXISTS onlooker"))
        connection.execute(text("CREATE ROLE onlooker LOGIN"))
        connection.execute(text("GRANT SELECT ON ALL TABLES IN SCHEMA public TO onlooker"))
    async with serving(url.replace("postgres@", "onlooker@"), valkey.url) as server:
        found = await refused(server.admin.Flush(FlushRequest()))
        assert (found.code, found.reason) == ("FAILED_PRECONDITION", "DATABASE_READ_ONLY")
    with writing(url) as connection:
        connection.execute(text("DROP OWNED BY onlooker"))


# --- among many keys ------------------------------------------------------------------------------


@pytest.fixture
def crowd(own_valkey: Valkey) -> Valkey:
    """A Valkey with as many keys of another application, some of them with names like ours."""
    with own_valkey.client() as client, client.pipeline(transaction=False) as pipeline:
        for number in range(MANY):
            name = ("session:{}", "fhir:exports:{}", "fhir:export:venues:old:{}", "xfhir:export:{}")[
                number % 4
            ]
            pipeline.set(name.format(number), "theirs")
            if number % 5000 == 4999:
                pipeline.execute()
    return own_valkey


async def test_no_key_of_another_application_is_touched(url: str, crowd: Valkey) -> None:
    async with serving(url, crowd.url) as server:
        for action in ("invalidate", "flush"):
            await server.hit()
            with crowd.client() as client:
                async with asyncio.timeout(PATIENCE):
                    while not client.exists("fhir:export:venues:ej:1"):
                        await asyncio.sleep(0.01)
            if action == "flush":
                assert (await server.admin.Flush(FlushRequest())).deleted_count == 1
            else:
                answer = await server.admin.Invalidate(InvalidateRequest(pattern="fhir:*"))
                assert (answer.matched_count, answer.deleted_count) == (1, 1)
        stats = await server.admin.GetStats(GetStatsRequest())
        assert sum(one.entry_count for one in stats.datasets) == 0
    with crowd.client() as client:
        theirs = [key for key in client.scan_iter(count=5000) if b"probe" not in key]
        assert len(theirs) == MANY
        assert set(client.mget(theirs)) == {b"theirs"}


async def test_many_keys_are_invalidated_step_by_step(url: str, own_valkey: Valkey) -> None:
    address = Address(own_valkey.url, socket_timeout=5, connect_timeout=5, budget=5)
    times = dict.fromkeys(Dataset, 3600)
    async with open_redis_cache(address, times, Metrics(CollectorRegistry())) as cache:
        await fill(cache, MANY)
    async with serving(url, own_valkey.url) as server:
        with own_valkey.client() as client:
            client.config_resetstat()
        answer = await server.admin.Invalidate(InvalidateRequest(pattern="fhir:export:venues:*"), timeout=120)
        with own_valkey.client() as client:
            calls = {name: stats["calls"] for name, stats in client.info("commandstats").items()}
    assert answer.matched_count == answer.deleted_count == MANY
    # No step looks at more than some hundred keys, or deletes more than one rendering.
    assert calls["cmdstat_scan"] > MANY / SCAN_KEYS * 0.9
    assert calls["cmdstat_evalsha"] >= MANY
    assert calls["cmdstat_unlink"] >= MANY
    assert not {"cmdstat_keys", "cmdstat_flushdb", "cmdstat_flushall", "cmdstat_del"} & calls.keys()
    with own_valkey.client() as client:
        assert [key for key in client.scan_iter(count=5000) if b"probe" not in key] == []


async def fill(cache: RedisCache, count: int) -> None:
    entry = rendering(size=50, chunks=1)
    for start in range(1, count, 200):
        with capture_logs():  # or each of them is a line
            await asyncio.gather(
                *(
                    cache.publish(Variant(ej_id, Dataset.VENUES, Format.BUNDLE, Detail.SUMMARY), made(entry))
                    for ej_id in range(start, start + 200)
                )
            )


# --- GetHealth ------------------------------------------------------------------------------------


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
    url: str, own_valkey: Valkey, policy: str, told: str | None
) -> None:
    own_valkey.configure("maxmemory", "100mb")
    own_valkey.configure("maxmemory-policy", policy)
    async with serving(url, own_valkey.url) as server:
        health = await server.admin.GetHealth(GetHealthRequest())
    assert [told in warning for warning in health.warnings if told] == ([True] if told else [])
    assert len(health.warnings) == bool(told)


async def test_health_is_degraded_without_redis_and_disabled_without_a_cache(
    url: str, own_valkey: Valkey
) -> None:
    async with serving(url, own_valkey.url) as server:
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
    async with serving(url, own_valkey.url, cache_enabled=False) as server:
        assert (await server.admin.GetHealth(GetHealthRequest())).state == GetHealthResponse.STATE_DISABLED


async def test_without_redis_the_rest_is_unavailable(url: str) -> None:
    async with serving(url, "unix:///nowhere/redis.sock") as server:
        for answer in (
            server.admin.GetStats(GetStatsRequest()),
            server.admin.ListEntries(ListEntriesRequest()),
            server.admin.Invalidate(InvalidateRequest(pattern="fhir:*", dry_run=True)),
        ):
            found = await refused(answer)
            assert (found.code, found.reason, found.retry_seconds) == (
                "UNAVAILABLE",
                "CACHE_UNAVAILABLE",
                1.0,
            )


async def test_without_a_cache_there_is_nothing_to_see(url: str) -> None:
    async with serving(url, "unix:///nowhere/redis.sock", cache_enabled=False) as server:
        stats = await server.admin.GetStats(GetStatsRequest())
        assert (stats.enabled, stats.used_memory) == (False, "")
        assert not list((await server.admin.ListEntries(ListEntriesRequest())).entries)
        assert (await server.admin.Flush(FlushRequest())).deletion_pending


# --- ListEntries ----------------------------------------------------------------------------------


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
        assert entry.size_bytes == client.hstrlen(entry.key, "payload")
    assert 250 < entry.ttl.ToSeconds() <= 300
    assert 0 <= entry.age.ToSeconds() < PATIENCE


async def test_every_entry_is_on_one_page(server: Server, valkey: Valkey) -> None:
    address = Address(valkey.url, socket_timeout=5, connect_timeout=5, budget=5)
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


# --- Warm -----------------------------------------------------------------------------------------


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

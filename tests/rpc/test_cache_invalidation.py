"""Shows what operators make outdated, and that it holds everywhere, also while Redis is away."""

import asyncio
from collections.abc import Callable

import pytest
from fhirexport.v1.cache_admin_pb2 import (
    FlushRequest,
    GetHealthRequest,
    GetHealthResponse,
    GetStatsRequest,
    InvalidateRequest,
)
from fhirexport_server.cache.redis.inspection import SCAN_KEYS
from fhirexport_server.cache.redis.redis_cache import open_redis_cache
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.telemetry.metrics import Metrics
from prometheus_client import CollectorRegistry
from sqlalchemy import text
from structlog.testing import capture_logs
from support.admin import Server, fill, kept, refused, serving
from support.rows import writing
from support.server import PATIENCE
from support.valkey import Valkey, unhurried

MANY = 20_000
OURS = 4_000
"""`make bench` measures how long Redis is held up among 100,000; the steps are the same."""
THEIRS = ("session:{}", "fhir:exports:{}", "fhir:export:venues:old:{}", "xfhir:export:{}")


async def test_an_invalidation_holds_in_every_process(sixty_url: str, server: Server, valkey: Valkey) -> None:
    async with serving(sixty_url, valkey.url) as other:
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


async def test_a_dry_run_only_says_what_it_would_do(sixty_url: str, server: Server, valkey: Valkey) -> None:
    await server.hit()
    await kept(valkey, 1)
    await asyncio.sleep(0.05)
    answer = await server.admin.Invalidate(InvalidateRequest(pattern="fhir:*", dry_run=True))
    assert (answer.matched_count, answer.deleted_count) == (1, 0)
    assert await server.hit()
    with writing(sixty_url) as connection:
        assert connection.execute(text("SELECT count(*) FROM cache_audit")).scalar_one() == 0


async def test_what_was_done_is_written_down(sixty_url: str, server: Server) -> None:
    metadata = (("x-request-id", "r-17"),)
    request = InvalidateRequest(pattern="fhir:export:venues:*", reason="codes corrected")
    with capture_logs() as lines:
        await server.admin.Invalidate(request, metadata=metadata)
        await server.admin.Flush(FlushRequest(reason="after the move"))
    with writing(sixty_url) as connection:
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
    new_group: Callable[[str, int], str], own_valkey: Valkey, backend: str
) -> None:
    url = new_group(backend, 20)
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
    new_group: Callable[[str, int], str], valkey: Valkey
) -> None:
    url = new_group("postgresql", 20)
    with writing(url) as connection:
        connection.execute(text("DROP ROLE IF EXISTS onlooker"))
        connection.execute(text("CREATE ROLE onlooker LOGIN"))
        connection.execute(text("GRANT SELECT ON ALL TABLES IN SCHEMA public TO onlooker"))
    async with serving(url.replace("postgres@", "onlooker@"), valkey.url) as server:
        found = await refused(server.admin.Flush(FlushRequest()))
        assert (found.code, found.reason) == ("FAILED_PRECONDITION", "DATABASE_READ_ONLY")
    with writing(url) as connection:
        connection.execute(text("DROP OWNED BY onlooker"))


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


async def test_no_key_of_another_application_is_touched(sixty_url: str, crowd: Valkey) -> None:
    async with serving(sixty_url, crowd.url) as server:
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


@pytest.mark.long
async def test_many_keys_are_invalidated_step_by_step(sixty_url: str, own_valkey: Valkey) -> None:
    address = unhurried(own_valkey.url)
    times = dict.fromkeys(Dataset, 3600)
    async with open_redis_cache(address, times, Metrics(CollectorRegistry())) as cache:
        await fill(cache, OURS)
    async with serving(sixty_url, own_valkey.url) as server:
        with own_valkey.client() as client:
            client.config_resetstat()
        answer = await server.admin.Invalidate(InvalidateRequest(pattern="fhir:export:venues:*"), timeout=120)
        with own_valkey.client() as client:
            calls = {name: stats["calls"] for name, stats in client.info("commandstats").items()}
    assert answer.matched_count == answer.deleted_count == OURS
    # No step looks at more than some hundred keys, or deletes more than one rendering.
    assert calls["cmdstat_scan"] > OURS / SCAN_KEYS * 0.9
    assert calls["cmdstat_evalsha"] >= OURS
    assert calls["cmdstat_unlink"] >= OURS
    assert not {"cmdstat_keys", "cmdstat_flushdb", "cmdstat_flushall", "cmdstat_del"} & calls.keys()
    with own_valkey.client() as client:
        assert [key for key in client.scan_iter(count=5000) if b"probe" not in key] == []

"""Shows what a Redis that reads its file (LOADING), or cannot write it (MISCONF), comes to: exports go on."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
import redis
from fhirexport import AsyncClient, CacheHealth
from fhirexport_server.cache.redis import connection as link_module
from structlog.testing import capture_logs
from support.cached import LITTLE, answer, change, hit, published, serving, status
from support.valkey import Valkey, running_valkey

PATIENCE = 60.0
HEAD = "fhir:export:venues:ej:1"
DOES_NOT_ANSWER = "Redis does not answer (BusyLoadingError): exports are read from the database"
REFUSES = "Redis refuses to write (ResponseError MISCONF): nothing new is kept"


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Probes often, so that a test need not wait."""
    monkeypatch.setattr(link_module, "PROBE_SECONDS", 0.2)
    monkeypatch.setattr(link_module, "LONGEST_PAUSE", 0.5)


async def told(client: AsyncClient, message: str) -> CacheHealth:
    """Waits until the server says something of its cache; returns all that it says."""
    async with asyncio.timeout(PATIENCE):
        while (health := await client.cache.health()).message != message:
            await asyncio.sleep(0.05)
    return health


@asynccontextmanager
async def loading(valkey: Valkey) -> AsyncIterator[None]:
    """Starts a Redis that reads its file slowly, until the end of the context."""
    start = asyncio.create_task(asyncio.to_thread(valkey.start))
    async with asyncio.timeout(PATIENCE):
        while not await asyncio.to_thread(is_loading, valkey):
            await asyncio.sleep(0.01)
    yield
    assert is_loading(valkey)
    valkey.configure("key-load-delay", "0")
    await start


def is_loading(valkey: Valkey) -> bool:
    with valkey.client() as client:
        try:
            client.get("any")
        except redis.BusyLoadingError:
            return True
        except (redis.ConnectionError, OSError):
            pass
    return False


@pytest.fixture
def slow() -> Iterator[Valkey]:
    """A Redis that takes minutes to read its file, unless it is told to make haste."""
    config = {"key-load-delay": "2000", "loading-process-events-interval-bytes": "1024"}
    with running_valkey(**config) as valkey:
        with valkey.client() as client:
            client.mset({f"other:{number}": "x" * 100 for number in range(20000)})
        yield valkey


@pytest.mark.long
async def test_while_redis_reads_its_file_exports_are_read_from_the_database(
    small_url: str, slow: Valkey
) -> None:
    with capture_logs() as lines:
        async with serving(small_url, slow, cache_memory=LITTLE) as client:
            await hit(client)
            slow.save()
            slow.kill()
            content, snapshot = await answer(client)
            assert snapshot.source == "database"
            async with loading(slow):
                # What it was away for at first is not the reason any more.
                health = await told(client, DOES_NOT_ANSWER)
                assert health.state == "degraded"
                for _ in range(3):
                    assert (await answer(client))[0] == content
            await told(client, "")
            await hit(client)
            assert (await answer(client))[0] == content
    said = [line["event"] for line in lines if line["event"].startswith("cache_") and "effect" in line]
    assert said == ["cache_unavailable"]


@pytest.mark.long
async def test_a_server_that_starts_while_redis_reads_its_file_finds_what_was_kept(
    small_url: str, slow: Valkey
) -> None:
    async with serving(small_url, slow, cache_memory=LITTLE) as client:
        await answer(client)
        await published(slow, HEAD)
    slow.save()
    slow.kill()
    async with loading(slow), serving(small_url, slow, cache_memory=LITTLE) as client:
        await told(client, DOES_NOT_ANSWER)
        assert await status(client) == "fhirexport; fwd=miss; detail=cache-unavailable"
    async with serving(small_url, slow, cache_memory=LITTLE) as client:
        assert await status(client) == "fhirexport; hit"


async def test_a_redis_that_cannot_save_is_still_read_and_never_believed(small_url: str) -> None:
    with running_valkey(save="3600 1000000") as valkey, capture_logs() as lines:
        async with serving(small_url, valkey, cache_memory=LITTLE) as client:
            await hit(client)
            valkey.fail_to_save()
            health = await told(client, REFUSES)
            assert (health.state, health.server is None) == ("degraded", False)
            assert await status(client) == "fhirexport; hit"
            change(small_url)
            content, snapshot = await answer(client)
            assert (b"changed" in content, snapshot.source) == (True, "database")
            # It is not kept, and not stale either.
            again, snapshot = await answer(client)
            assert (again, snapshot.source) == (content, "database")
            # A server that starts meanwhile finds the same.
            async with serving(small_url, valkey, cache_memory=LITTLE) as other:
                await told(other, REFUSES)
                assert (await answer(other))[0] == content
            valkey.save_again()
            await told(client, "")
            await hit(client)
    said = [(line["event"], line["reason"]) for line in lines if "effect" in line]
    assert said == [("cache_read_only", "ResponseError MISCONF")] * 2

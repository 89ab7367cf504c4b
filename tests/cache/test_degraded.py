"""Shows what a Redis that is away, slow, full or not permitted comes to: never an error, hardly a delay."""

import asyncio
import inspect
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from fhirexport_server.cache.port import Exactly
from fhirexport_server.cache.redis import connection as link_module
from fhirexport_server.cache.redis import lua_scripts
from fhirexport_server.cache.redis.breaker import State
from fhirexport_server.cache.redis.probing import READING, WRITING
from fhirexport_server.cache.redis.redis_cache import RedisCache, open_redis_cache
from fhirexport_server.cache.redis.servers.opening import RedisAddress
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.outcomes import LookupOutcome
from fhirexport_server.telemetry.metrics import Metrics
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs
from support.listening import listening
from support.renderings import large, new, rendering, variant
from support.valkey import Valkey, running_valkey

BUDGET = 2.0
"""For what is frozen. Elsewhere a Redis that is merely slow, on a busy machine, must not pass for away."""
PATIENCE = 30.0
WANTED = Exactly(rendering().description.etag)


@asynccontextmanager
async def opened(
    url: str, *, socket_timeout: float = PATIENCE, budget: float = PATIENCE
) -> AsyncIterator[RedisCache]:
    address = RedisAddress(url, socket_timeout=socket_timeout, connect_timeout=PATIENCE, budget=budget)
    metrics = Metrics(CollectorRegistry())
    async with open_redis_cache(address, dict.fromkeys(Dataset, 300), metrics) as cache:
        yield cache


async def wait_for(cache: RedisCache, state: State) -> None:
    async with asyncio.timeout(PATIENCE):
        while cache.state is not state:
            await asyncio.sleep(0.02)


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Probes often, so that a test need not wait."""
    monkeypatch.setattr(link_module, "PROBE_SECONDS", 0.2)
    monkeypatch.setattr(link_module, "LONGEST_PAUSE", 0.5)


async def use(cache: RedisCache) -> LookupOutcome:
    """Does all that an export does; returns what the look-up found."""
    look = await cache.look_up(variant(), WANTED)
    async with cache.claim(variant(), WANTED.etag):
        await cache.publish(variant(), new(rendering()))
        await cache.publish(variant(), new(large()))
    return look.outcome


async def test_it_starts_without_redis_and_finds_it_when_it_comes(own_valkey: Valkey) -> None:
    own_valkey.kill()
    async with opened(own_valkey.url) as cache:
        assert (cache.state, await use(cache)) == (State.UNAVAILABLE, LookupOutcome.UNAVAILABLE)
        assert cache.why in {"FileNotFoundError", "ConnectionRefusedError"}
        own_valkey.start()
        await wait_for(cache, State.AVAILABLE)
        assert await use(cache) is LookupOutcome.MISS


async def test_it_survives_a_redis_that_dies_and_comes_back(own_valkey: Valkey) -> None:
    async with opened(own_valkey.url) as cache:
        for _ in range(3):
            assert await use(cache) in {LookupOutcome.MISS, LookupOutcome.STALE, LookupOutcome.HIT}
            own_valkey.kill()
            assert await use(cache) is LookupOutcome.UNAVAILABLE
            own_valkey.start()
            await wait_for(cache, State.AVAILABLE)


@pytest.mark.long
async def test_a_frozen_redis_costs_its_budget_once(own_valkey: Valkey) -> None:
    async with opened(own_valkey.url, socket_timeout=BUDGET, budget=BUDGET) as cache:
        own_valkey.pause()
        clock = asyncio.get_running_loop().time
        begun = clock()
        looks = await asyncio.gather(*(cache.look_up(variant(), WANTED) for _ in range(20)))
        assert {look.outcome for look in looks} == {LookupOutcome.UNAVAILABLE}
        first = clock() - begun
        for _ in range(50):
            assert await use(cache) is LookupOutcome.UNAVAILABLE
        # A machine with other work is slow; 50 more budgets would be 100 seconds.
        assert clock() - begun < first + 10 * BUDGET
        own_valkey.resume()
        await wait_for(cache, State.AVAILABLE)


async def test_a_frozen_redis_costs_its_budget_however_long_the_driver_would_wait(own_valkey: Valkey) -> None:
    async with opened(own_valkey.url, socket_timeout=2 * PATIENCE, budget=1) as cache:
        assert (await cache.look_up(variant(), WANTED)).outcome is LookupOutcome.MISS
        own_valkey.pause()
        async with asyncio.timeout(PATIENCE):
            assert (await cache.look_up(variant(), WANTED)).outcome is LookupOutcome.UNAVAILABLE
        own_valkey.resume()


async def test_connections_that_are_dropped_are_not_noticed(own_valkey: Valkey) -> None:
    async with opened(own_valkey.url) as cache:
        with own_valkey.client() as client:
            for _ in range(10):
                await cache.publish(variant(), new(rendering()))
                client.client_kill_filter(_type="normal", skipme=True)
                assert (await cache.look_up(variant(), WANTED)).outcome is LookupOutcome.HIT


async def test_no_cancellation_is_lost(valkey: Valkey) -> None:
    async with opened(valkey.url) as cache:

        async def look_for_ever() -> None:
            while True:
                await cache.look_up(variant(), WANTED)

        for turns in range(300):
            task = asyncio.create_task(look_for_ever())
            for _ in range(turns % 13):
                await asyncio.sleep(0)
            task.cancel()
            done, _ = await asyncio.wait({task}, timeout=PATIENCE)
            assert done
        assert cache.state is State.AVAILABLE


@pytest.mark.parametrize(
    ("refuse", "allow"),
    [
        (
            lambda valkey: valkey.configure("maxmemory", "1"),
            lambda valkey: valkey.configure("maxmemory", "0"),
        ),
        (
            lambda valkey: valkey.configure("min-replicas-to-write", "1"),
            lambda valkey: valkey.configure("min-replicas-to-write", "0"),
        ),
        (
            lambda valkey: valkey.replicate("127.0.0.1", "1"),
            lambda valkey: valkey.replicate("NO", "ONE"),
        ),
    ],
    ids=["full", "too few replicas", "a replica itself"],
)
async def test_a_redis_that_refuses_to_write_is_still_read(
    own_valkey: Valkey, refuse: Callable[[Valkey], None], allow: Callable[[Valkey], None]
) -> None:
    async with opened(own_valkey.url) as cache:
        await cache.publish(variant(), new(rendering()))
        refuse(own_valkey)
        await wait_for(cache, State.READ_ONLY)
        for _ in range(3):
            assert await use(cache) is LookupOutcome.HIT
        assert cache.state is State.READ_ONLY
        allow(own_valkey)
        await wait_for(cache, State.AVAILABLE)


async def test_a_wrong_password_is_no_error(own_valkey: Valkey) -> None:
    own_valkey.configure("requirepass", "secret")
    async with opened(own_valkey.url) as cache:
        assert (cache.state, await use(cache)) == (State.UNAVAILABLE, LookupOutcome.UNAVAILABLE)
        assert cache.why == "AuthenticationError"
    async with opened(own_valkey.url.replace("unix://", "unix://:secret@")) as cache:
        assert (cache.state, await use(cache)) == (State.AVAILABLE, LookupOutcome.MISS)


@pytest.mark.parametrize(
    "query",
    ["", "ssl_cert_reqs=none", "ssl_cert_reqs=none&ssl_check_hostname=true", "ssl_ca_certs=/nowhere/ca.pem"],
)
async def test_tls_that_does_not_come_about_is_no_error(query: str) -> None:
    async def answer(_reader: object, writer: asyncio.StreamWriter) -> None:
        writer.write(b"-ERR this is no TLS\r\n")
        writer.close()
        await writer.wait_closed()

    async with listening(answer) as port, opened(f"rediss://127.0.0.1:{port}/0?{query}") as cache:
        assert (cache.state, await use(cache)) == (State.UNAVAILABLE, LookupOutcome.UNAVAILABLE)


USED = sorted({str(command[0]).lower() for command in (*READING, *WRITING)})


def test_every_command_that_is_used_is_probed() -> None:
    in_scripts = set(re.findall(r"redis\.p?call\('(\w+)'", inspect.getsource(lua_scripts)))
    assert {name.lower() for name in in_scripts} <= set(USED)


@pytest.mark.parametrize("command", USED)
async def test_a_command_that_is_not_permitted_is_told_once_and_by_name(
    own_valkey: Valkey, command: str
) -> None:
    reads = command in {str(needed[0]).lower() for needed in READING}
    with own_valkey.client() as client:
        client.execute_command("ACL", "SETUSER", "app", *RIGHTS.split(), f"-{command}")
    async with opened(own_valkey.url) as cache:
        await cache.publish(variant(), new(rendering()))
    expected = State.UNAVAILABLE if reads else State.READ_ONLY
    with capture_logs() as logs:
        async with opened(own_valkey.url.replace("unix://", "unix://app:secret@")) as cache:
            for _ in range(5):
                assert cache.state is expected
                assert await use(cache) is (LookupOutcome.UNAVAILABLE if reads else LookupOutcome.HIT)
                await cache._link.probe()  # noqa: SLF001 - not to wait for its turn
            assert cache.why == f"NoPermissionError: {command}"
    lines = [line for line in logs if line["log_level"] == "warning"]
    assert [(line["event"], line["reason"]) for line in lines] == [
        (f"cache_{expected.value}", f"NoPermissionError: {command}")
    ]


async def test_a_command_that_is_renamed_is_told_by_name() -> None:
    with running_valkey(**{"rename-command": "HSET hidden"}) as valkey:
        async with opened(valkey.url) as cache:
            assert (cache.state, cache.why) == (State.READ_ONLY, "NoPermissionError: hset")


RIGHTS = (
    "on >secret resetkeys ~fhir:export:* ~{fhir:export:*"
    " -@all +@read +@write +@scripting +@connection +@transaction +time -@dangerous"
    " +info +select +client|setname"
)


@pytest.mark.parametrize(
    ("rights", "expected"),
    [
        (RIGHTS, LookupOutcome.MISS),
        (RIGHTS.replace("+@scripting", ""), LookupOutcome.UNAVAILABLE),
        (RIGHTS.replace("~fhir:export:*", ""), LookupOutcome.UNAVAILABLE),
    ],
    ids=["enough", "no scripts", "other keys"],
)
async def test_rights_that_do_not_suffice_are_no_error(rights: str, expected: LookupOutcome) -> None:
    with running_valkey() as valkey:
        with valkey.client() as client:
            client.execute_command("ACL", "SETUSER", "exporter", *rights.split())
        async with opened(valkey.url.replace("unix://", "unix://exporter:secret@")) as cache:
            assert await use(cache) is expected


async def test_each_change_of_state_is_logged_once(own_valkey: Valkey) -> None:
    with capture_logs() as lines:
        async with opened(own_valkey.url) as cache:
            own_valkey.kill()
            for _ in range(5):
                await use(cache)
            await asyncio.sleep(1)
            own_valkey.start()
            await wait_for(cache, State.AVAILABLE)
            await use(cache)
    told = [line["event"] for line in lines if line["log_level"] in {"info", "warning"}]
    assert told == ["cache_available", "cache_unavailable", "cache_available"]
    assert all("secret" not in str(line) for line in lines)

"""Shows that the Redis user of docs/operations.md can do what the server does, and nothing to others."""

import asyncio
import shlex
from collections.abc import Callable

import pytest
import redis
from fhirexport import AsyncClient
from support.documented import commands
from support.server import PATIENCE, running_server, wait_for_health
from support.valkey import Valkey

(ACL,) = [command.line for command in commands("docs/operations.md") if "ACL SETUSER" in command.line]


@pytest.fixture
def url_of_user(own_valkey: Valkey) -> str:
    """The URL by which the user reaches Redis."""
    with own_valkey.client() as client:
        client.set("session:1", "theirs")
        client.execute_command(*shlex.split(ACL)[1:])
    return own_valkey.url.replace("unix://", "unix://fhirexport:password@")


async def test_the_server_can_do_all_it_does(new_group: Callable[[str, int], str], url_of_user: str) -> None:
    url = new_group("sqlite", 40)
    async with running_server(url, redis_url=url_of_user) as address, AsyncClient(address) as client:
        await wait_for_health(address)
        cache = client.cache
        for state in ("first", "again"):
            made = [done async for done in cache.warm([1])]
            assert [done.error for done in made] == [None] * 3
            async with asyncio.timeout(PATIENCE):
                while (await cache.stats()).datasets[2].entry_count != 1:
                    await asyncio.sleep(0.02)
            assert (await cache.health()).state == "healthy"
            assert (await cache.invalidate("fhir:export:venues:*", reason=state)).deleted_count == 1
            assert not (await cache.flush()).deletion_pending
            assert [entry async for entry in cache.entries()] == []
        assert (await cache.health()).state == "healthy"


@pytest.mark.parametrize(
    "command",
    [
        "FLUSHALL",
        "FLUSHDB",
        "KEYS *",
        "CONFIG GET *",
        "GET session:1",
        "DEL session:1",
        "SHUTDOWN",
        "ACL LIST",
    ],
)
def test_it_can_touch_nothing_of_others(command: str, url_of_user: str) -> None:
    with redis.Redis.from_url(url_of_user) as client, pytest.raises(redis.exceptions.NoPermissionError):
        client.execute_command(*command.split())

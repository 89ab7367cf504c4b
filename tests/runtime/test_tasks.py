"""Shows that an error is not reported as lost where its waiter is cancelled as it comes."""

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager

from fhirexport_server.cache.redis.connection import Link, linked
from fhirexport_server.runtime.interrupt import Interrupt
from fhirexport_server.runtime.threads import open_threads
from redis.exceptions import ConnectionError as RedisConnectionError
from support.valkey import Valkey, unhurried


@contextmanager
def _nothing_lost() -> Iterator[None]:
    reports: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: reports.append(context["message"]))
    try:
        yield
        gc.collect()
    finally:
        loop.set_exception_handler(None)
    assert reports == []


async def _cancelled_as_it_fails(link: Link) -> None:
    async def fail() -> None:
        caller.cancel()
        raise RedisConnectionError

    caller = asyncio.create_task(link.read(fail))
    await asyncio.wait({caller})
    assert caller.cancelled()


async def test_an_access_to_redis_that_fails_as_its_caller_is_cancelled(valkey: Valkey) -> None:
    async with linked(unhurried(valkey.url), lambda _: None) as link:
        with _nothing_lost():
            await _cancelled_as_it_fails(link)


async def test_a_thread_that_fails_as_its_caller_is_cancelled() -> None:
    def fail(_: Interrupt) -> None:
        raise ValueError

    async with open_threads(1) as threads:
        with _nothing_lost():
            run = threads.render(fail)
            await asyncio.wait({run.thread})
            run.stop()
            del run

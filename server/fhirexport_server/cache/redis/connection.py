"""Owns the connection to Redis: how it is made, how long it may take, and the probe that watches it."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, NoReturn, ParamSpec, TypeVar

import structlog
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoPermissionError, RedisError

from fhirexport_server.cache.redis.breaker import Breaker, State, meaning, reason
from fhirexport_server.cache.redis.probing import probe
from fhirexport_server.domain.errors import CacheUnavailableError

_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

CONNECTIONS = 32
PROBE_SECONDS = 5.0
"""How often a Redis that works is probed."""
SHORTEST_PAUSE, LONGEST_PAUSE = 0.5, 4.0
"""How long to wait before one that does not work is probed again: it doubles each time."""

FAILURES = (RedisError, OSError, TimeoutError)


@dataclass(frozen=True)
class RedisAddress:
    """Where Redis is, and how long to wait for it."""

    url: str
    """`redis://`, `rediss://` or `unix://`, with user, password and database where there are any."""
    socket_timeout: float
    """How long one reply may take, in seconds."""
    connect_timeout: float
    """How long a connection may take to make, in seconds."""
    budget: float
    """How long one access may take in all, in seconds."""
    shown: str = ""
    """The URL as it may be logged."""


class Link:
    """Calls Redis, as long as it works. Made by `linked`."""

    def __init__(self, client: "Redis", breaker: Breaker, budget: float) -> None:
        self.client = client
        self.breaker = breaker
        self._budget = budget
        self._under_way: set[asyncio.Future[Any]] = set()

    async def read(self, work: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Does one piece of work that writes nothing, within the budget.

        Raises:
            CacheUnavailableError: Redis does not answer, or refuses.
        """
        if not self.breaker.readable:
            raise CacheUnavailableError
        return await self._call(work, *args, **kwargs)

    async def ask(self, work: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Does one piece of work for an operator, as `read`; that it is not permitted opens nothing."""
        if not self.breaker.readable:
            raise CacheUnavailableError
        try:
            return await self._bounded(work(*args, **kwargs))
        except NoPermissionError as error:
            _log.warning("cache_not_permitted", reason=reason(error), remedy="see docs/operations.md")
            raise CacheUnavailableError from error
        except FAILURES as error:
            self.breaker.failed(error)
            raise CacheUnavailableError from error

    async def write(self, work: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Does one piece of work that writes, within the budget; raises as `read`."""
        if not self.breaker.writable:
            raise CacheUnavailableError
        return await self._call(work, *args, **kwargs)

    async def _call(self, work: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await self._bounded(work(*args, **kwargs))
        except FAILURES as error:
            self.breaker.failed(error)
            raise CacheUnavailableError from error

    async def _bounded(self, work: Awaitable[T]) -> T:
        # In a task of its own: the driver waits with asyncio.wait_for, which on Python 3.11 can lose a
        # cancellation. A caller that is cancelled, or has waited long enough, ends all the same.
        task = asyncio.ensure_future(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        try:
            await asyncio.wait({task}, timeout=self._budget)
            if not task.done():
                raise TimeoutError
            return task.result()
        finally:
            if not task.done():
                task.cancel()
                # Nobody is left to look at how it ended.
                task.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def settle(self) -> None:
        """Waits, not for long, for what nobody waits for any more: each has a connection."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=self._budget)

    async def probe(self) -> None:
        """Finds out how much of Redis can be used, whatever is known of it."""
        try:
            found = await self._bounded(probe(self.client))
        except FAILURES as error:
            self.breaker.probed(meaning(error), reason(error))
        else:
            self.breaker.probed(found.state, found.why)

    async def watch(self) -> NoReturn:
        """Probes for ever, also a Redis that was never there."""
        pause = SHORTEST_PAUSE
        while True:
            self.breaker.failure.clear()
            if self.breaker.state is State.AVAILABLE:
                pause = SHORTEST_PAUSE
                with suppress(TimeoutError):
                    async with asyncio.timeout(PROBE_SECONDS):
                        await self.breaker.failure.wait()
                if self.breaker.state is State.AVAILABLE:
                    await self.probe()
                continue
            # Full jitter: servers that lost Redis together do not come back together.
            await asyncio.sleep(random.uniform(0, pause))  # noqa: S311 - nothing secret about it
            pause = min(pause * 2, LONGEST_PAUSE)
            await self.probe()


@asynccontextmanager
async def linked(address: RedisAddress, changed: Callable[[State], None]) -> AsyncIterator[Link]:
    """Offers a link, after one attempt to reach Redis; watches it until the end."""
    client = _client(address)
    link = Link(client, Breaker(changed, address.shown), address.budget)
    await link.probe()
    watcher = asyncio.create_task(link.watch(), name="cache-watch")
    try:
        yield link
    finally:
        watcher.cancel()
        await asyncio.wait({watcher})
        await link.settle()
        with suppress(*FAILURES):
            async with asyncio.timeout(address.budget):
                await client.aclose()


def _client(address: RedisAddress) -> "Redis":
    # No health checks of the driver: it makes them inside its handshake too, and where that is refused it
    # connects again and again.
    options: dict[str, Any] = {
        "socket_timeout": address.socket_timeout,
        "socket_connect_timeout": address.connect_timeout,
        # Once, on a new connection, for one that was closed while it was idle. A reply that is late will
        # not be earlier the second time.
        "retry": Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
        "client_name": "fhirexport",
    }
    pool = BlockingConnectionPool.from_url(
        address.url, max_connections=CONNECTIONS, timeout=address.budget, **options
    )
    return Redis.from_pool(pool)

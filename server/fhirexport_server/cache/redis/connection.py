"""The connection to Redis: how it is made, how long an access may take, and the probe that watches it."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, NoReturn, ParamSpec, TypeVar

import structlog
from redis.exceptions import NoPermissionError, RedisClusterException, RedisError

from fhirexport_server.cache.redis.breaker import Breaker, State, meaning, reason
from fhirexport_server.cache.redis.probing import Verdict, probe
from fhirexport_server.cache.redis.servers.opening import CONNECTIONS, RedisAddress, opened
from fhirexport_server.cache.redis.servers.primaries import Client, RedisServers
from fhirexport_server.domain.errors import CacheUnavailableError
from fhirexport_server.runtime.tasks import heard

_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

PROBE_SECONDS = 5.0
"""The interval of probes while Redis works."""
SHORTEST_PAUSE, LONGEST_PAUSE = 0.5, 4.0
"""How long to wait before the next probe while Redis does not work. The pause doubles each time."""

FAILURES = (RedisError, RedisClusterException, OSError, TimeoutError, LookupError, AttributeError)
"""What an access may raise. The last two come from the driver, where a cluster's servers change while it
looks for one of them (redis/redis-py#2437)."""


class Link:
    """Calls Redis while it works. Made by `linked`."""

    def __init__(self, servers: RedisServers, breaker: Breaker, budget: float) -> None:
        self.servers = servers
        self.client: Client = servers.client
        self.breaker = breaker
        # The driver's clients of several servers raise an error where all their connections are in use.
        self._room = asyncio.Semaphore(CONNECTIONS)
        self._budget = budget
        self._under_way: set[asyncio.Future[Any]] = set()

    async def read(self, work: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run work that only reads, within the budget.

        Raises:
            CacheUnavailableError: Redis does not answer, or refuses.
        """
        if not self.breaker.readable:
            raise CacheUnavailableError
        return await self._call(work, *args, **kwargs)

    async def ask(self, work: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run work for an operator, as `read` does. A missing permission does not open the breaker."""
        if not self.breaker.readable:
            raise CacheUnavailableError
        try:
            return await self._bounded(work, *args, **kwargs)
        except NoPermissionError as error:
            _log.warning("cache_not_permitted", reason=reason(error), remedy="see docs/operations.md")
            raise CacheUnavailableError from error
        except FAILURES as error:
            self.breaker.failed(error)
            raise CacheUnavailableError from error

    async def write(self, work: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run work that writes, within the budget; raise as `read` does."""
        if not self.breaker.writable:
            raise CacheUnavailableError
        return await self._call(work, *args, **kwargs)

    async def _call(self, work: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await self._bounded(work, *args, **kwargs)
        except FAILURES as error:
            self.breaker.failed(error)
            raise CacheUnavailableError from error

    async def _bounded(self, work: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        # In a task of its own: the driver waits with asyncio.wait_for, which on Python 3.11 can lose a
        # cancellation. So a caller that is cancelled, or whose budget is spent, does not hang.
        task = asyncio.create_task(self._admitted(work, *args, **kwargs))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        heard(task)
        try:
            await asyncio.wait({task}, timeout=self._budget)
            if not task.done():
                raise TimeoutError
            return task.result()
        finally:
            task.cancel()

    async def _admitted(self, work: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        async with self._room:
            return await work(*args, **kwargs)

    async def settle(self) -> None:
        """Wait, within the budget, for abandoned calls, each of which holds a connection."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=self._budget)

    async def probe(self) -> None:
        """Find out how much of Redis can be used, whatever the present state."""
        try:
            verdict = await self._bounded(self._probed)
        except FAILURES as error:
            self.breaker.probed(meaning(error), reason(error))
        else:
            self.breaker.probed(verdict.state, verdict.why)

    async def _probed(self) -> Verdict:
        if self.breaker.state is not State.AVAILABLE:
            await self.servers.refresh()
        return await probe(self.servers)

    async def watch(self) -> NoReturn:
        """Probe for ever, even where Redis has never answered."""
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
            # Full jitter, so that servers that lost Redis together do not reconnect together.
            await asyncio.sleep(random.uniform(0, pause))  # noqa: S311 - nothing secret about it
            pause = min(pause * 2, LONGEST_PAUSE)
            await self.probe()


@asynccontextmanager
async def linked(address: RedisAddress, changed: Callable[[State], None]) -> AsyncIterator[Link]:
    """Open a link, after one attempt to reach Redis. Watch it until the end."""
    servers = opened(address)
    link = Link(servers, Breaker(changed, address.shown), address.budget)
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
                await servers.aclose()

"""Breaks one part after another: servers, the database, Redis. Of each kind of part, one thing at a time."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import cycle
from random import Random
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM
from time import monotonic

from verification.cluster.databases import Pair
from verification.cluster.servers import Servers
from verification.prove.bells import Ringer
from verification.prove.history import Fault
from verification.prove.redis_kinds import RedisFaults
from verification.prove.stamps import chosen

Breaking = Callable[[], Awaitable[bool]]


class Breaker:
    """Goes through what can happen to each part, in an order of chance."""

    def __init__(
        self, pair: Pair, redis: RedisFaults, servers: Servers, bell: Ringer, random: Random
    ) -> None:
        self._servers = servers
        self._bell = bell
        self._random = random
        self._numbers = cycle(range(len(servers.addresses)))
        of_redis = [(name, _threaded(work)) for name, work, _ in redis.faults()]
        of_database = [
            (name, _threaded(work))
            for name, work in (
                ("primary killed, the standby took its place", pair.kill_primary),
                ("primary hung, the standby took its place, two primaries", pair.leave_primary),
                ("primary killed and started", pair.restart_primary),
                ("primary frozen", pair.freeze_primary),
                ("failed over as planned", pair.switch),
                ("standby killed and started", pair.kill_standby),
                ("standby frozen", pair.freeze_standby),
                ("standby lags", pair.lag),
                ("connections ended", pair.end_connections),
                *([] if pair.pooler is None else [("pooler killed and started", pair.kill_pooler)]),
                *([] if pair.pooler is None else [("pooler frozen", pair.freeze_pooler)]),
            )
        ]
        of_servers: list[tuple[str, Breaking]] = [
            ("server killed and started", self._kill_server),
            ("server frozen", self._freeze_server),
            ("server restarted", self._restart_server),
        ]
        self._parts: dict[str, list[tuple[str, Breaking]]] = {
            "Redis": of_redis,
            "PostgreSQL": of_database,
            "fhirexport": of_servers,
        }
        self.faults: list[Fault] = []

    async def run(self, until: float, progress: Callable[[str], None]) -> None:
        """Breaks things until a time; then waits until all is whole again."""

        async def turn(part: str, breakings: Sequence[tuple[str, Breaking]]) -> None:
            for name, breaking in _shuffled(breakings, self._random):
                if monotonic() > until:
                    return
                progress(f"{len(self.faults)} faults, {part}: {name}")
                begun = monotonic()
                if await breaking():
                    self.faults.append(Fault(f"{part}: {name}", begun, monotonic()))
                    self._bell.ring(chosen(self._random, 12))
                await asyncio.sleep(self._random.uniform(0.3, 1.5))

        async with asyncio.TaskGroup() as group:
            for part, breakings in self._parts.items():
                group.create_task(turn(part, breakings))

    @property
    def counts(self) -> Counter[str]:
        """How often each fault was."""
        return Counter(fault.kind for fault in self.faults)

    async def _kill_server(self) -> bool:
        number = next(self._numbers)
        await self._servers.stop(number, send=SIGKILL)
        await self._servers.start(number)
        return True

    async def _restart_server(self) -> bool:
        number = next(self._numbers)
        await self._servers.stop(number, send=SIGTERM)
        await self._servers.start(number)
        return True

    async def _freeze_server(self) -> bool:
        number = next(self._numbers)
        self._servers.signal(number, SIGSTOP)
        await asyncio.sleep(self._random.uniform(0.2, 1.0))
        self._servers.signal(number, SIGCONT)
        return True


def _shuffled(breakings: Sequence[tuple[str, Breaking]], random: Random) -> Iterator[tuple[str, Breaking]]:
    while True:
        yield from random.sample(breakings, len(breakings))


def _threaded(work: Callable[[], bool]) -> Breaking:
    async def run() -> bool:
        return await asyncio.to_thread(work)

    return run

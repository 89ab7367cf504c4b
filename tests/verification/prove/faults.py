"""Injects faults: what is broken when, for how long, and what must not be broken together."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from time import monotonic
from typing import NamedTuple

import psycopg
from verification.prove.availability import CONNECTIONS_ENDED, SERVER_KILLED
from verification.prove.bells import Ringer
from verification.prove.breaking import Entries
from verification.prove.change_log import ChangeLog
from verification.prove.history import Fault
from verification.prove.redis_kinds import RedisFaults
from verification.prove.servers import Servers
from verification.prove.stamps import chosen

Breaking = Callable[[], Awaitable[bool]]


class _Card(NamedTuple):
    kind: str
    lock: asyncio.Lock
    breaking: Breaking
    times: int
    """How often it is in the deck."""


class Injector:
    """Draws faults from a deck, so that each kind comes in every round."""

    def __init__(
        self,
        broken: RedisFaults,
        servers: Servers,
        bell: Ringer,
        *,
        count: int,
        database_url: str,
        random: Random,
    ) -> None:
        self._servers = servers
        self._bell = bell
        self._count = count
        self._database_url = database_url
        self._random = random
        self._killed = 0
        self.faults: list[Fault] = []
        self._log = ChangeLog(database_url, random)
        redis, process, database = asyncio.Lock(), asyncio.Lock(), asyncio.Lock()
        entries = Entries(broken.client, random)
        self._cards: tuple[_Card, ...] = (
            *(_Card(kind, redis, _threaded(work), times) for kind, work, times in broken.faults()),
            _Card("entries flushed", redis, _threaded(entries.flush), 1),
            _Card("entries evicted", redis, _threaded(entries.evict), 2),
            _Card("entries corrupted", redis, _threaded(entries.corrupt), 5),
            _Card("entries exchanged", redis, _threaded(entries.exchange), 2),
            _Card("entries outdated", redis, _threaded(entries.outdate), 4),
            # Whoever does these has a connection that must not be ended meanwhile.
            _Card("log pruned", database, _threaded(self._log.prune), 2),
            _Card("exports invalidated", database, _threaded(self._log.invalidate), 1),
            _Card(SERVER_KILLED, process, self._kill_server, 1),
        )
        if database_url.startswith("postgresql:"):
            self._cards += (_Card(CONNECTIONS_ENDED, database, _threaded(self._end_connections), 2),)
        self._deck: list[_Card] = []

    async def run(self, until: float, rate: float, progress: Callable[[], None]) -> None:
        """Breaks `rate` things a second on average, until a time; then waits until all is whole again."""
        due = monotonic()
        async with asyncio.TaskGroup() as group:
            while True:
                due += self._random.expovariate(rate)
                card = await self._next(due, until, progress)
                if card is None:
                    return
                await card.lock.acquire()
                group.create_task(self._broken(card))

    async def _next(self, due: float, until: float, progress: Callable[[], None]) -> _Card | None:
        """Waits until it is time for a fault, and for one that can be now; None when the time is over."""
        while (now := monotonic()) < until:
            card = self._draw() if now >= due else None
            if card is not None:
                return card
            progress()
            await asyncio.sleep(min(0.5, max(0.02, due - now), until - now))
        return None

    def _draw(self) -> _Card | None:
        """Takes the next fault that can be now."""
        if not self._deck:
            self._deck = [card for card in self._cards for _ in range(card.times)]
            self._random.shuffle(self._deck)
        for card in self._deck:
            if not card.lock.locked():
                self._deck.remove(card)
                return card
        return None

    async def _broken(self, card: _Card) -> None:
        try:
            begun = monotonic()
            server = self._killed if card.kind == SERVER_KILLED else None
            if await card.breaking():
                self.faults.append(Fault(card.kind, begun, monotonic(), server))
                self._bell.ring(chosen(self._random, 12))
        finally:
            card.lock.release()

    async def _kill_server(self) -> bool:
        number = self._killed
        await self._servers.kill(number)
        await self._servers.start(number)
        self._killed = (number + 1) % self._count
        return True

    def _end_connections(self) -> bool:
        with psycopg.connect(self._database_url) as connection:
            ended = connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = 'fhirexport'"
            ).fetchall()
        return bool(ended)


def _threaded(work: Callable[[], bool]) -> Breaking:
    async def run() -> bool:
        return await asyncio.to_thread(work)

    return run

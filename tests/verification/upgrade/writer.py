"""Writers: threads that commit movements, whatever release serves, and keep account of it."""

import asyncio
import time
from bisect import bisect_left, bisect_right
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from threading import Event
from time import monotonic

from fhirexport_server.store.connection.engine import create
from verification.upgrade.rows import Stay, transact


@dataclass
class Ledger:
    """The transactions of one writer, which are numbered from 1."""

    stay: Stay
    sent: list[float] = field(default_factory=list)
    """When each began."""
    done: list[float] = field(default_factory=list)
    """When its commit had returned."""

    def acknowledged(self, at: float) -> int:
        """Return the last transaction whose commit had returned before a time; 0 for none."""
        return bisect_left(self.done, at)

    def begun(self, at: float) -> int:
        """Return the last transaction that had begun at a time; 0 for none."""
        return bisect_right(self.sent, at)

    def committed(self, begun: float, ended: float) -> int:
        """Return how many commits have returned between two times."""
        return bisect_right(self.done, ended) - bisect_left(self.done, begun)

    @property
    def slowest(self) -> float:
        """The longest that a transaction has taken, in seconds."""
        return max((done - sent for sent, done in zip(self.sent, self.done, strict=False)), default=0.0)


@asynccontextmanager
async def writing(url: str, stays: Sequence[Stay], pause: float) -> AsyncIterator[Sequence[Ledger]]:
    """Have a writer for each stay until the end of the context; each has committed once when it begins.

    Args:
        url: The URL of the database.
        stays: What the writers write to.
        pause: How long each waits between two transactions, in seconds.
    """
    ledgers, end = [Ledger(stay) for stay in stays], Event()
    started = [asyncio.Event() for _ in stays]
    loop = asyncio.get_running_loop()

    def write(ledger: Ledger, ready: asyncio.Event) -> None:
        # A connection of its own, and short transactions: a migration waits for those that are open.
        engine = create(url, pool_size=1)
        try:
            while not end.is_set():
                ledger.sent.append(monotonic())
                with engine.begin() as connection:
                    transact(connection, ledger.stay, len(ledger.sent))
                ledger.done.append(monotonic())
                if len(ledger.done) == 1:
                    loop.call_soon_threadsafe(ready.set)
                time.sleep(pause)
        finally:
            engine.dispose()

    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(asyncio.to_thread(write, ledger, ready))
            for ledger, ready in zip(ledgers, started, strict=True)
        ]
        try:
            for ready in started:
                await ready.wait()
            yield ledgers
        finally:
            end.set()
        del tasks

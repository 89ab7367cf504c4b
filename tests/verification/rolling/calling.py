"""Callers at a steady rate, through both clients, as programs use them: each call ends well or is counted."""

import asyncio
import hashlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from time import monotonic

import grpc
from fhirexport import AsyncClient, Client, ExportError
from fhirexport._internal import channels
from fhirexport.cache_models import Dataset

EJ_ID = 1
CLIENTS = 4
"""Of the asyncio kind."""
DATASETS: tuple[Dataset, ...] = ("structure", "patients", "venues")
MOST_AT_ONCE = 64
"""How many calls may be under way in one client; the next ones wait, so that no server is buried."""


@dataclass
class Tally:
    """What came of the calls."""

    seconds: list[float] = field(default_factory=list)
    """How long each took that ended well."""
    failed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """Answers whose bytes were others than those of the same dataset before: nothing is written meanwhile."""
    late: int = 0
    """How many began more than a second after they were due, because too many were under way."""
    digests: dict[str, str] = field(default_factory=dict)

    def answered(self, dataset: str, content: bytes, seconds: float) -> None:
        """Take note of an answer."""
        digest = hashlib.sha256(content).hexdigest()
        if self.digests.setdefault(dataset, digest) != digest or not content:
            self.wrong.append(dataset)
        self.seconds.append(seconds)

    def percentile(self, part: float) -> float:
        """Return how long so many of the calls took at most, in seconds."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


async def call_async(target: str, rate: float, until: Callable[[], bool], tally: Tally) -> None:
    """Call through the asyncio client, so many times a second."""
    places = asyncio.Semaphore(MOST_AT_ONCE)
    # With connections of their own, so that they reach different workers of a server.
    options = [*channels.options(), ("grpc.use_local_subchannel_pool", 1)]
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(
                AsyncClient(
                    channel=await stack.enter_async_context(grpc.aio.insecure_channel(target, options))
                )
            )
            for _ in range(CLIENTS)
        ]
        group = await stack.enter_async_context(asyncio.TaskGroup())

        async def one(client: AsyncClient, dataset: Dataset, due: float) -> None:
            async with places:
                tally.late += monotonic() - due > 1
                started = monotonic()
                try:
                    content = await getattr(client, dataset)(EJ_ID).read("ndjson")
                except ExportError as error:
                    tally.failed.append(f"async {dataset}: {type(error).__name__} {error}")
                else:
                    tally.answered(dataset, content, monotonic() - started)

        due, number = monotonic(), 0
        while not until():
            group.create_task(one(clients[number % CLIENTS], DATASETS[number % len(DATASETS)], due))
            number, due = number + 1, due + 1 / rate
            await asyncio.sleep(max(0.0, due - monotonic()))


def call_sync(target: str, rate: float, until: Callable[[], bool], tally: Tally) -> None:
    """Call through the client without an event loop, in threads, so many times a second in all."""
    threads = max(2, round(rate / 10))
    with Client(target) as client, ThreadPoolExecutor(threads) as pool:

        def lane(number: int) -> None:
            due = monotonic() + number / rate
            while not until():
                due += threads / rate
                dataset = DATASETS[number % len(DATASETS)]
                started = monotonic()
                tally.late += started - due > 1
                try:
                    content = getattr(client, dataset)(EJ_ID).read("ndjson")
                except ExportError as error:
                    tally.failed.append(f"sync {dataset}: {type(error).__name__} {error}")
                else:
                    tally.answered(dataset, content, monotonic() - started)
                # Who is held up does not make up for it at once: that would be another load.
                due = max(due, monotonic() - 1)
                time.sleep(max(0.0, due - monotonic()))

        list(pool.map(lane, range(threads)))

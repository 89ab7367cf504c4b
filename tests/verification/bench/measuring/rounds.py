"""Times several ways side by side: in rounds, each in an order of its own, so that all have the same luck."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

Call = Callable[[], Awaitable[object]]


async def interleaved(ways: Mapping[str, Call], rounds: int) -> dict[str, list[float]]:
    """Calls each way once a round, in a shuffled order; returns the seconds of each, round by round."""
    drawn = random.Random(1)
    names = list(ways)
    taken: dict[str, list[float]] = {name: [] for name in names}
    for way in ways.values():
        await way()
    for _ in range(rounds):
        drawn.shuffle(names)
        for name in names:
            begun = time.perf_counter()
            await ways[name]()
            taken[name].append(time.perf_counter() - begun)
    return taken


class Load(NamedTuple):
    """What a number of callers got who each call again as soon as they are answered."""

    calls: int
    seconds: float
    times: list[float]
    """The seconds of each call."""

    @property
    def rate(self) -> float:
        """Calls a second."""
        return self.calls / self.seconds


async def load(way: Call, callers: int, seconds: float) -> Load:
    """Has a number of callers call for some seconds."""
    times: list[float] = []
    begun = time.perf_counter()
    end = begun + seconds

    async def caller() -> None:
        while (start := time.perf_counter()) < end:
            await way()
            times.append(time.perf_counter() - start)

    await asyncio.gather(*(caller() for _ in range(callers)))
    return Load(len(times), time.perf_counter() - begun, times)

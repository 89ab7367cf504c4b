"""Measures how much a process grows while it works."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import psutil


@asynccontextmanager
async def growth(pid: int) -> AsyncIterator[Callable[[], int]]:
    """Watches a process; yields what says by how many bytes its RSS has grown at most."""
    process = psutil.Process(pid)
    before = process.memory_info().rss
    peak = [before]

    async def watch() -> None:
        while True:
            peak[0] = max(peak[0], process.memory_info().rss)
            await asyncio.sleep(0.02)

    task = asyncio.create_task(watch())
    try:
        yield lambda: peak[0] - before
    finally:
        task.cancel()

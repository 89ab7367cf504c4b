"""Owns the watch on the event loop: how late it goes on with what is due."""

import asyncio
from collections.abc import Callable
from typing import NoReturn


async def watch(lagged: Callable[[float], None], *, seconds: float = 0.25) -> NoReturn:
    """Takes a sample again and again, until it is cancelled.

    Args:
        lagged: is told how much later than it was due the loop went on, in seconds.
        seconds: how long to wait between samples.
    """
    clock = asyncio.get_running_loop().time
    while True:
        due = clock() + seconds
        await asyncio.sleep(seconds)
        lagged(max(0.0, clock() - due))

"""Measures the lag of the event loop: how late it runs what is due."""

import asyncio
from collections.abc import Callable
from typing import NoReturn


async def watch(lagged: Callable[[float], None], *, seconds: float = 0.25) -> NoReturn:
    """Take samples until cancelled.

    Args:
        lagged: Called with each sample, the lag in seconds.
        seconds: How long to wait between samples.
    """
    clock = asyncio.get_running_loop().time
    while True:
        due = clock() + seconds
        await asyncio.sleep(seconds)
        lagged(max(0.0, clock() - due))

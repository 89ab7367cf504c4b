"""Shows that a few large objects which only a search for cycles frees are found."""

import asyncio
import gc
from pathlib import Path
from weakref import ref

import pytest
from fhirexport_server.runtime import garbage
from support.server import PATIENCE


class _Leak:
    """A cycle that holds much."""

    def __init__(self) -> None:
        self.itself = self
        self.content = b"x" * (16 * 1024**2)


async def test_cycles_are_looked_for_where_memory_grows() -> None:
    gc.disable()  # by their number alone, the objects would never be enough
    try:
        watch = asyncio.create_task(garbage.collect_where_memory_grows(seconds=0.01))
        await asyncio.sleep(0.05)
        leaks = [ref(_Leak()) for _ in range(10)]
        async with asyncio.timeout(PATIENCE):
            while any(leak() is not None for leak in leaks):
                await asyncio.sleep(0.01)
        watch.cancel()
        await asyncio.wait({watch})
    finally:
        gc.enable()


async def test_cycles_are_looked_for_now_and_then_where_memory_cannot_be_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(garbage, "_STATM", Path("/nowhere"))
    monkeypatch.setattr(garbage, "_UNMEASURED_SECONDS", 0.01)
    gc.disable()
    try:
        leak = ref(_Leak())
        watch = asyncio.create_task(garbage.collect_where_memory_grows())
        async with asyncio.timeout(PATIENCE):
            while leak() is not None:
                await asyncio.sleep(0.01)
        watch.cancel()
        await asyncio.wait({watch})
    finally:
        gc.enable()

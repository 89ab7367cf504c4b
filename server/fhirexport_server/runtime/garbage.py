"""When Python collects the garbage that reference counts do not free.

Exports and imports make millions of objects and hardly a cycle. With Python's default thresholds, the search
for cycles took 40 % of an import's time. But Python counts objects, not bytes, so a few objects of many
megabytes would stay. Therefore growth of the memory in use triggers a collection as well.
"""

import asyncio
import ctypes
import gc
import os
from pathlib import Path
from typing import Final, NoReturn

_COLLECTED_AFTER: Final = (50_000, 20, 10)
_GROWTH_BYTES: Final = 64 * 1024**2
_MALLOC_OPTIONS: Final = {-8: 1, -3: 32 * 1024**2, -1: 16 * 1024**2}
"""Of glibc's malloc.h: M_ARENA_MAX, M_MMAP_THRESHOLD, M_TRIM_THRESHOLD."""
_UNMEASURED_SECONDS: Final = 60.0
_STATM: Final = Path("/proc/self/statm")


def collect_rarely() -> None:
    """Exempt all present objects from collection, and collect others less often, in the whole process."""
    gc.freeze()
    gc.set_threshold(*_COLLECTED_AFTER)


def give_back_early() -> None:
    """Have the C library return freed memory to the system soon, in the whole process.

    glibc makes an arena for nearly every thread, keeps up to 64 MiB free at the end of each, and
    `malloc_trim` passes over those ends, but for that of the first. So there is one arena for all: the
    interpreter lets one thread work at a time anyway. Large messages stay in it, and its end is kept up to
    twice the size of one: memory that is new for each message takes four times as long as the copying itself.
    Other C libraries have no such options.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for option, value in _MALLOC_OPTIONS.items():
            mallopt(option, value)


async def collect_where_memory_grows(*, seconds: float = 1.0, growth_bytes: int = _GROWTH_BYTES) -> NoReturn:
    """Collect all garbage whenever the process has grown, until cancelled.

    Also return freed memory to the system, which the C library keeps after many large messages.

    Args:
        seconds: How often to look at the memory in use.
        growth_bytes: The growth that triggers a collection, since the last one or since the minimum.
    """
    least = smallest = _resident_bytes()
    while True:
        await asyncio.sleep(seconds if least is not None else _UNMEASURED_SECONDS)
        now = _resident_bytes()
        if now is None or least is None or smallest is None:
            gc.collect()
            continue
        if now - least > growth_bytes:
            gc.collect()
            least = now
        if now - smallest > growth_bytes:
            await asyncio.to_thread(_give_back)
            now = _resident_bytes() or now
        least, smallest = min(least, now), min(smallest, now)


def _give_back() -> None:
    """Return the free memory of the C library to the system, where it can do that: glibc, on Linux."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _resident_bytes() -> int | None:
    """Return the memory that this process has in use; None where the system does not say, as on macOS."""
    try:
        pages = int(_STATM.read_text(encoding="ascii").split()[1])
    except OSError:
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")

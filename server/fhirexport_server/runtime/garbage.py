"""How often Python looks for garbage that reference counts do not free.

Exports and imports make millions of objects and hardly a cycle. Looked for as often as Python does unless
told otherwise, cycles took 40 % of an import's time. A few objects of many megabytes are another matter: to
Python they are a few objects. So the memory that is in use decides as well.
"""

import asyncio
import ctypes
import gc
import os
from pathlib import Path
from typing import Final, NoReturn

_COLLECTED_AFTER: Final = (50_000, 20, 10)
_GROWTH_BYTES: Final = 64 * 1024**2
_UNMEASURED_SECONDS: Final = 60.0
_STATM: Final = Path("/proc/self/statm")


def collect_rarely() -> None:
    """Looks at nothing that is there already, and at the rest less often. For a whole process."""
    gc.freeze()
    gc.set_threshold(*_COLLECTED_AFTER)


async def collect_where_memory_grows(*, seconds: float = 1.0, growth_bytes: int = _GROWTH_BYTES) -> NoReturn:
    """Look for all garbage whenever the process has grown, until it is cancelled.

    What is free already goes back to the system as well: after many large messages, the C library keeps it.

    Args:
        seconds: how long to wait between two looks at the memory in use.
        growth_bytes: how much it has grown by, since the last time or since it was least.
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
    """Give what the C library has free back to the system, where it can: glibc, on Linux."""
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

"""Shows that large objects in cycles are found, and that what threads have freed is given back."""

import asyncio
import gc
import subprocess
import sys
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


@pytest.mark.long
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


_THREADS = """
import sys, threading
from pathlib import Path
from fhirexport_server.runtime.garbage import _give_back, give_back_early
if sys.argv[1] == "early":
    give_back_early()
size = lambda: int(Path("/proc/self/statm").read_text().split()[1]) * 4096
barrier = threading.Barrier(9)
def work():
    for mib in (12, 8, 6, 4):
        [bytearray(b"x") * (mib << 20) for _ in range(3)]
    barrier.wait()  # all at once, so that each has an arena
    barrier.wait()
threads = [threading.Thread(target=work) for _ in range(8)]
before = size()
[thread.start() for thread in threads]
barrier.wait()
_give_back()
print(size() - before >> 20)
barrier.wait()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the C library of other systems has other ways")
@pytest.mark.long
def test_what_threads_have_freed_is_given_back() -> None:
    kept = [
        int(subprocess.run([sys.executable, "-c", _THREADS, when], capture_output=True, check=True).stdout)
        for when in ("late", "early")
    ]
    assert kept[1] < 16 < kept[0]

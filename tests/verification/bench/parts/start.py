"""Measures how long a server takes to serve, beside the imports that it cannot do without, and its memory."""

import asyncio
import statistics
import sys
import time
from pathlib import Path
from typing import Final

import psutil
from rich.table import Table
from verification.bench.measuring.databases import BACKENDS, Bench
from verification.bench.measuring.executed import executed
from verification.bench.measuring.figures import ratio
from verification.bench.measuring.results import Results

FLOOR: Final = "import grpc, sqlalchemy"
GOAL: Final = 3
MIB: Final = 1024 * 1024
PATIENTS: Final = 85


async def start(bench: Bench) -> Results:
    """Measures starts, each beside a start of Python with these imports."""
    results = Results()
    table = Table(title=f"From the start to SERVING, beside `{FLOOR}` (goal <= {GOAL}), and memory at rest")
    for heading in ("database", "floor s", "SERVING s", "to floor", "RSS MiB", "PSS MiB"):
        table.add_column(heading, justify="left" if heading == "database" else "right")
    results.tables.append(table)
    for backend in BACKENDS:
        url = bench.database(backend, PATIENTS)
        floors, starts, memories = [], [], []
        for _ in range(bench.rounds):
            floors.append(await _floor())
            seconds, memory = await _started(url, bench.directory)
            starts.append(seconds)
            memories.append(memory)
        to_floor = ratio(starts, floors)
        rss, pss = (statistics.median(one) / MIB for one in zip(*memories, strict=True))
        table.add_row(
            *(backend, f"{statistics.median(floors):.2f}", f"{statistics.median(starts):.2f}"),
            *(str(to_floor), f"{rss:.0f}", f"{pss:.0f}"),
        )
        results.figures[backend] = {**to_floor._asdict(), "rss_mib": rss, "pss_mib": pss}
    return results


async def _floor() -> float:
    begun = time.perf_counter()
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", FLOOR)
    await process.wait()
    return time.perf_counter() - begun


async def _started(url: str, directory: Path) -> tuple[float, tuple[int, int]]:
    """Starts a server; returns the seconds until it serves, and its RSS and PSS at rest, in bytes."""
    async with executed(directory, url) as server:
        await asyncio.sleep(1)
        memory = psutil.Process(server.pid).memory_full_info()
        return server.seconds, (memory.rss, memory.pss)

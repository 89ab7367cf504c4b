"""What several processes are worth: `python -m verification.rolling.cores`.

A server of one process and one of several, on one database and one Valkey, are asked for the same hit in
turns, in one run: as often as the callers can, for how many answers a second there are; and at one rate, for
what an answer costs. With all cores in use it costs everybody more, the callers too, for they share caches.
Exits with 1 where at one rate an answer of several processes costs over 5 % more than one of one process.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import psutil
from fhirexport_server.demo.group import batches
from fhirexport_server.store.loader import load
from fhirexport_server.store.migrate import migrate
from rich.console import Console
from rich.table import Table
from support.server import server_process
from support.valkey import running_valkey

PATIENTS = 85
"""Of which those of EJ 1 take some 200 KB."""
CALLERS, CONNECTIONS = 2, 4
"""Processes that call, and connections of each: they are spread over the workers by the kernel."""
GOAL = 1.05


@dataclass
class Rounds:
    """What the rounds with one server gave."""

    hits: list[float] = field(default_factory=list)
    """Answers a second."""
    server: list[float] = field(default_factory=list)
    """Processor milliseconds of the server for one."""
    callers: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)
    """The part of all cores that was in use, by anybody."""
    size: int = 0


@dataclass(frozen=True)
class Measured:
    """A server with those who call it."""

    process: psutil.Process
    callers: list[Process]
    rounds: Rounds = field(default_factory=Rounds)
    """As often as the callers can."""
    paced: Rounds = field(default_factory=Rounds)
    """At one rate."""

    def processor_seconds(self) -> float:
        """Return what the server has taken so far, its parent's part included."""
        all_of_it = (self.process, *self.process.children(recursive=True))
        return sum(times.user + times.system for times in (each.cpu_times() for each in all_of_it))

    async def measure(self, seconds: float, rate: float) -> None:
        """Call for some seconds, at a rate; 0 stands for as often as the callers can."""
        rounds = self.paced if rate else self.rounds
        before, start = self.processor_seconds(), monotonic()
        psutil.cpu_percent()
        for caller in self.callers:
            if caller.stdin is not None:
                caller.stdin.write(f"{seconds} {rate / len(self.callers)}\n".encode())
        answers = [await _line(caller) for caller in self.callers]
        busy, taken, elapsed = psutil.cpu_percent(), self.processor_seconds() - before, monotonic() - start
        hits = sum(float(answer[0]) for answer in answers)
        rounds.size = int(sum(float(answer[1]) for answer in answers) / hits)
        rounds.hits.append(hits / elapsed)
        rounds.server.append(1000 * taken / hits)
        rounds.callers.append(1000 * sum(float(answer[2]) for answer in answers) / hits)
        rounds.busy.append(busy)


async def _line(caller: Process) -> list[str]:
    if caller.stdout is None:
        raise AssertionError("the caller has no output")
    return (await caller.stdout.readline()).decode().split()


@asynccontextmanager
async def _measured(url: str, redis_url: str, directory: Path, workers: int) -> AsyncIterator[Measured]:
    directory.mkdir()
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(
            server_process(directory, url, REDIS_URL=redis_url, WORKERS=str(workers))
        )
        callers: list[Process] = []
        for _ in range(CALLERS):
            caller = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "verification.rolling.caller", server.address, str(CONNECTIONS)),
                stdin=PIPE,
                stdout=PIPE,
                env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
            )
            stack.callback(caller.kill)
            callers.append(caller)
            await _line(caller)
        yield Measured(psutil.Process(server.process.pid), callers)


async def measured(
    url: str, redis_url: str, directory: Path, counts: list[int], *, seconds: float, rounds: int, rate: float
) -> list[Measured]:
    """Measure servers of so many processes each, in turns."""
    async with AsyncExitStack() as stack:
        servers = [
            await stack.enter_async_context(_measured(url, redis_url, directory / f"{number}-{count}", count))
            for number, count in enumerate(counts)
        ]
        for _ in range(rounds):
            for server in servers:
                await server.measure(seconds, 0)
                await server.measure(seconds, rate)
        return servers


def main() -> int:
    """Measure, print a table; return the exit status."""
    parser = argparse.ArgumentParser(prog="verification.rolling.cores", description=__doc__)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--seconds", type=float, default=3.0, help="of each round")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--rate", type=float, default=500.0, help="the one rate, in answers a second")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fhirexport-cores-") as name, running_valkey() as valkey:
        url = f"sqlite:///{name}/hospital.db"
        migrate(url)
        load(url, batches(patients=PATIENTS))
        results = asyncio.run(
            measured(
                url,
                valkey.url,
                Path(name),
                given.workers,
                seconds=given.seconds,
                rounds=given.rounds,
                rate=given.rate,
            )
        )
    console = Console(width=110)
    paced = [result.paced for result in results]
    console.print(_table("as often as the callers can", given.workers, [result.rounds for result in results]))
    console.print(_table(f"{given.rate:.0f} a second", given.workers, paced))
    return int(any(_ratio(rounds.server, paced[0].server) > GOAL for rounds in paced))


def _table(how: str, counts: list[int], results: list[Rounds]) -> Table:
    connections, cores, size = CALLERS * CONNECTIONS, os.cpu_count(), results[0].size / 1000
    table = Table(title=f"A hit of {size:.0f} KB, {how}, {connections} connections, {cores} cores")
    for heading in (
        "workers",
        "hits/s",
        "to the first",
        "server ms/hit",
        "to the first",
        "callers ms/hit",
        "cores busy",
    ):
        table.add_column(heading, justify="right")
    first = results[0]
    for workers, rounds in zip(counts, results, strict=True):
        table.add_row(
            str(workers),
            f"{statistics.median(rounds.hits):.0f}",
            f"{_ratio(rounds.hits, first.hits):.2f}x",
            f"{statistics.median(rounds.server):.2f}",
            f"{_ratio(rounds.server, first.server):.2f}x",
            f"{statistics.median(rounds.callers):.2f}",
            f"{statistics.median(rounds.busy):.0f} %",
        )
    return table


def _ratio(values: list[float], to: list[float]) -> float:
    return statistics.median(value / other for value, other in zip(values, to, strict=True))


if __name__ == "__main__":
    sys.exit(main())

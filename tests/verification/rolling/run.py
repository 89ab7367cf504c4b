"""Rolling restarts under load: `python -m verification.rolling.run --seconds 120 --rate 200`.

Several servers behind one target, on one database and one Valkey. They are restarted one after the other,
again and again: as a new release is installed (SIGTERM, and another process at the same address), by their
workers (SIGHUP), or as a machine fails (`kill -9`). Both clients call at a steady rate all the time. Exits
with 1 where a call has failed, or an answer was another one than before.
"""

import argparse
import asyncio
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

from fhirexport_server.demo.group import batches
from fhirexport_server.store.loader import load
from fhirexport_server.store.migrate import migrate
from rich.console import Console
from rich.table import Table
from support.postgres import running_postgres
from support.valkey import running_valkey
from verification.rolling.calling import Tally, call_async, call_sync
from verification.rolling.fleet import Clock, Fleet, fleet

PATIENTS = 60
SETTLING_SECONDS = 6.0
"""How long to wait after a server serves before the next is restarted: clients look for one that was away
every five seconds at least."""
ASYNC_PART = 0.75
"""How many of the calls are made by the asyncio client."""
WAYS = ("stop", "roll", "kill")
SHOWN = 10


@dataclass(frozen=True)
class Options:
    """What to run."""

    seconds: float
    rate: float = 200.0
    servers: int = 2
    workers: int = 1
    ways: Sequence[str] = ("stop",)
    settling: float = SETTLING_SECONDS


@dataclass
class Outcome:
    """What happened."""

    tally: Tally = field(default_factory=Tally)
    restarts: Counter[str] = field(default_factory=Counter)
    statuses: list[int] = field(default_factory=list)
    """The exit statuses of servers that were told to end."""

    @property
    def is_good(self) -> bool:
        """Whether nothing failed, and something was shown."""
        tally = self.tally
        return not (tally.failed or tally.wrong or any(self.statuses)) and bool(
            tally.seconds and self.restarts
        )


async def rolled(url: str, redis_url: str, directory: Path, options: Options) -> Outcome:
    """Restart servers under load; return what happened."""
    outcome, clock = Outcome(), Clock()
    variables = {"REDIS_URL": redis_url, "WORKERS": str(options.workers), "DRAIN_DELAY": "2"}
    async with fleet(directory, url, options.servers, **variables) as servers:
        done = asyncio.Event()
        parts = (ASYNC_PART * options.rate, (1 - ASYNC_PART) * options.rate)
        callers = [
            asyncio.create_task(call_async(servers.target, parts[0], done.is_set, outcome.tally)),
            asyncio.create_task(
                asyncio.to_thread(call_sync, servers.target, parts[1], done.is_set, outcome.tally)
            ),
        ]
        try:
            await asyncio.sleep(1)
            start = clock()
            for step, number in enumerate(cycle(range(options.servers))):
                way = options.ways[step % len(options.ways)]
                await _restart(servers, number, way, outcome)
                outcome.restarts[way] += 1
                await asyncio.sleep(options.settling)
                # Each server at least once, in each way.
                if clock() - start > options.seconds and step + 1 >= options.servers * len(options.ways):
                    break
        finally:
            done.set()
            await asyncio.gather(*callers)
    return outcome


async def _restart(servers: Fleet, number: int, way: str, outcome: Outcome) -> None:
    if way == "roll":
        await servers.roll(number)
        return
    if way == "stop":
        outcome.statuses.append(await servers.end(number, signal.SIGTERM))
    else:
        await servers.end(number, signal.SIGKILL)
    await servers.start(number)


@contextmanager
def services() -> Iterator[tuple[str, str]]:
    """Run a database with a group in it, and a Valkey; yield their URLs."""
    with running_postgres() as postgres, running_valkey() as valkey:
        url = postgres.create_database()
        migrate(url)
        load(url, batches(patients=PATIENTS))
        yield url, valkey.url


def table(options: Options, outcome: Outcome, seconds: float) -> Table:
    """Return what happened, for people."""
    tally = outcome.tally
    shown = Table(
        title=f"{options.servers} servers of {options.workers} workers, {options.rate:.0f} calls a second"
    )
    for heading in (
        "restarts",
        "calls",
        "a second",
        "failed",
        "wrong",
        "late",
        "p50 ms",
        "p99 ms",
        "longest ms",
    ):
        shown.add_column(heading, justify="right")
    shown.add_row(
        ", ".join(f"{count} {way}" for way, count in outcome.restarts.items()),
        f"{len(tally.seconds) + len(tally.failed):,}",
        f"{len(tally.seconds) / seconds:.0f}",
        str(len(tally.failed)),
        str(len(tally.wrong)),
        str(tally.late),
        *(f"{1000 * tally.percentile(part):.0f}" for part in (0.5, 0.99, 1.0)),
    )
    return shown


def main() -> int:
    """Run it; return the exit status."""
    parser = argparse.ArgumentParser(prog="verification.rolling.run", description=__doc__)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--rate", type=float, default=200.0, help="calls a second")
    parser.add_argument("--servers", type=int, default=2)
    parser.add_argument("--workers", type=int, default=1, help="of each server")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=["stop"])
    given = parser.parse_args()
    options = Options(given.seconds, given.rate, given.servers, given.workers, given.ways)
    console = Console()
    with (
        tempfile.TemporaryDirectory(prefix="fhirexport-rolling-") as name,
        services() as (url, redis),
    ):
        clock = Clock()
        outcome = asyncio.run(rolled(url, redis, Path(name), options))
        console.print(table(options, outcome, clock()))
    for line in (outcome.tally.failed + outcome.tally.wrong)[:SHOWN]:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    return 0 if outcome.is_good else 1


if __name__ == "__main__":
    sys.exit(main())

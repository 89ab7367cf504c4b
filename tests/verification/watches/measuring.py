"""Has watchers watch a server while somebody writes plain SQL: when they hear of it, what it costs."""

import asyncio
import json
import random
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.revision import Token
from fhirexport_server.store.connection.engine import create
from fhirexport_server.store.database import Database
from sqlalchemy import text
from support.metrics import read
from support.server import ROOT, ServerProcess, server_process

_PATIENCE = 120.0
_CHANGE = text("UPDATE venue SET nda = :nda WHERE id = (SELECT min(id) FROM venue WHERE ej_id = 1)")
_TRANSACTIONS = text(
    "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"
)
_STATISTICS_SECONDS = 1.5
"""How old PostgreSQL's statistics of itself are at most."""


@dataclass(frozen=True)
class Commit:
    """One write."""

    revision: str
    """The revision that it made."""
    time: float
    """When its commit was begun, in seconds since 1970."""


@dataclass(frozen=True)
class Course:
    """What was measured with so many watchers."""

    watchers: int
    commits: int
    delays: Sequence[float]
    """For each commit and each watcher, how long after the commit began it was told, in seconds."""
    untold: int
    """Of commits and watchers together: never told, not even by a later revision."""
    seconds: float
    """How long it took, without the beginning and the end of the watches."""
    lookups: float
    """How many look-ups the server made for watches meanwhile."""
    transactions: int | None
    """How many transactions of anybody the database saw meanwhile; None on SQLite, which does not count."""
    growth: int
    """By how many bytes the server had grown."""
    processor_seconds: float
    """Processor time of the server meanwhile."""

    def percentile(self, part: float) -> float:
        """Return the delay that this part of the watchers' delays does not exceed, in seconds."""
        ordered = sorted(self.delays)
        return ordered[min(int(len(ordered) * part), len(ordered) - 1)]


@asynccontextmanager
async def serving(url: str, directory: Path) -> AsyncIterator[ServerProcess]:
    """Run a server with room for any number of watches."""
    async with server_process(
        directory, url, MAX_WATCHES="5000", MAX_WATCHES_PER_PEER="5000", METRICS_ADDRESS="127.0.0.1:0"
    ) as server:
        yield server


async def measured(
    url: str, server: ServerProcess, watchers: int, *, commits: int, pause: tuple[float, float]
) -> Course:
    """Have watchers watch EJ 1's venues while somebody changes them.

    Args:
        url: The server's database.
        server: A server with metrics.
        watchers: How many watch; with 0, nobody, and only the cost is measured.
        commits: How many writes there are.
        pause: The shortest and the longest time between two of them, in seconds.
    """
    process = psutil.Process(server.process.pid)
    size = process.memory_info().rss
    async with _watching(server.address, watchers) as told:
        growth = process.memory_info().rss - size
        transactions, lookups = await asyncio.to_thread(_transactions, url), await _lookups(server)
        begun, processor = time.monotonic(), _processor(process)
        made = await asyncio.to_thread(_write, url, commits, pause)
        if transactions is not None:
            await asyncio.sleep(_STATISTICS_SECONDS)
        seconds, used = time.monotonic() - begun, _processor(process) - processor
        after = await asyncio.to_thread(_transactions, url)
        lookups = await _lookups(server) - lookups
    heard, untold = delays(made, told)
    return Course(
        watchers,
        commits,
        heard,
        untold,
        seconds,
        lookups,
        None if transactions is None or after is None else after - transactions,
        growth,
        used,
    )


@asynccontextmanager
async def _watching(address: str, count: int) -> AsyncIterator[list[list[tuple[str, float]]]]:
    """Yield the list that has, in the end, what each watcher was told."""
    told: list[list[tuple[str, float]]] = []
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "verification.watches.watchers", address, str(count),
        stdin=pipe, stdout=pipe, cwd=ROOT / "tests", limit=1 << 26,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    async with asyncio.timeout(_PATIENCE):
        assert await process.stdout.readline() == b"ready\n"
    yield told
    # What was told last is on its way.
    await asyncio.sleep(2)
    process.stdin.close()
    async with asyncio.timeout(_PATIENCE):
        told += [json.loads(line) async for line in process.stdout]
        assert await process.wait() == 0


def _write(url: str, commits: int, pause: tuple[float, float]) -> list[Commit]:
    """Write with plain SQL, as another program does."""
    made = []
    engine = create(url)
    with Database.open(url) as database:
        for number in range(commits):
            time.sleep(random.uniform(*pause))
            with engine.connect() as connection:
                connection.execute(_CHANGE, {"nda": f"N{number}-{random.getrandbits(32):x}"})
                begun = time.time()
                connection.commit()
            revision = database.revision(1, Dataset.VENUES)
            assert revision is not None
            made.append(Commit(Token(1, Dataset.VENUES, revision).encode(), begun))
    engine.dispose()
    return made


def delays(made: Sequence[Commit], told: Sequence[Sequence[tuple[str, float]]]) -> tuple[list[float], int]:
    """Return how long after each commit each watcher heard of it, or of a later one; and how many never."""
    positions = {commit.revision: position for position, commit in enumerate(made)}
    found, untold = [], 0
    for messages in told:
        heard = [(positions[revision], when) for revision, when in messages if revision in positions]
        for position, commit in enumerate(made):
            times = [when for later, when in heard if later >= position]
            if times:
                found.append(min(times) - commit.time)
            else:
                untold += 1
    return found, untold


def _processor(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


async def _lookups(server: ServerProcess) -> float:
    page = await read(server.metrics_address())
    return sum(page.counted("fhirexport_watch_lookup_seconds_count", "outcome").values())


def _transactions(url: str) -> int | None:
    if url.startswith("sqlite"):
        return None
    engine = create(url)
    try:
        with engine.connect() as connection:
            return int(connection.execute(_TRANSACTIONS).scalar_one())
    finally:
        engine.dispose()

"""The course of an upgrade: what is done as docs/operations.md says, while writers write and readers read."""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from time import monotonic
from typing import NamedTuple, TypeVar

from support.ports import free_port
from support.server import ROOT, wait_for_health
from verification.rolling import former
from verification.rolling.mixed import Mixed
from verification.upgrade.equality import differences, make_fresh
from verification.upgrade.reader import Read, problems, reading
from verification.upgrade.rows import read_rows, stays
from verification.upgrade.writer import Ledger, writing

Result = TypeVar("Result")
FORMER, PRESENT = "F", "T"
NOTICING_SECONDS = 10.0
"""How long clients may take to find a server that was away: docs/operations.md, 'Several servers'."""


@dataclass(frozen=True)
class Options:
    """What to run."""

    seconds: float = 10.0
    """How long the former release is used before, and this one after."""
    settling: float = NOTICING_SECONDS
    """How long to wait after a server serves, before the next is replaced."""
    waits: bool = True
    """Whether a server of this release waits for its schema before the migration; else all come after it."""
    patients: int = 200
    writers: int = 2
    readers: int = 3
    pause: float = 0.05
    """Between two transactions of a writer, and two reads of a reader, in seconds."""


class Services(NamedTuple):
    """What servers use, by URL."""

    url: str
    """An empty database, to be upgraded."""
    fresh_url: str
    """Another one, which this release alone fills."""
    redis_url: str


@dataclass(frozen=True)
class Stage:
    """A part of the upgrade."""

    name: str
    begun: float
    ended: float


@dataclass
class Course:
    """What happened."""

    stages: list[Stage] = field(default_factory=list)
    ledgers: Sequence[Ledger] = ()
    reads: Sequence[Read] = ()
    releases: dict[str, str] = field(default_factory=dict)
    """By request id, the release of the server that has answered."""
    down: tuple[float, float] | None = None
    """From when until when the documentation says that there are no exports."""
    migrations: int = 0
    """How often `migrate` was called; 0 where the schema is the same."""
    compared: int = 0
    """How many exports of the upgraded database were compared with those of a fresh one."""
    different: Sequence[str] = ()
    """Which of them were not the same bytes."""

    async def stage(self, name: str, action: Awaitable[Result]) -> Result:
        """Do something, and keep how long it took; return what it returns."""
        begun = monotonic()
        done = await action
        self.stages.append(Stage(name, begun, monotonic()))
        return done

    def excused(self, read: Read) -> bool:
        """Return whether a read has failed when and as the documentation says."""
        if self.down is None or not read.failure.startswith(("UNAVAILABLE", "FAILED_PRECONDITION")):
            return False
        return read.start < self.down[1] and read.end > self.down[0]

    @property
    def answered(self) -> Counter[str]:
        """How many reads each release has answered; `?` are those that no server's log has."""
        return Counter(self.releases.get(read.request_id, "?") for read in self.reads if not read.failure)

    @property
    def outage(self) -> float:
        """For how long no export came to an end around the time without exports, in seconds."""
        if self.down is None:
            return 0.0
        ends = sorted(read.end for read in self.reads if not read.failure)
        gaps = [later - end for end, later in pairwise(ends) if later > self.down[0]]
        return max(gaps, default=0.0)

    @property
    def wrong(self) -> list[str]:
        """All that must not be."""
        found = [line for read in self.reads if not read.failure for line in problems(read, self.ledgers)]
        found += [
            f"failed: {read.dataset}: {read.failure}"
            for read in self.reads
            if read.failure and not self.excused(read)
        ]
        answered = self.answered
        found += [f"no read came from {name}" for name in (FORMER, PRESENT) if not answered[name]]
        if answered["?"]:
            found.append(f"{answered['?']} answers are in no server's log")
        found += [f"another export than of a fresh database: {name}" for name in self.different]
        return found if self.compared else [*found, "nothing was compared"]


async def upgraded(tree: Path, services: Services, directory: Path, options: Options) -> Course:
    """Upgrade a database and its servers under load; return what happened.

    Args:
        tree: The sources of the former release.
        services: What both releases use.
        directory: Where everything runs.
        options: What to run.
    """
    course, url = Course(), services.url
    await former.fill(tree, url, directory, options.patients)
    rows = read_rows(url)
    addresses = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    variables = {"DATABASE_URL": url, "REDIS_URL": services.redis_url, "DRAIN_DELAY": "3"}
    servers = Mixed({FORMER: tree, PRESENT: ROOT}, directory, variables, addresses)
    target = f"ipv4:{','.join(addresses)}"
    try:
        await servers.become(FORMER * 2)
        async with (
            writing(url, stays(rows, options.writers), options.pause) as course.ledgers,
            reading(target, options.readers, options.pause) as course.reads,
        ):
            await course.stage("the former release serves", asyncio.sleep(options.seconds))
            if former.schema(tree) == former.schema(ROOT):
                await _replace(course, servers, 0, options)
            else:
                await _migrate(course, servers, partial(former.migrate, ROOT, url, directory), options)
            await _replace(course, servers, 1, options)
            await course.stage("this release serves", asyncio.sleep(options.seconds))
        await asyncio.to_thread(make_fresh, services.fresh_url, rows, course.ledgers)
        course.compared, course.different = await differences(target, services.fresh_url, directory)
    finally:
        await servers.close()
    course.releases = _answered(servers.logs)
    return course


async def _replace(course: Course, servers: Mixed, number: int, options: Options) -> None:
    """Replace a server by one of this release, and leave clients the time to find it."""
    await course.stage(f"server {number + 1} is replaced", servers.replace(number, PRESENT))
    await course.stage("clients find it", asyncio.sleep(options.settling))


async def _migrate(
    course: Course, servers: Mixed, migrate: Callable[[], Awaitable[int]], options: Options
) -> None:
    """Migrate, and have one server of this release, which waits for the schema already, or comes after it."""
    if options.waits:
        await course.stage("server 1 is replaced, and waits", servers.replace(0, PRESENT, serving=False))
        await course.stage("clients find it", asyncio.sleep(options.settling))
    begun = monotonic()
    course.migrations = await course.stage("migrate", migrate())
    if options.waits:
        await course.stage("server 1 begins to serve", wait_for_health(servers.addresses[0]))
        course.down = (begun, monotonic())
    else:
        await _replace(course, servers, 0, options)
        course.down = (begun, course.stages[-2].ended + NOTICING_SECONDS)


def _answered(logs: Sequence[tuple[str, Path]]) -> dict[str, str]:
    """Return by request id the release whose server has answered a call well."""
    return {
        line["request_id"]: release
        for release, log in logs
        for line in map(json.loads, filter(_is_json, log.read_text().splitlines()))
        if line["event"] == "call" and line["code"] == "OK"
    }


def _is_json(line: str) -> bool:
    return line.startswith("{")

"""All parts under fire: `python -m verification.cluster.run --seconds 400`.

Three servers, PostgreSQL with a standby behind PgBouncer, Redis behind Sentinels or a cluster of it; writers,
an importer and readers of `make prove`, with its checker. Each part dies, hangs, fails over and comes back.
Prints how many calls came to nothing in spite of the client's retries, and exits with 1 when any read was
wrong, or one of the processes has crashed.
"""

import argparse
import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random, SystemRandom
from time import monotonic

from fhirexport_server.demo.group import batches
from fhirexport_server.store.loader import load
from fhirexport_server.store.migrate import migrate
from support.pooler import program
from verification.cluster.databases import Pair, running_pair
from verification.cluster.faults import Breaker
from verification.cluster.figures import Outcome, lines
from verification.cluster.reader import ADDRESSES
from verification.cluster.servers import running_servers
from verification.cluster.writer import SERVERS
from verification.prove.bells import Ringer, ringer
from verification.prove.children import ChildError, children
from verification.prove.history import History, Recorder, recorded
from verification.prove.plan import WRITERS, Plan
from verification.prove.redis_kinds import RedisFaults, running_redis

PATIENTS = 60
READERS = 2
ALONE = 3
"""How many servers there are."""
TOGETHER = 3
"""How many doors of a reader lead to all of them."""


@dataclass(frozen=True)
class Options:
    """What to run."""

    seconds: float
    """How long."""
    seed: int
    redis: str = "sentinel"
    pooled: bool = True


def besiege(directory: Path, options: Options, progress: Callable[[str], None] = lambda _: None) -> Outcome:
    """Runs everything in a directory; returns what happened."""
    random = Random(f"faults {options.seed}")
    with (
        running_pair(pooled=options.pooled) as pair,
        running_redis(options.redis, random) as redis,
        ringer(directory, READERS, random) as bell,
    ):
        first = pair.primary.url("cluster")
        migrate(first)
        load(first, batches(patients=PATIENTS))
        pair.make_synchronous()
        return asyncio.run(_run(directory, options, pair, redis, bell, random, progress))


async def _run(  # noqa: PLR0917 - the parts
    directory: Path,
    options: Options,
    pair: Pair,
    redis: RedisFaults,
    bell: Ringer,
    random: Random,
    progress: Callable[[str], None],
) -> Outcome:
    ways = [pair.several if pair.pooler is None else pair.pooler.url, pair.several]
    urls = [ways[number % 2] for number in range(ALONE)]
    variables = {
        "REDIS_URL": redis.url,
        "DATABASE_REPLICA_URL": pair.replica,
        "CACHE_TTL": "60",
        "DRAIN_DELAY": "0.5",
        "INSECURE": "true",
    }
    numbers = {"writer": range(WRITERS), "importer": (WRITERS,), "reader": range(READERS)}
    modules = {
        "writer": "verification.cluster.writer",
        "importer": "verification.cluster.importer",
        "reader": "verification.cluster.reader",
    }
    plans = [
        (
            modules[kind],
            Plan(str(directory), pair.of_programs, options.seed, number, READERS, ALONE + TOGETHER),
        )
        for kind, of_kind in numbers.items()
        for number in of_kind
    ]
    os.environ[SERVERS] = " ".join(pair.urls())
    async with running_servers(directory, urls, variables) as servers:
        os.environ[ADDRESSES] = ",".join(servers.addresses)
        async with children(plans) as processes:
            breaker = Breaker(pair, redis, servers, bell, random)
            crashed, start = "", monotonic()
            processes.begin(options.seconds)
            try:
                await breaker.run(start + options.seconds, progress)
                await processes.ended()
            except ChildError as error:
                crashed = str(error)
            finally:
                with Recorder(directory / "faults.ndjson") as recorder:
                    for fault in breaker.faults:
                        recorder.add(fault)
    history = History.of(recorded(sorted(directory.glob("*.ndjson"))))
    without, unfenced = tuple(pair.without), tuple(pair.unfenced)
    return Outcome(history, breaker.counts, without, unfenced, monotonic() - start, ALONE, crashed)


def _keep(directory: Path, where: Path) -> None:
    """Keep what was recorded, and the servers' logs."""
    where.mkdir(parents=True, exist_ok=True)
    kept = Path(tempfile.mkdtemp(prefix="run-", dir=where))
    for path in (*directory.glob("*.ndjson"), *directory.glob("*/server.log")):
        shutil.copy(path, kept / f"{path.parent.name}-{path.name}")
    sys.stdout.write(f"history kept in {kept}\n")


def main() -> int:
    """Runs everything; returns the exit code."""
    parser = argparse.ArgumentParser(prog="verification.cluster.run", description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=400.0, help="how long: a fault takes some 3 seconds")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--redis", choices=("sentinel", "cluster"), default="sentinel")
    parser.add_argument("--without-pooler", action="store_true", help="without PgBouncer")
    parser.add_argument("--keep", type=Path, default=Path("build/cluster"), help="where a bad run is kept")
    given = parser.parse_args()
    seed = SystemRandom().randrange(1_000_000) if given.seed is None else given.seed
    pooled = not given.without_pooler
    if pooled:
        program()
    options = Options(given.seconds, seed, given.redis, pooled)

    def tell(line: str) -> None:
        sys.stderr.write(f"{line}\n")

    with tempfile.TemporaryDirectory(prefix="fhirexport-cluster-") as name:
        try:
            outcome = besiege(Path(name), options, tell)
        except BaseException:
            _keep(Path(name), given.keep)
            raise
        sys.stdout.write(f"Redis {given.redis}, {'with' if pooled else 'without'} PgBouncer, seed {seed}\n")
        for line in lines(outcome):
            sys.stdout.write(f"{line}\n")
        if outcome.wrong or outcome.crashed:
            _keep(Path(name), given.keep)
    return int(bool(outcome.broken or outcome.crashed))


if __name__ == "__main__":
    sys.exit(main())

"""The proof under fire: `python -m verification.prove.run --seconds 60`.

Real servers, databases and Valkey; processes that write and read; faults at random. What servers bring up to
date they also render in full, of the same snapshot: segments, text and root must be the same. Prints what
happened, and exits with 1 when a read lacked a write, or was wrong in any other way: the history is then
kept.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random, SystemRandom
from time import monotonic

from fhirexport_server.demo.group import batches
from fhirexport_server.store.loader import load
from fhirexport_server.store.migrate import migrate
from fhirexport_server.store.schema import METADATA
from rich.console import Console
from sqlalchemy import insert
from support.postgres import Postgres, running_postgres
from support.rows import writing
from verification.prove.bells import ringer
from verification.prove.check import Violation, check, compared, different
from verification.prove.children import children
from verification.prove.faults import Injector
from verification.prove.history import History, Recorder, recorded
from verification.prove.plan import WRITERS, Plan
from verification.prove.redis_kinds import KINDS, running_redis
from verification.prove.report import tables
from verification.prove.servers import running_servers
from verification.prove.stamps import ballast

PATIENTS = 100
READERS = 3
SHOWN = 10
"""How many violations are printed."""


@dataclass(frozen=True)
class Options:
    """What to run."""

    seconds: float
    faults: float
    """How many a second."""
    seed: int
    servers: int = 2
    database: str = "postgresql"
    redis: str = "standalone"


def prove(
    postgres: Postgres, directory: Path, options: Options, progress: Callable[[str], None] = lambda _: None
) -> History:
    """Runs everything in a directory; returns what happened."""
    is_sqlite = options.database == "sqlite"
    url = f"sqlite:///{directory / 'prove.db'}" if is_sqlite else postgres.create_database()
    migrate(url)
    load(url, batches(patients=PATIENTS))
    with writing(url) as connection:
        connection.execute(insert(METADATA.tables["place"]), list(ballast(Random(options.seed))))
    random = Random(f"faults {options.seed}")
    with running_redis(options.redis, random) as broken, ringer(directory, READERS, random) as bell:
        numbers = {"writer": range(WRITERS), "importer": (WRITERS,), "reader": range(READERS)}
        plans = [
            (
                f"verification.prove.{kind}",
                Plan(str(directory), url, options.seed, number, READERS, options.servers),
            )
            for kind, of_kind in numbers.items()
            for number in of_kind
        ]

        async def run() -> None:
            async with (
                running_servers(
                    directory, url, count=options.servers, REDIS_URL=broken.url, INSECURE="true"
                ) as servers,
                children(plans) as processes,
            ):
                injector = Injector(
                    broken, servers, bell, count=options.servers, database_url=url, random=random
                )
                start = monotonic()
                processes.begin(options.seconds)

                def tell() -> None:
                    progress(f"{monotonic() - start:.0f} s, {len(injector.faults)} faults")

                try:
                    await injector.run(start + options.seconds, options.faults, tell)
                    await processes.ended()
                finally:
                    with Recorder(directory / "faults.ndjson") as recorder:
                        for fault in injector.faults:
                            recorder.add(fault)

        asyncio.run(run())
    return History.of(recorded(sorted(directory.glob("*.ndjson"))))


def keep(directory: Path, target: Path) -> Path:
    """Copies the history and the servers' logs; returns where they are."""
    kept = Path(tempfile.mkdtemp(prefix="run-", dir=target))
    for path in sorted(directory.glob("*.ndjson")):
        shutil.copy(path, kept)
    for path in sorted(directory.glob("*/server.log")):
        shutil.copy(path, kept / f"{path.parent.name}.log")
    return kept


def _describe(violation: Violation) -> str:
    read = violation.read
    how = f"{read.mode}{f' {read.bound} s' if read.bound else ''}, {read.layout}, {read.cache_status}"
    where = f"{read.export} from server {read.server}, {how}, at {read.start:.6f}"
    return f"{violation.kind}: {violation.detail} ({where})"


def main() -> int:
    """Runs the proof; returns the exit code."""
    parser = argparse.ArgumentParser(prog="verification.prove.run", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to read and write")
    parser.add_argument("--faults", type=float, default=1.5, help="how many a second")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--servers", type=int, default=2)
    parser.add_argument("--database", choices=("postgresql", "sqlite"), default="postgresql")
    parser.add_argument("--redis", choices=KINDS, default="standalone")
    parser.add_argument("--keep", type=Path, default=Path("build/prove"), help="where a bad run is kept")
    given = parser.parse_args()
    seed = SystemRandom().randrange(1_000_000) if given.seed is None else given.seed
    console = Console()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fhirexport-prove-")))
        postgres = stack.enter_context(running_postgres(logical=True))
        status = stack.enter_context(console.status("")) if console.is_terminal else None
        options = Options(given.seconds, given.faults, seed, given.servers, given.database, given.redis)
        history = prove(postgres, directory, options, status.update if status else lambda _: None)
        violations = check(history)
        kept = None
        is_wrong = bool(violations or different(history))
        if is_wrong:
            given.keep.mkdir(parents=True, exist_ok=True)
            kept = keep(directory, given.keep)
    console.print(f"{given.database}, Redis {given.redis}, seed {seed}")
    for table in tables(history, violations, given.seconds):
        console.print(table)
    for violation in violations[:SHOWN]:
        console.print(_describe(violation), markup=False, highlight=False, soft_wrap=True)
    if kept is not None:
        console.print(f"history kept in {kept}", soft_wrap=True)
    if not compared(history):
        console.print("nothing was compared: this run shows nothing")
    return 1 if is_wrong or not compared(history) else 0


if __name__ == "__main__":
    sys.exit(main())

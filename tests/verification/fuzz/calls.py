"""What a server is asked: any message of any method, and syncs of those who say that they have anything."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from fhirexport_server.demo.group import batches
from fhirexport_server.store.loader import load
from fhirexport_server.store.migrate import migrate
from support.server import server_process
from support.valkey import running_valkey
from verification.fuzz.syncs import Syncs
from verification.fuzz.tried import Tried
from verification.siege.fuzz import METHODS, send
from verification.siege.plan import Assault, AttackPlan
from verification.siege.reaching import Target
from verification.siege.watch import watched

CALLS = ("requests", "syncs")
_PATIENTS = 400


@dataclass(frozen=True)
class Hospital:
    """What a server works with."""

    directory: Path
    url: str
    """Of a database with the demo group, which is changed."""
    redis_url: str


@contextlib.contextmanager
def hospital() -> Iterator[Hospital]:
    """Make a database, and run a cache."""
    with TemporaryDirectory(prefix="fhirexport-fuzz-") as name, running_valkey() as valkey:
        url = f"sqlite:///{Path(name) / 'hospital.db'}"
        migrate(url)
        load(url, batches(patients=_PATIENTS))
        yield Hospital(Path(name), url, valkey.url)


async def called(name: str, given: Hospital, seconds: float, seed: int) -> Tried:
    """Ask a server for so long, as one of CALLS does."""
    run = Tried(name, seed)
    # What only a developer's log says is said too.
    started = server_process(
        given.directory,
        given.url,
        REDIS_URL=given.redis_url,
        METRICS_ADDRESS="127.0.0.1:0",
        LOG_LEVEL="DEBUG",
    )
    async with started as server, watched(server) as watch:
        begun = monotonic()
        if name == "requests":
            assault = Assault(AttackPlan(Target(server.address), name, seconds, 0, seconds, seed))
            await send(assault, METHODS)
            run.tries, run.ended = assault.sent.calls, assault.sent.answers
        else:
            await Syncs(run, given.url).go_on(server.address, begun + seconds)
        run.seconds = monotonic() - begun
        for _ in range(await watch.bugs()):
            run.goes_wrong("a call ended with INTERNAL, UNKNOWN or DATA_LOSS")
        for line in watch.log_errors():
            run.goes_wrong(f"logged {line}")
        early = [sample.mib for sample in watch.samples if sample.seconds <= run.seconds / 10]
        run.early_mib, run.most_mib = early[-1], max(sample.mib for sample in watch.samples)
        if await server.stopped():
            run.goes_wrong("the server did not end as it should")
    return run

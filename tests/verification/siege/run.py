"""Attack a server as `make siege` does: `python -m verification.siege.run --seconds 60`.

A real server, its database with the demo group and its Valkey; well-behaved callers; attack after attack.
Prints a table, and exits with 1 when something did not hold.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import SystemRandom

import msgspec
from fhirexport_server.demo.group import batches
from fhirexport_server.store.loader import load
from fhirexport_server.store.migrate import migrate
from rich.console import Console
from support.postgres import running_postgres
from support.valkey import running_valkey
from verification.siege.attacks import ATTACKS
from verification.siege.observed import Bounds, verdicts
from verification.siege.report import failures, table
from verification.siege.siege import FULL_SECONDS, Options, besieged

PATIENTS = 1000
"""So many that the venues of one EJ are two megabytes."""
_QUIET = 1 / 12
"""The share of the time that the callers get warm in, and of that in which they are then watched."""
_LONGEST_QUIET = 10.0
_LOG_SHOWN = 5
_WIDTH = 170
"""Of the table, where it is not for a terminal."""


@contextmanager
def _database(backend: str, directory: Path) -> Iterator[str]:
    if backend == "sqlite":
        yield f"sqlite:///{directory / 'hospital.db'}"
        return
    with running_postgres() as server:
        yield server.create_database()


def _options(given: argparse.Namespace) -> Options:
    attacks = tuple(given.attack or ATTACKS)
    quiet = min(_LONGEST_QUIET, given.seconds * _QUIET)
    each = given.each or (given.seconds - 2 * quiet) / len(attacks)
    seed = SystemRandom().randrange(1_000_000) if given.seed is None else given.seed
    bounds = Bounds(most_mib=given.most_mib)
    return Options(
        each,
        _LONGEST_QUIET if given.each else quiet,
        seed,
        given.pause,
        given.workers,
        given.guarded,
        attacks,
        bounds,
    )


def main() -> int:
    """Run a siege; return the exit status."""
    parser = argparse.ArgumentParser(prog="verification.siege.run", description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="how long all attacks are together")
    parser.add_argument(
        "--each",
        type=float,
        help=f"how long each attack is instead: {FULL_SECONDS:.0f} in a full run",
    )
    parser.add_argument("--attack", choices=tuple(ATTACKS), action="append", help="only this one, or these")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="postgresql")
    parser.add_argument("--most-mib", type=float, default=Bounds().most_mib, help="the bound of the memory")
    parser.add_argument("--seed", type=int)
    parser.add_argument(
        "--pause", type=float, default=0.0, help="how long each connection of an attacker rests between calls"
    )
    parser.add_argument("--workers", type=int, default=1, help="how many processes serve")
    parser.add_argument(
        "--guarded",
        action="store_true",
        help="with TLS, tokens, a policy and an audit trail; attackers have good tokens too",
    )
    parser.add_argument("--json", type=Path, help="a file for all that was observed, memory over time too")
    given = parser.parse_args()
    options = _options(given)
    console = Console() if sys.stdout.isatty() else Console(width=_WIDTH)
    with (
        tempfile.TemporaryDirectory(prefix="fhirexport-siege-") as name,
        _database(given.database, Path(name)) as url,
        running_valkey() as valkey,
    ):
        migrate(url)
        load(url, batches(patients=PATIENTS))
        siege = asyncio.run(besieged(Path(name), url, valkey.url, options, console.log))
    guarded = ", guarded" if options.guarded else ""
    console.print(f"{given.database}, seed {options.seed}, {options.seconds:.0f} s each{guarded}")
    console.print(table(siege, options.bounds))
    failed = list(failures(siege, options.bounds))
    for line in [*failed, *siege.log_errors[:_LOG_SHOWN]]:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if given.json is not None:
        found = {one.attack: verdicts(one, siege.quiet, options.bounds) for one in siege.attacks}
        given.json.write_bytes(msgspec.json.encode({"siege": siege, "verdicts": found}))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

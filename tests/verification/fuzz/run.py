"""Fuzz as `make fuzz` does: `python -m verification.fuzz.run --seconds 600`.

Each target is tried for so long: what reads imports, credentials and Redis, in a process of its own, and a
server, by any message of any method and by syncs. Prints a table, and exits with 1 where something crashed,
was not foreseen, or took memory without end.
"""

import argparse
import asyncio
import os
import subprocess
import sys
from pathlib import Path
from random import SystemRandom

import msgspec
from rich.console import Console
from rich.table import Table
from verification.fuzz.calls import CALLS, called, hospital
from verification.fuzz.tried import Tried
from verification.fuzz.worker import TARGETS

SECONDS = 600.0
_PATIENCE = 120.0
_WIDTH = 160


def fuzzed(name: str, seconds: float, seed: int) -> Tried:
    """Try one target for so long, in a process of its own."""
    if name in CALLS:
        with hospital() as given:
            return asyncio.run(called(name, given, seconds, seed))
    paths = (str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", ""))
    done = subprocess.run(
        [sys.executable, "-m", "verification.fuzz.worker", name, str(seconds), str(seed)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
        capture_output=True,
        timeout=seconds + _PATIENCE,
        check=False,
    )
    if done.returncode:
        run = Tried(name, seed)
        run.goes_wrong(
            f"seed {seed}: the process ended with {done.returncode}: {done.stderr.decode()[-500:]}"
        )
        return run
    return msgspec.json.decode(done.stdout, type=Tried)


def table(runs: list[Tried]) -> Table:
    """Return what was seen as a table."""
    made = Table("target", "tries", "a second", "wrong", "MiB early", "MiB most", "how they ended")
    for run in runs:
        ended = ", ".join(f"{how} {count}" for how, count in sorted(run.ended.items()))
        numbers = (run.tries, f"{run.tries / (run.seconds or 1):.0f}", run.wrongs)
        memory = (f"{run.early_mib:.0f}", f"{run.most_mib:.0f}")
        made.add_row(run.target, *map(str, numbers), *memory, ended)
    return made


def main() -> int:
    """Fuzz; return the exit status."""
    names = (*TARGETS, *CALLS)
    parser = argparse.ArgumentParser(prog="verification.fuzz.run", description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long each target is tried")
    parser.add_argument("--target", choices=names, action="append", help="only this one, or these")
    parser.add_argument("--seed", type=int)
    given = parser.parse_args()
    seed = SystemRandom().randrange(1_000_000) if given.seed is None else given.seed
    console = Console() if sys.stdout.isatty() else Console(width=_WIDTH)
    runs = []
    for name in given.target or names:
        console.log(name)
        runs.append(fuzzed(name, given.seconds, seed))
    console.print(f"seed {seed}, {given.seconds:.0f} s each")
    console.print(table(runs))
    failures = [failure for run in runs for failure in run.failures()]
    for line in failures:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

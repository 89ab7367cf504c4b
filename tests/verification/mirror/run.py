"""Bring mirrors up to date as `make mirror` does: `python -m verification.mirror.run --syncs 5000`."""

import argparse
import asyncio
import sys
import tempfile
import time
from math import inf
from pathlib import Path
from random import Random

from support.databases import running_databases
from support.valkey import running_valkey
from verification.mirror.syncs import synced
from verification.mirror.tally import Tally


def main() -> int:
    """Bring mirrors up to date as often as is asked for; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--syncs", type=int, default=5000, help="on each database")
    parser.add_argument("--minutes", type=float, default=inf, help="on each database, at most")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--database", choices=("sqlite", "postgresql"), action="append")
    arguments = parser.parse_args()
    wrong = 0
    for backend in arguments.database or ("sqlite", "postgresql"):
        tally = _run(backend, arguments.syncs, arguments.minutes, Random(arguments.seed))
        wrong += len(tally.wrong)
        sys.stdout.write(f"{backend}, seed {arguments.seed}: {tally}\n")
        for line in tally.wrong[:20]:
            sys.stdout.write(f"  {line}\n")
        sys.stdout.flush()
    return int(wrong > 0)


def _run(backend: str, syncs: int, minutes: float, random: Random) -> Tally:
    with tempfile.TemporaryDirectory() as name, running_valkey() as valkey:
        directory = Path(name)
        with running_databases(directory) as databases:
            url, latest = databases.group(backend, 300), time.monotonic() + minutes * 60
            return asyncio.run(synced(url, valkey, directory, syncs, random, latest=latest))


if __name__ == "__main__":
    sys.exit(main())

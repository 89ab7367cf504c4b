"""The long run: `python -m verification.metamorphic.run --statements 20000`, on both databases.

Prints what was seen on each; exits with 1 when a revision missed a change. With `--exports` it compares
exports that are brought up to date with full renderings instead.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from fhirexport_server.store.migrate import migrate
from support.postgres import running_postgres
from verification.metamorphic.changed_walk import walk_exports
from verification.metamorphic.walk import walk


def main() -> int:
    """Runs the statements; returns the exit code."""
    parser = argparse.ArgumentParser(prog="verification.metamorphic.run", description=__doc__)
    parser.add_argument("--statements", type=int, default=20_000, help="how many on each database")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--exports", action="store_true", help="compare exports with full renderings")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), action="append")
    options = parser.parse_args()
    missed = 0
    with tempfile.TemporaryDirectory() as directory, running_postgres() as postgres:
        for backend in options.database or ("sqlite", "postgresql"):
            sqlite = f"sqlite:///{Path(directory) / 'fhirexport.db'}"
            url = sqlite if backend == "sqlite" else postgres.create_database()
            migrate(url)
            if options.exports:
                seen = asyncio.run(walk_exports(url, statements=options.statements, seed=options.seed))
                tally, misses = str(seen), seen.mismatches
            else:
                found = walk(url, statements=options.statements, seed=options.seed)
                tally, misses = str(found), found.misses
            sys.stdout.write(f"{backend}: {tally}\n")
            sys.stdout.writelines(f"  {miss}\n" for miss in misses[:20])
            sys.stdout.flush()
            missed += len(misses)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

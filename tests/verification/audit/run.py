"""Kill servers under exports as `make audits` does: `python -m verification.audit.run --kills 200`."""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path

from support.databases import running_databases
from verification.audit.killing import KillTally, killed


def _summary(tally: KillTally) -> str:
    return (
        f"{tally.kills} kills: {tally.answered} calls answered, {tally.cut_off} cut off in their content, "
        f"{tally.begun} with a line; {len(tally.without_line)} received without a line; "
        f"{tally.torn} torn lines, {len(tally.problems)} things wrong with the trail"
    )


def main() -> int:
    """Kills as many as is asked for; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        with running_databases(directory) as databases:
            url = databases.group("sqlite", 300)
            tally = asyncio.run(killed(url, directory, arguments.kills, random.Random(arguments.seed)))
    print(f"seed {arguments.seed}: {_summary(tally)}")  # noqa: T201 - what this is for
    for problem in (*tally.problems, *tally.without_line):
        print(problem)  # noqa: T201 - the same
    return int(tally.wrong > 0)


if __name__ == "__main__":
    sys.exit(main())

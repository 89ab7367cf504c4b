"""Kill servers as `make kills` does: `python -m verification.kills.run --kills 200`."""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table
from support.databases import running_databases
from support.valkey import running_valkey
from verification.kills.aim import Aim
from verification.kills.kills import Place, Tally, killed
from verification.kills.watch import Phase

_WIDTH = 130
"""Of the table, where it is not for a terminal."""
_WATCHED = 3
_WHERE = {
    Phase.NOTHING_WRITTEN: "before the first write",
    Phase.WRITING: "while it wrote",
    Phase.COMMITTING: "at the commit",
    Phase.COMMITTED: "after the commit, before the answer",
    Phase.ANSWERED: "after the answer",
}


def _table(title: str, tally: Tally) -> Table:
    """Return what the kills were aimed at, and where they fell."""
    table = Table(title=title)
    table.add_column("aimed at")
    for where in (*_WHERE.values(), "in all"):
        table.add_column(where, justify="right")
    for aim in Aim:
        counts = [tally.fell[aim, phase] for phase in _WHERE]
        table.add_row(aim, *map(str, counts), str(sum(counts)))
    counts = [sum(tally.fell[aim, phase] for aim in Aim) for phase in _WHERE]
    table.add_section()
    table.add_row("all", *map(str, counts), str(sum(counts)))
    return table


def _summary(tally: Tally) -> str:
    course = tally.course
    times = f"; an import takes {course.total:.3f} s, its answer {course.answer:.4f} s" if course else ""
    return (
        f"{tally.kills} kills: {tally.acknowledged} acknowledged, {tally.written} written, "
        f"{tally.half} half, {tally.lost} lost, {tally.stale} stale, {tally.unfinished} unfinished{times}"
    )


def main() -> int:
    """Kills as many as is asked for; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--database", choices=("sqlite", "postgresql"), action="append")
    arguments = parser.parse_args()
    console = Console() if sys.stdout.isatty() else Console(width=_WIDTH)
    wrong = 0
    for backend in arguments.database or ("sqlite", "postgresql"):
        tally = _run(backend, arguments.kills, random.Random(arguments.seed))
        wrong += tally.wrong
        console.print(_table(f"{backend}, seed {arguments.seed}", tally))
        console.print(_summary(tally), soft_wrap=True)
    return int(wrong > 0)


def _run(backend: str, kills: int, dice: random.Random) -> Tally:
    with tempfile.TemporaryDirectory() as name, running_valkey() as valkey:
        directory = Path(name)
        with running_databases(directory) as databases:
            place = Place(databases.group(backend, 300), valkey.url, directory)
            return asyncio.run(killed(place, kills, dice, watched=_WATCHED))


if __name__ == "__main__":
    sys.exit(main())

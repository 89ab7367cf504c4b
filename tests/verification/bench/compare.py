"""The program of `make bench-compare BASE=ref`: hits of this tree beside those of another commit, in one run.

Both servers read the same database, in shuffled rounds. It says which ways are slower or faster by more than
MARGIN with 95 % confidence, and returns how many are slower. All else is noise.
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fhirexport.v1.export_service_pb2 import ExportPatientsRequest
from rich.console import Console
from rich.table import Table
from support.postgres import running_postgres
from verification.bench.measuring.databases import BACKENDS, HIT_PATIENTS, NAMES, Bench
from verification.bench.measuring.executed import executed
from verification.bench.measuring.figures import hundredth, ratio
from verification.bench.measuring.rounds import Call, interleaved
from verification.bench.parts.hits import EJ_ID, WAYS, ways
from verification.bench.rivals.echoing import stub

if TYPE_CHECKING:
    from fhirexport.v1.export_service_pb2_grpc import ExportServiceAsyncStub  # exists for type checkers only

ROOT: Final = Path(__file__).parents[3]
MARGIN: Final = 0.03
ROUNDS: Final = 200


def main() -> int:
    """Measures both, prints a table, and returns how many ways are slower here."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base", help="a commit")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    arguments = parser.parse_args()
    with (
        running_postgres() as server,
        tempfile.TemporaryDirectory(prefix="fhirexport-bench-") as name,
    ):
        base = Path(name) / "base"
        _git("worktree", "add", "--detach", str(base), arguments.base)
        try:
            bench = Bench(server, Path(name), arguments.rounds)
            table, slower = asyncio.run(_compared(bench, base))
        finally:
            _git("worktree", "remove", "--force", str(base))
    console = Console(width=130)
    console.print(table)
    console.print(f"{slower} of them slower than {arguments.base}")
    return slower


async def _compared(bench: Bench, base: Path) -> tuple[Table, int]:
    table = Table(title="Hits here, as a ratio to those of the base (p50 with its 95 % interval, and p99)")
    for heading in ("database", "patients", "way", "p50", "p99", ""):
        table.add_column(heading, justify="right" if heading.startswith("p") else "left")
    slower = 0
    for backend in BACKENDS:
        for patients in HIT_PATIENTS[:2]:
            url = bench.database(backend, patients)
            async with _served(bench, url, ROOT) as ours, _served(bench, url, base) as theirs:
                both = {f"ours {name}": way for name, way in (await _ways(ours)).items()}
                both |= {f"base {name}": way for name, way in (await _ways(theirs)).items()}
                times = await interleaved(both, bench.rounds)
            for name in WAYS:
                here, there = times[f"ours {name}"], times[f"base {name}"]
                found = ratio(here, there)
                verdict = "noise"
                if found.low > 1 + MARGIN:
                    verdict, slower = "[red]slower[/]", slower + 1
                elif found.high < 1 - MARGIN:
                    verdict = "[green]faster[/]"
                p99 = f"{hundredth(here) / hundredth(there):.2f}x"
                table.add_row(NAMES[backend], str(patients), name, str(found), p99, verdict)
    return table, slower


async def _ways(opened: "ExportServiceAsyncStub") -> dict[str, Call]:
    request = ExportPatientsRequest(ej_id=EJ_ID)
    await opened.ExportPatients(request)
    answer = await opened.ExportPatients(request)
    return dict(zip(WAYS, ways(opened, answer.snapshot.etag), strict=True))


@asynccontextmanager
async def _served(bench: Bench, url: str, tree: Path) -> AsyncIterator["ExportServiceAsyncStub"]:
    """Runs the server of a tree."""
    async with executed(bench.directory, url, tree) as server, stub(server.address) as opened:
        yield opened


def _git(*arguments: str) -> None:
    subprocess.run(["git", "-C", ROOT, *arguments], check=True, capture_output=True)


if __name__ == "__main__":
    sys.exit(main())

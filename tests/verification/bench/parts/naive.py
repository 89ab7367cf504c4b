"""Measures hits and misses of all datasets beside a naive rival (`rivals/rival.py`)."""

import asyncio
import statistics
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import grpc
from fhirexport.v1.export_service_pb2 import (
    ExportPatientsRequest,
    ExportStructureRequest,
    ExportVenuesRequest,
)
from fhirexport.v1.types_pb2 import Consistency
from google.protobuf.message import Message
from rich.table import Table
from support.server import server_process
from support.valkey import Valkey, running_valkey
from verification.bench.measuring.databases import Bench
from verification.bench.measuring.figures import ratio
from verification.bench.measuring.results import Results
from verification.bench.measuring.rounds import Call, interleaved
from verification.bench.parts.misses import PATIENTS
from verification.bench.rivals.echoing import OPTIONS, stub

if TYPE_CHECKING:
    from fhirexport.v1.export_service_pb2_grpc import ExportServiceAsyncStub  # exists for type checkers only

EJ_ID: Final = 1
DATASETS: Final = ("structure", "patients", "venues")
GOALS: Final = {"hit": (9, 15, 15), "miss": (8, 7, 40)}
RIVAL: Final = Path(__file__).parents[1] / "rivals" / "rival.py"


async def naive(bench: Bench) -> Results:
    """Measures on SQLite; both servers have the same Redis, each its own keys."""
    results = Results()
    table = Table(title="A naive rival: how many times faster ours is (with its 95 % interval)")
    for heading in ("", *DATASETS, "goals"):
        table.add_column(heading, justify="right" if heading else "left")
    sizes = []
    results.tables.append(table)
    url = bench.database("sqlite", PATIENTS)
    with running_valkey() as valkey:
        async with (
            server_process(bench.directory, url, REDIS_URL=valkey.url) as server,
            stub(server.address) as ours,
            _rival(url, valkey) as channel,
        ):
            for kind in ("hit", "miss"):
                ratios = {}
                for dataset in DATASETS:
                    ways: dict[str, Call] = {
                        "ours": _ours(ours, dataset, kind),
                        "rival": partial(_ask, channel, dataset, kind),
                    }
                    rounds = bench.rounds * (10 if kind == "hit" else 1)
                    times = await interleaved(ways, rounds)
                    if kind == "hit":
                        sizes.append(await _sizes(ways))
                    ratios[dataset] = ratio(times["rival"], times["ours"])
                    results.figures[f"{kind} {dataset}"] = {
                        **ratios[dataset]._asdict(),
                        "ours_ms": statistics.median(times["ours"]) * 1e3,
                        "rival_ms": statistics.median(times["rival"]) * 1e3,
                    }
                goals = " / ".join(map(str, GOALS[kind]))
                table.add_row(kind, *(f"{one}" for one in ratios.values()), goals)
    table.add_row("kB of ours, of the rival's", *sizes)
    return results


async def _sizes(ways: dict[str, Call]) -> str:
    ours = cast("Message", await ways["ours"]()).ByteSize()
    rival = len(cast("bytes", await ways["rival"]()))
    return f"{ours / 1e3:,.0f}, {rival / 1e3:,.0f}"


def _ours(opened: "ExportServiceAsyncStub", dataset: str, kind: str) -> Call:
    consistency = Consistency(bypass_cache=True) if kind == "miss" else None
    if dataset == "structure":
        return partial(opened.ExportStructure, ExportStructureRequest(ej_id=EJ_ID, consistency=consistency))
    if dataset == "patients":
        return partial(opened.ExportPatients, ExportPatientsRequest(ej_id=EJ_ID, consistency=consistency))
    return partial(opened.ExportVenues, ExportVenuesRequest(ej_id=EJ_ID, consistency=consistency))


async def _ask(channel: grpc.aio.Channel, dataset: str, kind: str) -> bytes:
    ask = cast("Callable[[bytes], Awaitable[bytes]]", channel.unary_unary(f"/rival/{dataset}-{kind}"))
    return await ask(b"")


@asynccontextmanager
async def _rival(url: str, valkey: Valkey) -> AsyncIterator[grpc.aio.Channel]:
    process = await asyncio.create_subprocess_exec(sys.executable, RIVAL, url, valkey.url, stdout=PIPE)
    try:
        if process.stdout is None:
            raise SystemExit("the rival has no output")
        port = int(await process.stdout.readline())
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=OPTIONS) as channel:
            yield channel
    finally:
        process.terminate()
        await process.wait()

"""Measures a hit while a large export renders, beside the same hit at rest."""

import asyncio
import statistics
import sys
from functools import partial
from typing import Final

from fhirexport.v1.export_service_pb2 import ExportStructureRequest
from rich.table import Table
from support.server import server_process
from verification.bench.measuring.databases import NAMES, Bench
from verification.bench.measuring.figures import hundredth
from verification.bench.measuring.results import Results
from verification.bench.measuring.rounds import Call, load
from verification.bench.rivals.echoing import stub

EJ_ID: Final = 1
GOAL: Final = "<= 1.3x / <= 3x"
_REST_SECONDS: Final = 3.0
_RENDERINGS: Final = 2
"""Beside which it is measured."""
# In a process of its own: what it does would count as the hit's.
_READ: Final = """
import sys
import grpc
from fhirexport.v1 import export_service_pb2 as pb, export_service_pb2_grpc as stubs
from fhirexport.v1.types_pb2 import DATASET_VENUES, ENCODING_ZSTD
request = pb.StreamExportRequest(ej_id=1, dataset=DATASET_VENUES, accept_encodings=[ENCODING_ZSTD])
request.consistency.bypass_cache = True
with grpc.insecure_channel(sys.argv[1]) as channel:
    for _ in stubs.ExportServiceStub(channel).StreamExport(request):
        pass
"""


async def busy(bench: Bench, venues: int) -> Results:
    """Measures hits of the structure."""
    results = Results()
    table = Table(title=f"A hit while the venues of {venues:,} patients render, to it at rest; goal {GOAL}")
    for heading in ("database", "p50 ms", "rendering", "ratio", "p99 ms", "rendering", "ratio"):
        table.add_column(heading, justify="left" if heading == "database" else "right")
    results.tables.append(table)
    for backend, url in bench.databases(venues * 5 // 4).items():
        async with server_process(bench.directory, url) as server, stub(server.address) as ours:
            hit = partial(ours.ExportStructure, ExportStructureRequest(ej_id=EJ_ID))
            await hit()
            rest = (await load(hit, 1, _REST_SECONDS)).times
            rendering = await _while_rendering(hit, server.address, _RENDERINGS)
            rest += (await load(hit, 1, _REST_SECONDS)).times
        middles = [statistics.median(times) * 1e3 for times in (rest, rendering)]
        slowest = [hundredth(times) * 1e3 for times in (rest, rendering)]
        table.add_row(
            NAMES[backend],
            *(f"{middles[0]:.2f}", f"{middles[1]:.2f}", f"{middles[1] / middles[0]:.1f}x"),
            *(f"{slowest[0]:.2f}", f"{slowest[1]:.2f}", f"{slowest[1] / slowest[0]:.1f}x"),
        )
        results.figures[NAMES[backend]] = {
            "p50_to_rest": middles[1] / middles[0],
            "p99_to_rest": slowest[1] / slowest[0],
        }
    return results


async def _while_rendering(hit: Call, address: str, times: int) -> list[float]:
    taken: list[float] = []
    for _ in range(max(times, 1)):
        reader = await asyncio.create_subprocess_exec(sys.executable, "-c", _READ, address)
        await asyncio.sleep(1)  # until it has imported gRPC
        while reader.returncode is None:
            taken += (await load(hit, 1, 0.2)).times
            await asyncio.sleep(0)
        if await reader.wait():
            raise SystemExit("the large export failed")
    if not taken:
        raise SystemExit("the large export is too small to measure anything beside it")
    return taken

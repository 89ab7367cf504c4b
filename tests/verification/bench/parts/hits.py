"""Measures hits beside a bare echo of the same response, in shuffled rounds: times, and the server's CPU."""

import statistics
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from fhirexport._internal.content import decoded
from fhirexport.v1.export_service_pb2 import ExportPatientsRequest, ExportPatientsResponse
from fhirexport.v1.types_pb2 import ENCODING_ZSTD, Consistency, Snapshot
from rich.table import Table
from support.server import server_process
from verification.bench.measuring.figures import Ratio, hundredth, ratio
from verification.bench.measuring.machine import cpu_seconds
from verification.bench.measuring.results import Results
from verification.bench.measuring.rounds import Call, interleaved
from verification.bench.rivals.echoing import echoing, stub

if TYPE_CHECKING:
    from fhirexport.v1.export_service_pb2_grpc import ExportServiceAsyncStub  # exists for type checkers only

EJ_ID = 1
ECHO, SMALL_ECHO = "echo", "echo of 1 KB"
NOT_MODIFIED = "not modified"
WAYS = ("JSON", "zstd, decompressed", "zstd, kept", "<= 60 s, JSON", "<= 60 s, zstd kept", NOT_MODIFIED)
_SMALL = ExportPatientsResponse(json="x" * 1000).SerializeToString()
_CALLS_A_BLOCK = 40


async def hits(urls: list[tuple[str, str]], directory: Path, rounds: int) -> Results:
    """Measures hits of the patients of each database, each with its heading."""
    results = Results()
    titles = (
        "p50 as a ratio to the echo, with its 95 % interval",
        "p99 to the echo's",
        "server CPU to the echo's",
    )
    results.tables = [Table(title=f"A hit of one caller: {title}") for title in titles]
    for table in results.tables:
        for heading in ("database", "JSON KB", "echo", *WAYS):
            table.add_column(heading, justify="left" if heading == "database" else "right")
    for heading, url in urls:
        await _row(results, heading, url, directory, rounds)
    return results


async def _row(results: Results, heading: str, url: str, directory: Path, rounds: int) -> None:
    async with server_process(directory, url) as server, stub(server.address) as ours:
        plain = ExportPatientsRequest(ej_id=EJ_ID)
        await ours.ExportPatients(plain)
        answer = await ours.ExportPatients(plain)
        if answer.snapshot.source != Snapshot.SOURCE_CACHE:
            raise SystemExit("the second answer was no hit")
        async with (
            echoing(directory / "large", answer.SerializeToString()) as (large, large_pid),
            echoing(directory / "small", _SMALL) as (small, small_pid),
        ):
            every: dict[str, Call] = {ECHO: partial(large.ExportPatients, plain)}
            every |= dict(zip(WAYS, ways(ours, answer.snapshot.etag), strict=True))
            every[SMALL_ECHO] = partial(small.ExportPatients, plain)
            times = await interleaved(every, rounds)
            pids = {ECHO: large_pid, SMALL_ECHO: small_pid}
            spent = {
                name: await _cpu(way, pids.get(name, server.process.pid), rounds // _CALLS_A_BLOCK)
                for name, way in every.items()
            }
    size = len(answer.json.encode()) / 1000
    floors = {name: SMALL_ECHO if name == NOT_MODIFIED else ECHO for name in WAYS}
    ratios = {name: ratio(times[name], times[floor]) for name, floor in floors.items()}
    slowest = {name: hundredth(times[name]) / hundredth(times[floor]) for name, floor in floors.items()}
    cpu = {name: spent[name] / spent[floor] for name, floor in floors.items()}
    echo = times[ECHO]
    values: list[tuple[str, dict[str, Ratio] | dict[str, float]]] = [
        (f"{statistics.median(echo) * 1e3:.2f} ms", ratios),
        (f"{hundredth(echo) * 1e3:.2f} ms", slowest),
        (f"{spent[ECHO] * 1e6:.0f} us", cpu),
    ]
    for table, (floor_value, of_ways) in zip(results.tables, values, strict=True):
        shown = (str(one) if isinstance(one, Ratio) else f"{one:.2f}x" for one in of_ways.values())
        table.add_row(heading, f"{size:,.0f}", floor_value, *shown)
    results.figures[f"{heading} {size:,.0f} KB"] = {
        name: {
            **ratios[name]._asdict(),
            "p50_ms": statistics.median(times[name]) * 1e3,
            "p99_to_floor": slowest[name],
            "cpu_us": spent[name] * 1e6,
            "cpu_to_floor": cpu[name],
        }
        for name in WAYS
    }


def ways(ours: "ExportServiceAsyncStub", etag: str) -> list[Call]:
    packed = ExportPatientsRequest(ej_id=EJ_ID, accept_encodings=[ENCODING_ZSTD])
    minute = Consistency()
    minute.max_staleness.FromSeconds(60)
    relaxed_packed = ExportPatientsRequest(ej_id=EJ_ID, consistency=minute, accept_encodings=[ENCODING_ZSTD])
    return [
        partial(ours.ExportPatients, ExportPatientsRequest(ej_id=EJ_ID)),
        partial(_decompressed, ours, packed),
        partial(ours.ExportPatients, packed),
        partial(ours.ExportPatients, ExportPatientsRequest(ej_id=EJ_ID, consistency=minute)),
        partial(ours.ExportPatients, relaxed_packed),
        partial(ours.ExportPatients, ExportPatientsRequest(ej_id=EJ_ID, if_none_match=etag)),
    ]


async def _decompressed(stub_of: "ExportServiceAsyncStub", request: ExportPatientsRequest) -> bytes:
    answer: ExportPatientsResponse = await stub_of.ExportPatients(request)
    return decoded(answer.zstd)


async def _cpu(way: Call, pid: int, blocks: int) -> float:
    """Returns the processor's time that the server takes for a call, in seconds: the median of blocks."""
    spent = []
    for _ in range(max(blocks, 3)):
        before = cpu_seconds(pid)
        for _ in range(_CALLS_A_BLOCK):
            await way()
        spent.append((cpu_seconds(pid) - before) / _CALLS_A_BLOCK)
    return statistics.median(spent)

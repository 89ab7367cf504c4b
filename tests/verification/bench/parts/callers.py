"""Measures hits of several callers at once, beside an echo of the same answer: rates, p99, CPU."""

from functools import partial
from pathlib import Path
from typing import Final

from fhirexport.v1.export_service_pb2 import ExportPatientsRequest
from rich.table import Table
from support.server import server_process
from verification.bench.measuring.figures import hundredth
from verification.bench.measuring.machine import cpu_seconds
from verification.bench.measuring.plot import Plot
from verification.bench.measuring.results import Results
from verification.bench.measuring.rounds import Call, load
from verification.bench.rivals.echoing import echoing, stub

EJ_ID: Final = 1
CALLERS: Final = (1, 8, 32, 64)
_SECONDS: Final = 1.0
_MIB: Final = 1024 * 1024


class _Total:
    """What a way got in all rounds."""

    def __init__(self) -> None:
        self.rates: list[float] = []
        self.times: list[float] = []
        self.cpu: list[float] = []


async def callers(urls: list[tuple[str, str]], directory: Path, rounds: int) -> Results:
    """Measures the hits of each database, each with its heading; all in turn, several times."""
    results = Results()
    table = Table(title="Hits of 205 KB JSON of callers at once (medians of rounds)")
    headings = (
        "database",
        "callers",
        "a second",
        "echo",
        "to echo",
        "p99 ms",
        "echo",
        "to echo",
        "CPU us",
        "to echo",
    )
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "database" else "right")
    results.tables.append(table)
    lines: dict[str, list[tuple[float, float]]] = {}
    for heading, url in urls:
        async with server_process(directory, url) as server, stub(server.address) as ours:
            request = ExportPatientsRequest(ej_id=EJ_ID)
            await ours.ExportPatients(request)
            answer = await ours.ExportPatients(request)
            async with echoing(directory / "answer", answer.SerializeToString()) as (echo, pid):
                ways: dict[str, tuple[Call, int]] = {
                    "ours": (partial(ours.ExportPatients, request), server.process.pid),
                    "echo": (partial(echo.ExportPatients, request), pid),
                }
                for count in CALLERS:
                    totals = await _measured(ways, count, rounds)
                    _row(table, results, heading, count, totals)
                    for name, total in totals.items():
                        line = heading if name == "ours" else f"echo, beside {heading}"
                        lines.setdefault(line, []).append((count, _median(total.rates)))
    results.plots["callers"] = Plot("Hits of 205 KB JSON", "callers at once", "answers a second", lines)
    return results


async def _measured(ways: dict[str, tuple[Call, int]], count: int, rounds: int) -> dict[str, _Total]:
    totals = {name: _Total() for name in ways}
    for number in range(rounds):
        # By turns the first, so that neither always follows the other.
        for name in sorted(ways, reverse=bool(number % 2)):
            way, pid = ways[name]
            before = cpu_seconds(pid)
            got = await load(way, count, _SECONDS)
            totals[name].cpu.append((cpu_seconds(pid) - before) / got.calls)
            totals[name].rates.append(got.rate)
            totals[name].times += got.times
    return totals


def _row(table: Table, results: Results, heading: str, count: int, totals: dict[str, _Total]) -> None:
    ours, echo = totals["ours"], totals["echo"]
    rate, floor = _median(ours.rates), _median(echo.rates)
    slow, slow_floor = hundredth(ours.times) * 1e3, hundredth(echo.times) * 1e3
    cpu, cpu_floor = _median(ours.cpu) * 1e6, _median(echo.cpu) * 1e6
    table.add_row(
        *(heading, str(count)),
        *(f"{rate:,.0f}", f"{floor:,.0f}", f"{rate / floor:.2f}x"),
        *(f"{slow:.1f}", f"{slow_floor:.1f}", f"{slow / slow_floor:.1f}x"),
        *(f"{cpu:.0f}", f"{cpu / cpu_floor:.2f}x"),
    )
    results.figures[f"{heading} {count} callers"] = {
        "rate": rate,
        "rate_to_echo": rate / floor,
        "p99_ms": slow,
        "p99_to_echo": slow / slow_floor,
        "cpu_us": cpu,
        "cpu_to_echo": cpu / cpu_floor,
    }


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]

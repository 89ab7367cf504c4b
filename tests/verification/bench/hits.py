"""Measures hits beside a bare echo of the same response, interleaved."""

import asyncio
import statistics
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import zstandard
from fhirexport.v1.export_service_pb2 import ExportPatientsRequest, ExportPatientsResponse
from fhirexport.v1.export_service_pb2_grpc import ExportServiceStub
from fhirexport.v1.types_pb2 import ENCODING_ZSTD, Consistency, Snapshot
from rich.table import Table
from support.server import server_process

if TYPE_CHECKING:
    from fhirexport.v1.export_service_pb2_grpc import ExportServiceAsyncStub  # exists for type checkers only

Call = Callable[[], Awaitable[object]]
HERE = Path(__file__).parent
LARGEST = 8 * 1024 * 1024
OPTIONS = (("grpc.max_receive_message_length", LARGEST),)
EJ_ID = 1
_SMALL = ExportPatientsResponse(json="x" * 1000).SerializeToString()


async def hits(urls: list[str], directory: Path, rounds: int) -> Table:
    """Measures hits of the patients of each database; returns the table."""
    table = Table(title="A hit, as a ratio to a bare grpc.aio echo of the same JSON answer (p50, one caller)")
    for heading in (
        "JSON KB",
        "echo ms",
        "JSON out",
        "zstd, decompressed",
        "zstd, kept",
        "within 60 s, JSON",
        "within 60 s, zstd kept",
        "not modified to 1 KB echo",
    ):
        table.add_column(heading, justify="right")
    for url in urls:
        table.add_row(*await _row(url, directory, rounds))
    return table


async def _row(url: str, directory: Path, rounds: int) -> list[str]:
    async with server_process(directory, url) as server, _stub(server.address) as ours:
        plain = ExportPatientsRequest(ej_id=EJ_ID)
        packed = ExportPatientsRequest(ej_id=EJ_ID, accept_encodings=[ENCODING_ZSTD])
        await ours.ExportPatients(plain)
        answer = await ours.ExportPatients(plain)
        if answer.snapshot.source != Snapshot.SOURCE_CACHE:
            raise SystemExit("the second answer was no hit")
        known = ExportPatientsRequest(ej_id=EJ_ID, if_none_match=answer.snapshot.etag)
        minute = Consistency()
        minute.max_staleness.FromSeconds(60)
        relaxed = ExportPatientsRequest(ej_id=EJ_ID, consistency=minute)
        relaxed_packed = ExportPatientsRequest(
            ej_id=EJ_ID, consistency=minute, accept_encodings=[ENCODING_ZSTD]
        )
        async with (
            _echo(directory / "large", answer.SerializeToString()) as large,
            _echo(directory / "small", _SMALL) as small,
        ):
            calls: list[Call] = [
                partial(large.ExportPatients, plain),
                partial(ours.ExportPatients, plain),
                partial(_decompressed, ours, packed),
                partial(ours.ExportPatients, packed),
                partial(ours.ExportPatients, relaxed),
                partial(ours.ExportPatients, relaxed_packed),
                partial(small.ExportPatients, plain),
                partial(ours.ExportPatients, known),
            ]
            times = await _interleaved(calls, rounds)
    echo, *hits, small_echo, not_modified = map(statistics.median, times)
    ratios = (*(hit / echo for hit in hits), not_modified / small_echo)
    return [
        f"{len(answer.json.encode()) / 1000:,.0f}",
        f"{echo * 1000:.2f}",
        *(f"{ratio:.2f}x" for ratio in ratios),
    ]


async def _decompressed(stub: "ExportServiceAsyncStub", request: ExportPatientsRequest) -> bytes:
    answer: ExportPatientsResponse = await stub.ExportPatients(request)
    reader = zstandard.ZstdDecompressor().stream_reader(answer.zstd, read_across_frames=True)
    return reader.read(LARGEST)


async def _interleaved(calls: list[Call], rounds: int) -> list[list[float]]:
    taken: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for call, seconds in zip(calls, taken, strict=True):
            start = time.perf_counter()
            await call()
            seconds.append(time.perf_counter() - start)
    return taken


@asynccontextmanager
async def _stub(address: str) -> AsyncIterator["ExportServiceAsyncStub"]:
    async with grpc.aio.insecure_channel(address, options=OPTIONS) as channel:
        yield ExportServiceStub(channel)


@asynccontextmanager
async def _echo(file: Path, answer: bytes) -> AsyncIterator["ExportServiceAsyncStub"]:
    await asyncio.to_thread(file.write_bytes, answer)
    process = await asyncio.create_subprocess_exec(sys.executable, HERE / "echo.py", file, stdout=PIPE)
    try:
        if process.stdout is None:
            raise SystemExit("the echo has no output")
        port = int(await process.stdout.readline())
        async with _stub(f"127.0.0.1:{port}") as stub:
            yield stub
    finally:
        process.terminate()
        await process.wait()

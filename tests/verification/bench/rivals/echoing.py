"""Runs the echo, and opens channels as the bench needs them."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
from fhirexport.v1.export_service_pb2_grpc import ExportServiceStub

if TYPE_CHECKING:
    from fhirexport.v1.export_service_pb2_grpc import ExportServiceAsyncStub  # exists for type checkers only

LARGEST = 8 * 1024 * 1024
OPTIONS = (("grpc.max_receive_message_length", LARGEST),)
HERE = Path(__file__).parent


@asynccontextmanager
async def stub(address: str) -> AsyncIterator["ExportServiceAsyncStub"]:
    """Opens a channel."""
    async with grpc.aio.insecure_channel(address, options=OPTIONS) as channel:
        yield ExportServiceStub(channel)


@asynccontextmanager
async def echoing(file: Path, answer: bytes) -> AsyncIterator[tuple["ExportServiceAsyncStub", int]]:
    """Runs a server that answers everything by the same bytes; yields a stub of it, and its process id."""
    await asyncio.to_thread(file.write_bytes, answer)
    process = await asyncio.create_subprocess_exec(sys.executable, HERE / "echo.py", file, stdout=PIPE)
    try:
        if process.stdout is None:
            raise SystemExit("the echo has no output")
        port = int(await process.stdout.readline())
        async with stub(f"127.0.0.1:{port}") as opened:
            yield opened, process.pid
    finally:
        process.terminate()
        await process.wait()

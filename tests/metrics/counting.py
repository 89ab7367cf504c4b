"""A server whose metrics are read, and calls that are counted."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc
from fhirexport.v1.export_service_pb2 import (
    ExportPatientsRequest,
    StreamExportRequest,
)
from fhirexport.v1.export_service_pb2_grpc import ExportServiceStub
from fhirexport.v1.types_pb2 import DATASET_VENUES
from fhirexport_server.app import App, running
from support.metrics import Page, read
from support.server import PATIENCE, settings, wait_for_health

if TYPE_CHECKING:
    from fhirexport.v1.export_service_pb2_grpc import ExportServiceAsyncStub  # exists for type checkers only

PATIENTS = ExportPatientsRequest(ej_id=1)
VENUES = StreamExportRequest(ej_id=1, dataset=DATASET_VENUES)
Counts = dict[tuple[str, ...], float]


@dataclass(frozen=True)
class Server:
    """A server with its metrics."""

    app: App
    stub: "ExportServiceAsyncStub"

    async def page(self) -> Page:
        """Reads the metrics once every call that was answered is counted."""
        async with asyncio.timeout(PATIENCE):
            while True:
                page = await read(self.app.metrics_address)
                started = sum(page.counted("grpc_server_started_total", "grpc_method").values())
                if started == sum(
                    page.counted("grpc_server_handled_total", "grpc_method", "grpc_code").values()
                ):
                    return page

    async def counts(self, expected: Counts, name: str, *labels: str) -> None:
        """Wait for series that are counted after an answer; fail with the last reading."""
        counted: Counts = {}
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while (counted := (await self.page()).counted(name, *labels)) != expected:
                    await asyncio.sleep(0.02)
        assert counted == expected

    async def until(self, name: str, expected: float, **labels: str) -> None:
        """Waits for a series to have a value."""
        async with asyncio.timeout(PATIENCE):
            while (await read(self.app.metrics_address)).value(name, **labels) != expected:
                await asyncio.sleep(0.02)


@asynccontextmanager
async def serving(url: str, **overrides: object) -> AsyncIterator[Server]:
    async with (
        running(settings(url, metrics_address="127.0.0.1:0", **overrides)) as app,
        grpc.aio.insecure_channel(app.address) as channel,
    ):
        await wait_for_health(app.address)
        yield Server(app, ExportServiceStub(channel))


async def drain(stub: "ExportServiceAsyncStub", request: StreamExportRequest) -> int:
    """Reads a stream to its end; returns how many bytes its messages had."""
    return sum([message.ByteSize() async for message in stub.StreamExport(request)])

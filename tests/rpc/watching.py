"""Watches exports of a real server, for tests: what is told, read with patience."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeAlias

import grpc
from fhirexport.v1 import types_pb2
from fhirexport.v1.export_service_pb2 import WatchExportsRequest, WatchExportsResponse
from fhirexport.v1.export_service_pb2_grpc import ExportServiceStub
from support.server import PATIENCE, wait_for_health

if TYPE_CHECKING:
    from fhirexport.v1.export_service_pb2_grpc import ExportServiceAsyncStub  # exists for type checkers only

Call: TypeAlias = "grpc.aio.UnaryStreamCall[WatchExportsRequest, WatchExportsResponse]"
Export: TypeAlias = tuple[int, str]
Told: TypeAlias = dict[Export, str]
"""Revisions by EJ and dataset."""

DATASETS = {
    "structure": types_pb2.DATASET_STRUCTURE,
    "patients": types_pb2.DATASET_PATIENTS,
    "venues": types_pb2.DATASET_VENUES,
}
NAMES = {number: name for name, number in DATASETS.items()}
ALL = tuple((1, name) for name in DATASETS)


def request(
    exports: Iterable[Export] = ALL, after: Mapping[Export, str] | None = None
) -> WatchExportsRequest:
    """Returns the request of a watch, with the revisions that the caller has."""
    return WatchExportsRequest(
        exports=[
            WatchExportsRequest.WatchedExport(
                ej_id=ej_id, dataset=DATASETS[name], after_revision=(after or {}).get((ej_id, name), "")
            )
            for ej_id, name in exports
        ]
    )


async def told(call: Call) -> Told:
    """Returns what the next message tells."""
    async with asyncio.timeout(PATIENCE):
        message = await call.read()
    assert isinstance(message, WatchExportsResponse), "the watch has ended"
    return {(one.ej_id, NAMES[one.dataset]): one.revision for one in message.exports}


async def until(call: Call, exports: Iterable[Export]) -> Told:
    """Returns what is told until all of these were told of."""
    seen: Told = {}
    wanted = set(exports)
    while not wanted <= seen.keys():
        seen |= await told(call)
    return seen


async def ended(call: Call) -> grpc.StatusCode:
    """Returns the status that a watch ends with, whatever it tells before."""
    async with asyncio.timeout(PATIENCE):
        try:
            while await call.read() is not grpc.aio.EOF:
                pass
        except grpc.aio.AioRpcError as error:
            return error.code()
        return await call.code()


@asynccontextmanager
async def watching(address: str) -> AsyncIterator["ExportServiceAsyncStub"]:
    """A stub of a server that serves."""
    await wait_for_health(address)
    async with grpc.aio.insecure_channel(address) as channel:
        yield ExportServiceStub(channel)

"""Every method of the contract, called about an EJ."""

from collections.abc import AsyncIterable, Awaitable, Callable, Iterator
from typing import Any

from fhirexport.v1 import types_pb2 as types
from fhirexport.v1.cache_admin_pb2 import (
    FlushRequest,
    GetHealthRequest,
    GetStatsRequest,
    InvalidateRequest,
    ListEntriesRequest,
    WarmRequest,
)
from fhirexport.v1.export_service_pb2 import (
    ExportPatientsRequest,
    ExportStructureRequest,
    ExportVenuesRequest,
    ListLegalEntitiesRequest,
    StreamExportRequest,
    WatchExportsRequest,
)
from fhirexport.v1.import_service_pb2 import ImportBundleRequest, ImportOptions, ImportResourcesRequest

from support.callers import Caller

Called = Callable[[Caller, int], Awaitable[Any]]
BUNDLE = '{"resourceType": "Bundle", "type": "batch"}'
TIMEOUT = 60


async def streamed(messages: AsyncIterable[Any]) -> list[Any]:
    """Returns all messages of a stream."""
    return [message async for message in messages]


async def told(caller: Caller, ej_id: int) -> object:
    """Returns the first message of a watch."""
    wanted = WatchExportsRequest.WatchedExport(ej_id=ej_id, dataset=types.DATASET_PATIENTS)
    watch = caller.exports.WatchExports(WatchExportsRequest(exports=[wanted]), timeout=TIMEOUT)
    try:
        return await watch.read()
    finally:
        watch.cancel()


def lines(ej_id: int) -> Iterator[ImportResourcesRequest]:
    """Yields the messages of an import of one patient, which is only tried."""
    yield ImportResourcesRequest(options=ImportOptions(ej_id=ej_id, validate_only=True))
    yield ImportResourcesRequest(chunk=b'{"resourceType": "Patient"}\n')


RPCS: dict[str, Called] = {
    "ListLegalEntities": lambda caller, _: caller.exports.ListLegalEntities(ListLegalEntitiesRequest()),
    "ExportStructure": lambda caller, ej_id: caller.exports.ExportStructure(
        ExportStructureRequest(ej_id=ej_id)
    ),
    "ExportPatients": lambda caller, ej_id: caller.exports.ExportPatients(ExportPatientsRequest(ej_id=ej_id)),
    "ExportVenues": lambda caller, ej_id: caller.exports.ExportVenues(ExportVenuesRequest(ej_id=ej_id)),
    "StreamExport": lambda caller, ej_id: streamed(
        caller.exports.StreamExport(StreamExportRequest(ej_id=ej_id, dataset=types.DATASET_PATIENTS))
    ),
    "WatchExports": told,
    "ImportBundle": lambda caller, ej_id: caller.imports.ImportBundle(
        ImportBundleRequest(bundle=BUNDLE, options=ImportOptions(ej_id=ej_id, validate_only=True))
    ),
    "ImportResources": lambda caller, ej_id: caller.imports.ImportResources(lines(ej_id)),
    "GetStats": lambda caller, _: caller.admin.GetStats(GetStatsRequest()),
    "GetHealth": lambda caller, _: caller.admin.GetHealth(GetHealthRequest()),
    "ListEntries": lambda caller, _: caller.admin.ListEntries(ListEntriesRequest(page_size=1000)),
    "Invalidate": lambda caller, ej_id: caller.admin.Invalidate(
        InvalidateRequest(pattern=f"fhir:export:*:ej:{ej_id}", dry_run=True)
    ),
    "Flush": lambda caller, _: caller.admin.Flush(FlushRequest()),
    "Warm": lambda caller, ej_id: streamed(
        caller.admin.Warm(WarmRequest(ej_ids=[ej_id], datasets=[types.DATASET_PATIENTS]))
    ),
}
"""Each method, called about an EJ."""

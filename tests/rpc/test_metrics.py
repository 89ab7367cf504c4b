"""Shows the metrics of calls: their names, their labels, and what is counted."""

import grpc
import pytest
from fhirexport.v1.export_service_pb2 import ExportPatientsRequest, StreamExportRequest
from fhirexport.v1.export_service_pb2_grpc import ExportServiceStub
from fhirexport.v1.types_pb2 import DATASET_VENUES
from fhirexport_server.app import running
from prometheus_client import CollectorRegistry, generate_latest
from support.server import settings

PATIENTS = {
    "grpc_type": "unary",
    "grpc_service": "fhirexport.v1.ExportService",
    "grpc_method": "ExportPatients",
}
STREAM = PATIENTS | {"grpc_type": "server_stream", "grpc_method": "StreamExport"}


def _handled(registry: CollectorRegistry, labels: dict[str, str], code: str) -> float | None:
    return registry.get_sample_value("grpc_server_handled_total", labels | {"grpc_code": code})


async def test_calls_are_counted_by_code(small_url: str) -> None:
    async with running(settings(small_url)) as app, grpc.aio.insecure_channel(app.address) as channel:
        stub = ExportServiceStub(channel)
        await stub.ExportPatients(ExportPatientsRequest(ej_id=1))
        for wrong in (ExportPatientsRequest(ej_id=7), ExportPatientsRequest()):
            with pytest.raises(grpc.aio.AioRpcError):
                await stub.ExportPatients(wrong)
        async for _ in stub.StreamExport(StreamExportRequest(ej_id=1, dataset=DATASET_VENUES)):
            pass
    value = app.registry.get_sample_value
    assert value("grpc_server_started_total", PATIENTS) == 3
    assert [_handled(app.registry, PATIENTS, code) for code in ("OK", "NotFound", "InvalidArgument")] == [
        1
    ] * 3
    assert value("grpc_server_msg_received_total", PATIENTS) == 3
    assert value("grpc_server_msg_sent_total", PATIENTS) == 1
    assert value("grpc_server_msg_sent_total", STREAM) == 3
    assert value("grpc_server_handling_seconds_count", STREAM) == 1


async def test_every_method_has_its_series_from_the_start(small_url: str) -> None:
    async with running(settings(small_url)) as app:
        page = generate_latest(app.registry).decode()
    for method in ("ExportStructure", "ListLegalEntities", "Flush", "ImportResources"):
        assert f'grpc_method="{method}"' in page
    labels = {"grpc_service": "fhirexport.v1.ImportService", "grpc_method": "ImportResources"}
    for code in ("OK", "Canceled", "DeadlineExceeded", "Unavailable"):
        assert _handled(app.registry, labels | {"grpc_type": "client_stream"}, code) == 0

"""Shows that Envoy's port speaks gRPC as well, as if Envoy were not there."""

from pathlib import Path

import grpc
import pytest
from fhirexport.v1.export_service_pb2 import ExportPatientsRequest, StreamExportRequest
from fhirexport.v1.export_service_pb2_grpc import ExportServiceStub
from fhirexport.v1.types_pb2 import DATASET_PATIENTS
from support.envoy import Envoy, running_envoy
from support.server import running_server, wait_for_health
from support.status import refused


async def test_a_stream_comes_through(shared_envoy: Envoy) -> None:
    async with grpc.aio.insecure_channel(shared_envoy.address) as channel:
        stream = ExportServiceStub(channel).StreamExport(
            StreamExportRequest(ej_id=1, dataset=DATASET_PATIENTS)
        )
        events = [event.WhichOneof("event") async for event in stream]
    assert events == ["started", "chunk", "finished"]


async def test_an_error_comes_through_with_its_details(shared_envoy: Envoy) -> None:
    async with grpc.aio.insecure_channel(shared_envoy.address) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await ExportServiceStub(channel).ExportPatients(
                ExportPatientsRequest(ej_id=7), metadata=[("x-request-id", "r7")]
            )
    found = refused(caught.value)
    assert (found.code, found.reason, found.request_id) == ("NOT_FOUND", "EJ_NOT_FOUND", "r7")


async def test_health_can_be_watched(shared_envoy: Envoy) -> None:
    await wait_for_health(shared_envoy.address)


async def test_what_envoy_itself_says_is_text_and_no_json(small_url: str, tmp_path: Path) -> None:
    async with running_server(small_url) as server:
        await wait_for_health(server)
    async with running_envoy(tmp_path, server) as envoy, grpc.aio.insecure_channel(envoy.address) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await ExportServiceStub(channel).ExportPatients(ExportPatientsRequest(ej_id=1))
    assert (caught.value.code().name, caught.value.details()) == ("UNAVAILABLE", "no healthy upstream")

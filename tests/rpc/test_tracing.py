"""Shows the span of a call at a real collector, and that nothing is sent without one."""

import asyncio

import grpc
import pytest
from fhirexport.v1.export_service_pb2 import ExportPatientsRequest
from fhirexport.v1.export_service_pb2_grpc import ExportServiceStub
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from support.collector import collecting
from support.server import PATIENCE, running_server, wait_for_health
from support.valkey import Valkey

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def _attributes(span: Span) -> dict[str, str | int]:
    return {pair.key: pair.value.string_value or pair.value.int_value for pair in span.attributes}


async def test_each_call_is_a_span_below_the_callers(small_url: str, valkey: Valkey) -> None:
    async with collecting() as (collector, endpoint):
        async with (
            running_server(small_url, redis_url=valkey.url, otel_exporter_otlp_endpoint=endpoint) as address,
            grpc.aio.insecure_channel(address) as channel,
        ):
            await wait_for_health(address)
            stub = ExportServiceStub(channel)
            metadata = (("traceparent", f"00-{TRACE}-{PARENT}-01"), ("x-request-id", "r-1"))
            await stub.ExportPatients(ExportPatientsRequest(ej_id=1), metadata=metadata)
            with pytest.raises(grpc.aio.AioRpcError):
                await stub.ExportPatients(ExportPatientsRequest(ej_id=7))
        async with asyncio.timeout(PATIENCE):
            while len(collector.spans) < 2:
                await asyncio.sleep(0.05)
        first, second = collector.spans
        assert first.name == "fhirexport.v1.ExportService/ExportPatients"
        assert (first.trace_id.hex(), first.parent_span_id.hex()) == (TRACE, PARENT)
        assert first.kind == Span.SPAN_KIND_SERVER
        attributes = _attributes(first)
        assert attributes["rpc.service"] == "fhirexport.v1.ExportService"
        assert attributes["rpc.grpc.status_code"] == 0
        assert attributes["fhirexport.request_id"] == "r-1"
        assert attributes["fhirexport.source"] == "database"
        assert not any("MARTIN" in str(value) for value in attributes.values())
        assert _attributes(second)["fhirexport.reason"] == "EJ_NOT_FOUND"
        # What the caller got wrong is no error of the server's.
        assert second.status.code == Status.STATUS_CODE_UNSET
        (resource, *_) = collector.requests[0].resource_spans
        assert {pair.key: pair.value.string_value for pair in resource.resource.attributes}[
            "service.name"
        ] == "fhirexport"


@pytest.mark.long
async def test_a_collector_that_is_away_disturbs_nobody(small_url: str) -> None:
    endpoint = "http://127.0.0.1:9"
    async with (
        running_server(small_url, otel_exporter_otlp_endpoint=endpoint) as address,
        grpc.aio.insecure_channel(address) as channel,
    ):
        await wait_for_health(address)
        for _ in range(3):
            await ExportServiceStub(channel).ExportPatients(ExportPatientsRequest(ej_id=1))

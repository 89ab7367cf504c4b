"""Counts calls in the metrics of `telemetry/call_families.py`."""

import time
from collections.abc import Iterable

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from prometheus_client import CollectorRegistry

from fhirexport_server.rpc.call import Call, Inner, Kind
from fhirexport_server.rpc.errors.refusal import REASONS
from fhirexport_server.telemetry.call_families import CallFamilies

# The names of codes in gRPC's specification that do not follow from those of the enum.
_NAMED = {grpc.StatusCode.OK: "OK", grpc.StatusCode.CANCELLED: "Canceled"}
_CODES = {code: _NAMED.get(code) or code.name.title().replace("_", "") for code in grpc.StatusCode}


class CallMetrics:
    """Counts and times the calls of some services. Only names from the descriptors become labels."""

    def __init__(self, registry: CollectorRegistry, services: Iterable[ServiceDescriptor]) -> None:
        methods = [
            (_kind(method), service.full_name, method.name)
            for service in services
            for method in service.methods
        ]
        self._families = CallFamilies(registry, methods, _CODES.values(), REASONS)

    async def __call__(self, call: Call, inner: Inner) -> bytes:
        """Count and time one call. The instance is a layer of the chain."""
        series = self._families.methods[call.service, call.method]
        series.started.inc()
        try:
            return await inner()
        finally:
            series.seconds.observe(time.monotonic() - call.begun)
            series.handled[_CODES[call.code]].inc()
            series.received.inc(call.received)
            series.sent.inc(call.sent)
            series.sent_bytes.inc(call.sent_bytes)
            if call.reason:
                self._families.refusals[call.reason].inc()


def _kind(method: MethodDescriptor) -> Kind:
    if method.server_streaming:
        return "server_stream"
    return "client_stream" if method.client_streaming else "unary"

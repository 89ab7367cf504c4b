"""The span of a call, by OpenTelemetry's conventions for RPC. Never content."""

from typing import TYPE_CHECKING

import grpc

from fhirexport_server.rpc.call import Call, Inner, Layer

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

_FACTS = ("dataset", "format", "ej_id", "source", "resources", "bytes")
# The codes of server faults. Only these make a server's span an error.
_OURS = {
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.UNIMPLEMENTED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DATA_LOSS,
}


def tracing(tracer: "Tracer") -> Layer:
    """Return the layer that makes a span for each call, as a child of the caller's where it sends one."""
    from opentelemetry.trace import SpanKind, StatusCode  # noqa: PLC0415 - an extra
    from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415 - the same
        TraceContextTextMapPropagator,
    )

    propagator = TraceContextTextMapPropagator()

    async def layer(call: Call, inner: Inner) -> bytes:
        metadata = call.context.invocation_metadata() or ()
        headers = {key: value for key, value in metadata if isinstance(value, str)}
        span = tracer.start_span(
            f"{call.service}/{call.method}",
            context=propagator.extract(headers),
            kind=SpanKind.SERVER,
            attributes={
                "rpc.system": "grpc",
                "rpc.service": call.service,
                "rpc.method": call.method,
                "fhirexport.request_id": call.request_id,
            },
        )
        try:
            return await inner()
        finally:
            span.set_attribute("rpc.grpc.status_code", call.code.value[0])
            if call.reason:
                span.set_attribute("fhirexport.reason", call.reason)
            for name in _FACTS:
                if name in call.facts:
                    span.set_attribute(f"fhirexport.{name}", call.facts[name])
            if call.code in _OURS:
                span.set_status(StatusCode.ERROR)
            span.end()

    return layer

"""Traces over OTLP, sent only where an endpoint is set.

The SDK reads the rest of its standard `OTEL_*` variables itself.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

NAME = "fhirexport"


@asynccontextmanager
async def tracer(endpoint: str | None) -> AsyncIterator["Tracer | None"]:
    """Open a tracer; None where there is no endpoint. Send the remaining spans at the end.

    Args:
        endpoint: `OTEL_EXPORTER_OTLP_ENDPOINT`, such as `http://localhost:4317`.
    """
    if endpoint is None:
        yield None
        return
    try:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (  # noqa: PLC0415 - an extra
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - the same
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - the same
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - the same
    except ImportError:
        _log.warning("tracing_not_installed", remedy="install fhirexport[tracing]")
        yield None
        return
    resource = Resource.create()  # reads OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES
    if str(resource.attributes["service.name"]).startswith("unknown_service"):
        resource = resource.merge(Resource({"service.name": NAME}))
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    try:
        yield provider.get_tracer(NAME)
    finally:
        # It waits for the collector, so it runs in a thread.
        await asyncio.to_thread(provider.shutdown)

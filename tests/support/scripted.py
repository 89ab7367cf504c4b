"""Owns a server that plays back what a correct one never sends: broken, false and impossible streams."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import grpc
from fhirexport.v1 import export_service_pb2
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

Event = export_service_pb2.StreamExportResponse
Script = Sequence[Event | grpc.StatusCode]
"""What one attempt plays: events, and at its end perhaps the status that it breaks with."""


class Scripted:
    """Plays one script for each attempt at StreamExport, the last one again and again."""

    def __init__(self, *scripts: Script) -> None:
        self.requests: list[export_service_pb2.StreamExportRequest] = []
        self._scripts = scripts

    async def stream_export(
        self,
        request: export_service_pb2.StreamExportRequest,
        context: grpc.aio.ServicerContext[
            export_service_pb2.StreamExportRequest, export_service_pb2.StreamExportResponse
        ],
    ) -> AsyncIterator[Event]:
        """Plays the next script."""
        script = self._scripts[min(len(self.requests), len(self._scripts) - 1)]
        self.requests.append(request)
        for step in script:
            if isinstance(step, grpc.StatusCode):
                await context.abort_with_status(rpc_status.to_status(_status(step)))
            yield step


def _status(code: grpc.StatusCode) -> status_pb2.Status:
    """A status with the details that the real server sends with it."""
    retry = error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(nanos=1_000_000))
    info = error_details_pb2.ErrorInfo(reason="SCRIPTED", domain="fhirexport", metadata={"request_id": "r-1"})
    details = [any_pb2.Any(), any_pb2.Any()]
    details[0].Pack(info)
    details[1].Pack(retry)
    return status_pb2.Status(code=code.value[0], message="scripted", details=details)


@asynccontextmanager
async def playing(*scripts: Script) -> AsyncIterator[tuple[str, Scripted]]:
    """Runs the server; yields its address and itself."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    servicer = Scripted(*scripts)
    method = grpc.unary_stream_rpc_method_handler(
        servicer.stream_export,
        request_deserializer=export_service_pb2.StreamExportRequest.FromString,
        response_serializer=Event.SerializeToString,
    )
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("fhirexport.v1.ExportService", {"StreamExport": method}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}", servicer
    finally:
        await server.stop(None)

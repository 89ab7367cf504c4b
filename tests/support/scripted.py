"""A server that plays back what a correct one never sends: broken, false and impossible streams."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final, Literal

import grpc
import zstandard
from fhirexport.v1 import export_service_pb2, types_pb2
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_status import rpc_status

Event = export_service_pb2.StreamExportResponse
HANG: Final = "hang"
Script = Sequence[Event | grpc.StatusCode | float | Literal["hang"]]
"""What one attempt plays: events, and at its end perhaps the status that it breaks with. With HANG, it says
nothing more until it is told to go on; then it breaks. A number is a time to wait, in seconds."""
LINES = [f'{{"resourceType":"Patient","id":"pat-{n}"}}\n'.encode() for n in range(4)]
"""The resources of one export."""
WHOLE = b"".join(LINES)


def started(etag: str = '"1-2-3"') -> Event:
    return Event(started=types_pb2.Snapshot(etag=etag, source=types_pb2.Snapshot.SOURCE_DATABASE))


def chunk(number: int, *, zstd: bool = True, digest: bool = True) -> Event:
    """A segment with one resource; without its digest, as a server has it that knows no segments."""
    content = LINES[number]
    message = export_service_pb2.StreamExportResponse.Chunk(resource_count=1)
    if digest:
        message.digest = digest_of(number)
    if zstd:
        message.zstd = zstandard.compress(content)
    else:
        message.json = content.decode()
    return Event(chunk=message)


def part(content: bytes, *, count: int = 0, digest: bytes = b"") -> Event:
    """Part of a segment; with its digest, the last one."""
    message = export_service_pb2.StreamExportResponse.Chunk(resource_count=count, digest=digest)
    message.zstd = zstandard.compress(content)
    return Event(chunk=message)


def digest_of(number: int) -> bytes:
    return hashlib.sha256(LINES[number]).digest()


def unchanged(first: int, count: int) -> Event:
    return Event(unchanged=export_service_pb2.StreamExportResponse.Unchanged(first=first, count=count))


def finished(
    content: bytes = WHOLE, *, count: int = 4, size: int | None = None, root: str | None = None
) -> Event:
    """The end of an export of which each line is a segment, unless the root says otherwise."""
    digests = [hashlib.sha256(line).digest() for line in content.splitlines(keepends=True)]
    return Event(
        finished=export_service_pb2.StreamExportResponse.Finished(
            sha256=hashlib.sha256(content).hexdigest(),
            root=hashlib.sha256(b"".join(digests)).hexdigest() if root is None else root,
            resource_count=count,
            size_bytes=len(content) if size is None else size,
        )
    )


COMPLETE: Script = [started(), *(chunk(n, zstd=n % 2 == 0) for n in range(4)), finished()]


class Scripted:
    """Plays one script for each attempt at StreamExport, the last one again and again."""

    def __init__(self, *scripts: Script) -> None:
        self.requests: list[export_service_pb2.StreamExportRequest] = []
        self.metadata: list[dict[str, str]] = []
        """What came with each request."""
        self._scripts = scripts
        self.hanging = asyncio.Event()
        self.go_on = asyncio.Event()

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
        self.metadata.append({key: str(value) for key, value in context.invocation_metadata() or ()})
        for step in script:
            if isinstance(step, float):
                await asyncio.sleep(step)
                continue
            if step == HANG:
                self.hanging.set()
                await self.go_on.wait()
                await context.abort_with_status(rpc_status.to_status(_status(grpc.StatusCode.UNAVAILABLE)))
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
    # Of its own accord, gRPC's core complains of a server without one.
    service = health.aio.HealthServicer()
    await service.set("fhirexport.v1.ExportService", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(service, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}", servicer
    finally:
        await server.stop(None)

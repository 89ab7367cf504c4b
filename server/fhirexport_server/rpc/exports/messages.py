"""The responses of ExportService: renderings as messages."""

from functools import lru_cache
from typing import TypeAlias, TypeVar

from fhirexport.v1.export_service_pb2 import (
    ExportPatientsResponse,
    ExportStructureResponse,
    ExportVenuesResponse,
    LegalEntity,
    StreamExportResponse,
)
from fhirexport.v1.types_pb2 import Snapshot

from fhirexport_server.domain.revision import Token
from fhirexport_server.domain.rows import EjRow
from fhirexport_server.exports.rendering import Chunk, ContentSource, Rendering, Totals
from fhirexport_server.rpc.exports.wire import around, nested

UnaryResponse = TypeVar(
    "UnaryResponse", ExportStructureResponse, ExportPatientsResponse, ExportVenuesResponse
)

Serialized: TypeAlias = bytes
"""A message that is serialized already: the chain sends it as it is."""

_SOURCES = {ContentSource.CACHE: Snapshot.SOURCE_CACHE, ContentSource.DATABASE: Snapshot.SOURCE_DATABASE}


def snapshot(rendering: Rendering) -> Snapshot:
    """Return the description of a rendering; its counts and its root are set only once it is complete."""
    description = rendering.snapshot
    message = Snapshot(
        etag=f'"{description.etag}"',
        revision=description.revision,
        source=_SOURCES[description.source],
        root=_hexadecimal(rendering.root),
        rendered_count=rendering.rendered,
        incarnation=_incarnation(description.revision),
    )
    message.read_time.FromDatetime(description.read_time)
    totals = rendering.totals
    if totals is not None:
        message.resource_count = totals.resource_count
        message.size_bytes = totals.size_bytes
    return message


@lru_cache(maxsize=4096)
def _incarnation(token: str) -> str:
    """Return the incarnation that a token names. Each answer has it, and they share few."""
    return Token.decode(token).revision.incarnation


def unary(
    kind: type[UnaryResponse], rendering: Rendering, chunks: list[Chunk] | None, *, zstd: bool
) -> UnaryResponse | Serialized:
    """Return an export in one message; `chunks` is None when the caller's etag is current.

    With content, the message is serialized already.
    """
    response = kind(snapshot=snapshot(rendering), not_modified=chunks is None)
    if chunks is None:
        return response
    return around(response, _field(zstd=zstd), _content(chunks, zstd=zstd))


def started(rendering: Rendering) -> StreamExportResponse:
    """Return a stream's first event."""
    return StreamExportResponse(started=snapshot(rendering))


def run(chunk: Chunk, content: bytes, *, zstd: bool) -> Serialized:
    """Return a stream's next chunk; `content` is its frame or its text."""
    digest = b"" if chunk.segment is None else chunk.segment.digest
    rest = StreamExportResponse.Chunk(resource_count=chunk.resource_count, digest=digest)
    return nested(StreamExportResponse(), "chunk", _field(zstd=zstd), [content], rest)


def unchanged(first: int, count: int) -> StreamExportResponse:
    """Return what stands for segments that the caller has."""
    return StreamExportResponse(unchanged=StreamExportResponse.Unchanged(first=first, count=count))


def finished(totals: Totals | None, root: bytes | None = None, sha256: str = "") -> StreamExportResponse:
    """Return a stream's last event; `totals` is None when the caller's etag is current."""
    if totals is None:
        return StreamExportResponse(finished=StreamExportResponse.Finished(not_modified=True))
    return StreamExportResponse(
        finished=StreamExportResponse.Finished(
            sha256=totals.sha256 or sha256,
            resource_count=totals.resource_count,
            size_bytes=totals.size_bytes,
            root=_hexadecimal(root),
        )
    )


def _hexadecimal(root: bytes | None) -> str:
    return "" if root is None else root.hex()


def _field(*, zstd: bool) -> str:
    return "zstd" if zstd else "json"


def _content(chunks: list[Chunk], *, zstd: bool) -> list[bytes]:
    return [chunk.frame if zstd else chunk.text() for chunk in chunks]


def legal_entity(row: EjRow) -> LegalEntity:
    """Return the message of an EJ."""
    return LegalEntity(ej_id=row.id, finess=row.finess, name=row.name, active=bool(row.active))

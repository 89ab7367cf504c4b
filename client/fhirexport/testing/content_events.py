"""The events of a stream between its first and its last: content, and what the caller has of it."""

from collections.abc import Iterator, Sequence

import zstandard

from fhirexport.testing.content import Chunk
from fhirexport.v1.export_service_pb2 import StreamExportResponse


def content_events(
    chunks: Sequence[Chunk], have: Sequence[bytes], *, zstd: bool
) -> Iterator[StreamExportResponse]:
    """Yield chunks, and in place of segments that the caller has, where they are among its own.

    Args:
        chunks: the whole rendering.
        have: the digests of the segments that the caller has, in its order.
        zstd: whether to send Zstandard frames.
    """
    positions = {digest: position for position, digest in enumerate(have)}
    unchanged: StreamExportResponse.Unchanged | None = None
    for segment in _segments(chunks):
        position = positions.get(segment[-1].digest)
        if position is not None and unchanged is not None and position == unchanged.first + unchanged.count:
            unchanged.count += 1
            continue
        if unchanged is not None:
            yield StreamExportResponse(unchanged=unchanged)
            unchanged = None
        if position is not None:
            unchanged = StreamExportResponse.Unchanged(first=position, count=1)
        else:
            yield from (_sent(chunk, zstd=zstd) for chunk in segment)
    if unchanged is not None:
        yield StreamExportResponse(unchanged=unchanged)


def _segments(chunks: Sequence[Chunk]) -> Iterator[list[Chunk]]:
    segment = []
    for chunk in chunks:
        segment.append(chunk)
        if chunk.digest:
            yield segment
            segment = []


def _sent(chunk: Chunk, *, zstd: bool) -> StreamExportResponse:
    message = StreamExportResponse.Chunk(resource_count=chunk.resource_count, digest=chunk.digest)
    if zstd:
        message.zstd = zstandard.compress(chunk.content)
    else:
        message.json = chunk.content.decode()
    return StreamExportResponse(chunk=message)

"""Cuts a rendering into compressed chunks, and counts and hashes it."""

import hashlib
from collections.abc import Iterable, Iterator

import zstandard

from fhirexport_server.domain.errors import RowNotRenderableError
from fhirexport_server.domain.rows import Rendered
from fhirexport_server.domain.segments import Block, Chunk, Segment, Totals
from fhirexport_server.formats.layout import Layout

CHUNK_BYTES = 256 * 1024
"""A chunk is closed at this size: as measured, larger chunks hardly raise the throughput."""
LARGEST_RESOURCE_BYTES = 2 * 1024 * 1024
"""The largest resource, so that its chunk still fits into a message of 4 MiB."""
LEVEL = 1
"""The Zstandard level: higher levels cost more time than the saved bytes are worth."""


class Chunker:
    """The chunks of one rendering. `totals` is complete after the last one."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._hash = hashlib.sha256()
        self._size = 0
        self._count = 0
        self._chunks = 0
        self._compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)

    @property
    def totals(self) -> Totals:
        """The totals of the chunks so far."""
        return Totals(resource_count=self._count, size_bytes=self._size, sha256=self._hash.hexdigest())

    def chunks(self, resources: Iterable[Rendered]) -> Iterator[Chunk]:
        """Yield the chunks in order; the same resources give the same bytes.

        Raises:
            RowNotRenderableError: A resource is larger than a message can carry.
        """
        pieces: list[bytes] = []
        size = count = 0
        for piece, is_resource in self._layout.pieces(map(_bounded, resources)):
            pieces.append(piece)
            size += len(piece)
            count += is_resource
            if size >= CHUNK_BYTES:
                yield self._close(b"".join(pieces), count)
                pieces, size, count = [], 0, 0
        if size:
            yield self._close(b"".join(pieces), count)

    def _close(self, content: bytes, count: int) -> Chunk:
        self._hash.update(content)
        self._size += len(content)
        self._count += count
        self._chunks += 1
        # Until segments are cut by ids, each chunk is a segment of its own.
        segment = Segment(
            block=Block(lo=self._chunks - 1, bits=0),
            ids=count,
            resource_count=count,
            size=len(content),
            digest=hashlib.sha256(content).digest(),
        )
        return Chunk(self._compressor.compress(content), len(content), count, segment)


def _bounded(resource: Rendered) -> Rendered:
    if len(resource.json) > LARGEST_RESOURCE_BYTES:
        kind, _, number = resource.id.rpartition("-")
        rule = f"{kind} {resource.type} is larger than {LARGEST_RESOURCE_BYTES} bytes"
        raise RowNotRenderableError(resource.type, int(number), rule)
    return resource

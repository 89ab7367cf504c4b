"""Cuts a full rendering into the chunks of its segments, and counts and hashes it."""

import hashlib
from collections.abc import Iterable, Iterator
from operator import itemgetter

from fhirexport_server.domain.errors import RowNotRenderableError
from fhirexport_server.domain.rows import Rendered
from fhirexport_server.domain.segments import Block, Chunk, Totals, in_blocks
from fhirexport_server.formats.layout import Layout
from fhirexport_server.formats.segment_writer import SegmentWriter

LARGEST_RESOURCE_BYTES = 2 * 1024 * 1024
"""The largest resource, so that its chunk still fits into a message of 4 MiB."""

Blocks = Iterable[tuple[Block, Iterable[Iterable[Rendered]]]]
"""Blocks of ids, by ascending id, each with the resources of each of its ids."""


class Chunker:
    """The chunks of one rendering. `totals` is complete after the last one."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._hash = hashlib.sha256()
        self._writer = SegmentWriter(layout, self._hash)
        self._size = 0
        self._count = 0

    @property
    def totals(self) -> Totals:
        """The totals of the chunks so far."""
        return Totals(resource_count=self._count, size_bytes=self._size, sha256=self._hash.hexdigest())

    def chunks(self, blocks: Blocks) -> Iterator[Chunk]:
        """Yield the chunks in order; the same resources give the same bytes.

        Raises:
            RowNotRenderableError: A resource is larger than a message can carry.
        """
        first = True
        for block, groups in blocks:
            entries = (map(self.entry, resources) for resources in groups)
            yield from self._counted(self._writer.chunks(block, entries, first=first))
            first = False
        yield from self._counted(self._writer.end(empty=first))

    def entry(self, resource: Rendered) -> bytes:
        """Return the bytes of one resource."""
        return self._layout.entry(bounded(resource))

    def _counted(self, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
        for chunk in chunks:
            self._size += chunk.size
            self._count += chunk.resource_count
            yield chunk


def in_positions(resources: Iterable[Rendered]) -> Iterator[tuple[Block, Iterable[Iterable[Rendered]]]]:
    """Yield resources by the blocks of their positions, where segments cannot go by ids."""
    for block, numbered in in_blocks(enumerate(resources), itemgetter(0)):
        yield block, ((resource,) for _, resource in numbered)


def bounded(resource: Rendered) -> Rendered:
    """Return a resource that a message can carry.

    Raises:
        RowNotRenderableError: It is too large.
    """
    if len(resource.json) > LARGEST_RESOURCE_BYTES:
        kind, _, number = resource.id.rpartition("-")
        rule = f"{kind} {resource.type} is larger than {LARGEST_RESOURCE_BYTES} bytes"
        raise RowNotRenderableError(resource.type, int(number), rule)
    return resource

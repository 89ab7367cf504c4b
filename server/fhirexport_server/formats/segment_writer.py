"""Writes segments: the bytes before, between and after resources, compressed and hashed."""

import hashlib
from collections.abc import Iterable, Iterator

import zstandard

from fhirexport_server.domain.segments import Block, Chunk, Segment
from fhirexport_server.formats.layout import Layout

CHUNK_BYTES = 512 * 1024
"""A segment that is larger is cut into several chunks of about this size; most are half of it."""
LEVEL = 1
"""The Zstandard level: higher levels cost more time than the saved bytes are worth."""
_END = Block(0, 0)


class SegmentWriter:
    """Writes the segments of one layout. The same entries give the same bytes."""

    def __init__(self, layout: Layout, hash_of_all: "hashlib._Hash | None" = None) -> None:
        """Make a writer.

        Args:
            layout: The layout.
            hash_of_all: A hash to update with all text; None where nobody needs one.
        """
        self._layout = layout
        self._hash_of_all = hash_of_all
        self._compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)

    def chunks(self, block: Block, groups: Iterable[Iterable[bytes]], *, first: bool) -> Iterator[Chunk]:
        """Yield the chunks of one segment.

        Args:
            block: The segment's ids.
            groups: The entries of each id, one after the other.
            first: Whether it is the first segment of its rendering.
        """
        before = self._layout.head if first else self._layout.between
        hashed, pieces = hashlib.sha256(), list[bytes]()
        ids = resources = count = total = size = 0
        for entries in groups:
            ids += 1
            for entry in entries:
                if size >= CHUNK_BYTES:
                    yield Chunk(self._frame(pieces, hashed), size, count)
                    resources, total, count, size = resources + count, total + size, 0, 0
                    pieces.clear()
                pieces += (before, entry)
                size += len(before) + len(entry)
                count += 1
                before = self._layout.between
        frame = self._frame(pieces, hashed)
        segment = Segment(block, ids, resources + count, total + size, hashed.digest())
        yield Chunk(frame, size, count, segment)

    @property
    def first_differs(self) -> bool:
        """Whether the text of a segment depends on whether it is the first."""
        return self._layout.head != self._layout.between

    def end(self, *, empty: bool) -> Iterator[Chunk]:
        """Yield the chunk that ends a rendering, where its layout has an end; `empty`: without resources."""
        text = self._layout.empty if empty else self._layout.tail
        if text:
            hashed = hashlib.sha256()
            frame = self._frame([text], hashed)
            yield Chunk(frame, len(text), 0, Segment(_END, 0, 0, len(text), hashed.digest()))

    def _frame(self, pieces: Iterable[bytes], hashed: "hashlib._Hash") -> bytes:
        text = b"".join(pieces)
        hashed.update(text)
        if self._hash_of_all is not None:
            self._hash_of_all.update(text)
        # What zstandard returns has as much memory as the text, of which the frame takes a tenth.
        return bytes(memoryview(self._compressor.compress(text)))

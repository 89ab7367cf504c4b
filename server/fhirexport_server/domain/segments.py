"""Segments, the parts of a rendering that are rendered, kept, sent and compared one by one.

A segment holds the resources of one aligned block of ids: the largest block with at most MOST_IDS ids of
the export. So the segments of an export follow from its ids alone, and a change of one resource changes one
segment.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

import zstandard

MOST_IDS: Final = 128
"""How many ids a segment holds at most."""


class Block(NamedTuple):
    """An aligned block of ids: the 2 to the power of `bits` ids from `lo` on, a multiple of their number."""

    lo: int
    bits: int


class Segment(NamedTuple):
    """A segment as a manifest lists it."""

    block: Block
    """Its ids. For a structure, whose order is not that of ids, the positions of its resources."""
    ids: int
    """How many ids it holds; 0 for the end of a Bundle, which holds no resource."""
    resource_count: int
    """How many resources: more than ids where a venue's movements are resources too."""
    size: int
    """The size of its text, in bytes."""
    digest: bytes
    """The SHA-256 of its text, 32 bytes. The texts of all segments, end to end, are the whole rendering."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of a segment, cut between resources. Most segments are one chunk."""

    frame: bytes
    """A Zstandard frame with its content size; it is cached and sent as it is."""
    size: int
    """Its size in bytes, decompressed."""
    resource_count: int
    segment: Segment | None = None
    """The segment that ends with this chunk; None where it goes on."""

    def text(self) -> bytes:
        """Return the content: UTF-8 JSON."""
        return zstandard.ZstdDecompressor().decompress(self.frame, max_output_size=self.size)


@dataclass(frozen=True, slots=True)
class Totals:
    """Totals of a rendering, known after its last chunk."""

    resource_count: int
    size_bytes: int
    sha256: str
    """The digest of the whole content, in lower-case hexadecimal; empty where it was not rendered at once."""


@dataclass(frozen=True)
class Manifest:
    """The segments of a complete rendering, in order."""

    segments: tuple[Segment, ...]

    @cached_property
    def root(self) -> bytes:
        """The SHA-256 over the digests of all segments, in order, 32 bytes."""
        return hashlib.sha256(b"".join(segment.digest for segment in self.segments)).digest()

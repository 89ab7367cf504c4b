"""Segments, the parts of a rendering that are rendered, kept, sent and compared one by one.

A segment holds the resources of one aligned block of ids: the largest block with at most MOST_IDS ids of
the export. So the segments of an export follow from its ids alone, and a change of one resource changes one
segment.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import Final, NamedTuple, TypeVar

import zstandard

R = TypeVar("R")
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


def ending(chunks: tuple[Chunk, ...], segment: Segment) -> tuple[Chunk, ...]:
    """Return the chunks of a segment, the last of which has it as a manifest lists it.

    Its block may be another than when the chunks were kept: it grows where others are deleted around it.
    """
    *others, last = chunks
    return chunks if last.segment == segment else (*others, replace(last, segment=segment))


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


WHOLE: Final = Block(0, 63)
"""All ids there are."""


def end(block: Block) -> int:
    """Return the first id after a block."""
    return block.lo + (1 << block.bits)


def in_blocks(
    rows: Iterable[R], key: Callable[[R], int], within: Block = WHOLE
) -> Iterator[tuple[Block, list[R]]]:
    """Cut rows into the blocks of segments: yield each block that holds any, with its rows.

    It reads MOST_IDS + 1 rows ahead. What it yields is what halving `within` gives, and halving again what
    holds more than MOST_IDS.

    Args:
        rows: The rows, by ascending key.
        key: Returns the id of a row; all are within `within`.
        within: The block to cut.
    """
    ahead: deque[R] = deque()
    coming = iter(rows)
    after = within.lo
    while True:
        ahead.extend(islice(coming, MOST_IDS + 1 - len(ahead)))
        if not ahead:
            return
        before = key(ahead[MOST_IDS]) if len(ahead) > MOST_IDS else end(within)
        block = largest_block(key(ahead[0]), after, before)
        after = end(block)
        taken = []
        while ahead and key(ahead[0]) < after:
            taken.append(ahead.popleft())
        yield block, taken


def largest_block(key: int, after: int, before: int) -> Block:
    """Return the largest block that holds an id and lies between two bounds: `after <= ids < before`."""
    bits = WHOLE.bits
    while True:
        lo = key >> bits << bits
        if after <= lo and lo + (1 << bits) <= before:
            return Block(lo, bits)
        bits -= 1

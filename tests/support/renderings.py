"""Made-up renderings of any size, to put into caches."""

import hashlib
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import zstandard
from fhirexport_server.cache.entry import Base, Description, Variant
from fhirexport_server.cache.port import LookupResult, NewRendering, SharedCache
from fhirexport_server.domain.datasets import Dataset, Detail, Format
from fhirexport_server.domain.revision import Revision, Token
from fhirexport_server.domain.segments import Block, Chunk, Manifest, Segment, Totals

Frames = Callable[[bytes], tuple[Chunk, ...] | None]
INCARNATION = "an-incarnation"
READ = datetime(2026, 1, 1, 12, 30, 15, 123456, tzinfo=UTC)
BASE = Base("1 2 3", '{"time_zone":"Europe/Paris"}')


@dataclass(frozen=True)
class Whole:
    """A rendering with all its bytes."""

    description: Description
    chunks: tuple[Chunk, ...]


def variant(ej_id: int = 1, dataset: Dataset = Dataset.VENUES, layout: Format = Format.BUNDLE) -> Variant:
    return Variant(ej_id, dataset, layout, Detail.SUMMARY)


def segment(text: bytes, number: int = 0, *, chunks: int = 1) -> tuple[Chunk, ...]:
    """A segment with this text, in so many chunks of three resources each."""
    compressor = zstandard.ZstdCompressor(level=1)
    size = -(-len(text) // chunks)
    parts = [text[start : start + size] for start in range(0, len(text), size)]
    made = [Chunk(compressor.compress(part), len(part), 3) for part in parts]
    digest = hashlib.sha256(text).digest()
    listed = Segment(Block(number * 128, 7), 3, 3 * len(parts), len(text), digest)
    return (*made[:-1], replace(made[-1], segment=listed))


def whole(
    segments: Iterable[tuple[Chunk, ...]], n: int = 1, *, shape: str = "shape", ej_id: int = 1
) -> Whole:
    """A rendering of these segments, as of revision `n`."""
    chunks = tuple(chunk for one in segments for chunk in one)
    token = Token(ej_id, Dataset.VENUES, Revision(INCARNATION, n, n * 7)).encode()
    manifest = Manifest(tuple(chunk.segment for chunk in chunks if chunk.segment is not None))
    count, size = sum(chunk.resource_count for chunk in chunks), sum(chunk.size for chunk in chunks)
    totals = Totals(count, size, "a" * 64)
    return Whole(Description(f"{n:x}-7-{shape}", token, READ, totals, manifest, BASE), chunks)


def rendering(
    n: int = 1, *, shape: str = "shape", size: int = 500, segments: int = 2, chunks: int = 1, ej_id: int = 1
) -> Whole:
    """A rendering of so many segments, each of `size` bytes that do not compress."""
    numbers = random.Random(f"{n} {shape} {size} {segments}")
    made = [segment(numbers.randbytes(size), number, chunks=chunks) for number in range(segments)]
    return whole(made, n, shape=shape, ej_id=ej_id)


def large(n: int = 1) -> Whole:
    """A rendering that is not read at once."""
    return rendering(n, size=400_000, segments=6, chunks=3)


def new(made: Whole, *, validated_ms: int = 0) -> NewRendering:
    """The rendering, as it is published with all its segments."""
    return NewRendering(made.description, iter(made.chunks), validated_ms=validated_ms)


async def read(cache: SharedCache, variant: Variant, found: LookupResult) -> Whole | None:
    """The rendering that a look-up has found, with all its segments; None where one is missing."""
    assert found.stored is not None
    chunks: list[Chunk] = []
    async for _, part in cache.segments(variant, found.stored.description.manifest.segments):
        if part is None:
            return None
        chunks += part
    return Whole(found.stored.description, tuple(chunks))


PARTS = [segment(f"segment {number}".encode() * 50, number) for number in range(6)]
"""Segments to make renderings of that change."""


def digest(chunks: tuple[Chunk, ...]) -> bytes:
    """The digest of a segment."""
    listed = chunks[-1].segment
    assert listed is not None
    return listed.digest


def changed(
    made: list[tuple[Chunk, ...]], n: int, base: Whole, at_hand: Frames = lambda _: None
) -> NewRendering:
    """A rendering of these segments, of which those are published that its base lacks."""
    description = whole(made, n).description
    there = {one.digest for one in base.description.manifest.segments}
    chunks = [chunk for part in made if digest(part) not in there for chunk in part]
    return NewRendering(description, chunks, base.description.etag, at_hand)

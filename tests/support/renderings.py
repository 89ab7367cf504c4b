"""Made-up renderings of any size, to put into caches."""

import random
from datetime import UTC, datetime

import zstandard
from fhirexport_server.cache.entry import Description, Entry, Variant
from fhirexport_server.cache.port import NewRendering
from fhirexport_server.domain.datasets import Dataset, Detail, Format
from fhirexport_server.domain.revision import Revision, Token
from fhirexport_server.domain.segments import Chunk, Totals

INCARNATION = "an-incarnation"
READ = datetime(2026, 1, 1, 12, 30, 15, 123456, tzinfo=UTC)


def variant(ej_id: int = 1, dataset: Dataset = Dataset.VENUES, layout: Format = Format.BUNDLE) -> Variant:
    return Variant(ej_id, dataset, layout, Detail.SUMMARY)


def rendering(n: int = 1, *, shape: str = "shape", size: int = 500, chunks: int = 2, ej_id: int = 1) -> Entry:
    """A rendering of so many chunks, each of `size` bytes that do not compress."""
    numbers = random.Random(f"{n} {shape} {size} {chunks}")
    compressor = zstandard.ZstdCompressor(level=1)
    texts = [numbers.randbytes(size) for _ in range(chunks)]
    made = tuple(Chunk(compressor.compress(text), size, 3) for text in texts)
    token = Token(ej_id, Dataset.VENUES, Revision(INCARNATION, n, n * 7)).encode()
    totals = Totals(3 * chunks, size * chunks, "a" * 64)
    return Entry(Description(f"{n:x}-7-{shape}", token, READ, totals), made)


def large(n: int = 1) -> Entry:
    """A rendering that is too large to lie in the head of its key."""
    return rendering(n, size=400_000, chunks=6)


def made(entry: Entry, *, validated_ms: int = 0) -> NewRendering:
    """The rendering, as it is published."""
    return NewRendering(entry.description, iter(entry.chunks), entry.size, validated_ms)

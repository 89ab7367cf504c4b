"""Shows that what is packed comes back as it was, and that nothing else is unpacked, nor anything huge."""

import struct
from dataclasses import replace

import pytest
import zstandard
from fhirexport_server.cache.entry import Base
from fhirexport_server.cache.redis.packing import packed_manifest, packed_segment
from fhirexport_server.cache.redis.packing.corruption import CorruptError
from fhirexport_server.cache.redis.packing.packed_manifest import MOST_SEGMENTS, TooManySegmentsError
from fhirexport_server.domain.segments import Block, Chunk, Manifest, Segment
from hypothesis import given
from hypothesis import strategies as st
from support.examples import examples
from support.renderings import BASE, rendering, segment

SEGMENTS = st.builds(
    Segment,
    block=st.builds(Block, lo=st.integers(-(2**63), 2**63 - 1), bits=st.integers(0, 63)),
    ids=st.integers(0, 128),
    resource_count=st.integers(0, 2**32 - 1),
    size=st.integers(0, 2**64 - 1),
    digest=st.binary(min_size=32, max_size=32),
)
BASES = st.none() | st.builds(Base, position=st.text(), context=st.text())


@given(st.lists(SEGMENTS, max_size=20), BASES)
def test_a_manifest_comes_back_as_it_was(segments: list[Segment], base: Base | None) -> None:
    manifest = Manifest(tuple(segments))
    packed = packed_manifest.pack(manifest, base)
    assert packed_manifest.unpack(packed) == (manifest, base)
    assert packed_manifest.digests(packed) == [one.digest for one in segments]


def listing(count: int) -> Manifest:
    """The manifest of an EJ with so many segments, of which the digests do not compress."""
    digests = rendering(size=32 * count, segments=1).chunks[0].text()
    return Manifest(
        tuple(
            Segment(
                Block(number * 128, 7),
                90 + number % 39,
                90 + number % 300,
                200_000 + number * 7919 % 100_000,
                digests[number * 32 : number * 32 + 32],
            )
            for number in range(count)
        )
    )


def test_two_million_venues_take_less_than_a_megabyte() -> None:
    packed = packed_manifest.pack(listing(20_000), BASE)
    assert len(packed) < 850_000
    assert packed_manifest.unpack(packed) == (listing(20_000), BASE)


def test_no_more_than_the_most_segments_are_packed() -> None:
    one = Segment(Block(0, 7), 1, 1, 1, bytes(32))
    assert packed_manifest.pack(Manifest((one,) * MOST_SEGMENTS), None)
    with pytest.raises(TooManySegmentsError):
        packed_manifest.pack(Manifest((one,) * (MOST_SEGMENTS + 1)), None)
    with pytest.raises(TooManySegmentsError):
        packed_manifest.pack(Manifest((one,)), Base("", "x" * packed_manifest.LARGEST_BYTES * 2))


def compressed(text: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=1).compress(text)


ROW = bytes(32), struct.pack(">qBHIQ", 0, 7, 1, 1, 1)
OTHERS = {
    "nothing": b"",
    "text": b"text",
    "more than it has": struct.pack(">I", 2) + ROW[0] + compressed(ROW[1]),
    "more than there may be": struct.pack(">I", MOST_SEGMENTS + 1) + bytes(40 * MOST_SEGMENTS),
    "no frame": struct.pack(">I", 1) + ROW[0],
    "another frame": struct.pack(">I", 1) + ROW[0] + b"\0" * 40,
    "too short a frame": struct.pack(">I", 1) + ROW[0] + compressed(ROW[1][:-1]),
    "a frame that is cut": struct.pack(">I", 1) + ROW[0] + compressed(ROW[1])[:-1],
    "a huge frame": struct.pack(">I", 1) + ROW[0] + compressed(bytes(200_000_000)),
    "a frame of unknown size": struct.pack(">I", 0)
    + zstandard.ZstdCompressor(write_content_size=False).compress(bytes(100)),
    "a block of 2**64 ids": struct.pack(">I", 1) + ROW[0] + compressed(struct.pack(">qBHIQ", 0, 64, 1, 1, 1)),
    "no base": struct.pack(">I", 0) + compressed(b"{"),
    "another base": struct.pack(">I", 0) + compressed(b'["position", 1]'),
    "a deep base": struct.pack(">I", 0) + compressed(b"[" * 100_000),
    "bytes for a base": struct.pack(">I", 0) + compressed(b"\xff\xfe"),
}


@pytest.mark.parametrize("packed", OTHERS.values(), ids=OTHERS)
def test_what_is_no_manifest_is_corrupt(packed: bytes) -> None:
    with pytest.raises(CorruptError):
        packed_manifest.unpack(packed)


@given(st.binary(max_size=200), st.integers(0, 3))
def test_whatever_it_is_nothing_else_is_raised(noise: bytes, count: int) -> None:
    for packed in (noise, struct.pack(">I", count) + noise, struct.pack(">I", 0) + compressed(noise)):
        try:
            packed_manifest.unpack(packed)
        except CorruptError:
            continue


# --- segments -------------------------------------------------------------------------------------


def listed(chunks: tuple[Chunk, ...]) -> Segment:
    last = chunks[-1].segment
    assert last is not None
    return last


@given(st.binary(min_size=1, max_size=2000), st.integers(1, 5))
def test_a_segment_comes_back_as_it_was(text: bytes, count: int) -> None:
    chunks = segment(text, chunks=count)
    packed = packed_segment.pack(listed(chunks), chunks)
    assert packed_segment.unpack(listed(chunks), packed) == chunks
    assert len(packed) <= packed_segment.most_bytes(listed(chunks))


CHUNKS = segment(b"a text, a text, a text, " * 40, chunks=2)
PACKED = packed_segment.pack(listed(CHUNKS), CHUNKS)


@given(st.integers(0, len(PACKED) - 1), st.integers(1, 255))
@examples(300)
def test_no_bit_of_a_segment_may_change(at: int, flipped: int) -> None:
    damaged = PACKED[:at] + bytes([PACKED[at] ^ flipped]) + PACKED[at + 1 :]
    for other in (damaged, PACKED[:at], PACKED + PACKED[at:]):
        with pytest.raises(CorruptError):
            packed_segment.unpack(listed(CHUNKS), other)


def test_a_segment_is_not_taken_for_another() -> None:
    for other in (
        listed(CHUNKS)._replace(digest=bytes(32)),
        listed(CHUNKS)._replace(size=1),
        listed(CHUNKS)._replace(resource_count=7),
    ):
        with pytest.raises(CorruptError):
            packed_segment.unpack(other, PACKED)


@pytest.mark.parametrize(
    "chunks",
    [
        (),
        (replace(CHUNKS[0], size=listed(CHUNKS).size, resource_count=6),),
        (Chunk(b"no frame", listed(CHUNKS).size, 6),),
        (Chunk(compressed(bytes(100_000_000)), listed(CHUNKS).size, 6),),
    ],
    ids=["none", "another size", "no frame", "a huge frame"],
)
def test_what_is_packed_by_a_foreign_hand_is_corrupt(chunks: tuple[Chunk, ...]) -> None:
    packed = packed_segment.pack(listed(CHUNKS), chunks)
    with pytest.raises(CorruptError):
        packed_segment.unpack(listed(CHUNKS), packed)

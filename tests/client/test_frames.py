"""Shows that frames are decompressed to what was compressed, whatever their kinds, within a bound."""

import random

import pytest
import zstandard
from fhirexport._internal import content
from fhirexport._internal.content import LARGEST_CHUNK_BYTES, decoded
from fhirexport.errors import IncompleteError
from hypothesis import given
from hypothesis import strategies as st

NOISE = random.Random(1).randbytes(400_000)
TEXTS = (b"", b"a", bytes(1_000_000), NOISE, b'{"resourceType":"Patient"}\n' * 20_000)
WAYS = {
    "as the server does": zstandard.ZstdCompressor(level=1),
    "with a checksum": zstandard.ZstdCompressor(write_checksum=True),
    "without its size": zstandard.ZstdCompressor(write_content_size=False),
    "at level 19": zstandard.ZstdCompressor(level=19),
}


@pytest.mark.parametrize("way", WAYS)
def test_frames_end_to_end_are_their_contents_end_to_end(way: str) -> None:
    frames = [WAYS[way].compress(text) for text in TEXTS]
    for text, frame in zip(TEXTS, frames, strict=True):
        assert decoded(frame) == text
    assert decoded(b"".join(frames)) == b"".join(TEXTS)
    assert decoded(b"") == b""


@given(st.lists(st.tuples(st.binary(max_size=2000), st.sampled_from(sorted(WAYS)))))
def test_frames_of_any_kinds_may_follow_each_other(parts: list[tuple[bytes, str]]) -> None:
    assert decoded(b"".join(WAYS[way].compress(text) for text, way in parts)) == b"".join(
        text for text, _ in parts
    )


@given(st.binary(max_size=200))
def test_what_is_no_frame_is_refused(noise: bytes) -> None:
    frame = WAYS["as the server does"].compress(b"text")
    for damaged in (noise + frame, frame + noise) if noise else (frame[:-1],):
        with pytest.raises(IncompleteError):
            decoded(b"\x00" + damaged)


@pytest.mark.parametrize("way", WAYS)
def test_what_is_cut_off_is_refused(way: str) -> None:
    frame = WAYS[way].compress(NOISE)
    for end in (1, 4, 5, 8, 12, 1000, len(frame) // 2, len(frame) - 1):
        with pytest.raises(IncompleteError):
            decoded(frame[:end])


@pytest.mark.parametrize("way", WAYS)
def test_more_than_a_chunk_may_hold_is_refused(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "LARGEST_CHUNK_BYTES", 1000)
    compress = WAYS[way].compress
    assert len(decoded(compress(bytes(400)) + compress(bytes(600)))) == 1000
    for frames in (compress(bytes(1001)), compress(bytes(400)) + compress(bytes(601))):
        with pytest.raises(IncompleteError, match="more than it may"):
            decoded(frames)


def test_a_frame_that_claims_to_be_large_takes_no_memory() -> None:
    frame = bytearray(WAYS["as the server does"].compress(bytes(1 << 20)))
    assert frame[4] >> 6 == 2, "the size takes four bytes"
    at = 5 if frame[4] & 0b100000 else 6
    frame[at : at + 4] = (LARGEST_CHUNK_BYTES + 1).to_bytes(4, "little")
    with pytest.raises(IncompleteError, match="more than it may"):
        decoded(bytes(frame))

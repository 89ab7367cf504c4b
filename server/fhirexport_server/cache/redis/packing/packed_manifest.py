"""How a manifest is packed: some 40 bytes for each segment, of which 32 are its digest.

The digests come first. A Zstandard frame follows with the rest: the other columns of the segments, one after
the other, then what bringing the rendering up to date starts from.
"""

import json
import struct
from collections.abc import Iterator
from typing import Final

import zstandard

from fhirexport_server.cache.entry import Base
from fhirexport_server.cache.redis.packing.corruption import CorruptError
from fhirexport_server.domain.segments import Block, Manifest, Segment

MOST_SEGMENTS: Final = 100_000
"""How many segments a packed manifest may list: those of some ten million ids, in 4 MB."""
LARGEST_BYTES: Final = 8 * 1024 * 1024
"""How large a packed manifest may be."""

_LARGEST_BASE: Final = 16 * 1024 * 1024
_DIGEST_BYTES: Final = 32
_LARGEST_BITS: Final = 63
_COUNT: Final = struct.Struct(">I")
_COLUMNS: Final = "qBHIQ"
"""Of lo, bits, ids, resource_count and size."""
_ROW_BYTES: Final = struct.calcsize(f">{_COLUMNS}")


class TooManySegmentsError(Exception):
    """The manifest is larger than a packed one may be."""


def pack(manifest: Manifest, base: Base | None) -> bytes:
    """Pack a manifest, and what bringing its rendering up to date starts from.

    Raises:
        TooManySegmentsError: It would be too large.
    """
    segments = manifest.segments
    if len(segments) > MOST_SEGMENTS:
        raise TooManySegmentsError
    columns = (
        [segment.block.lo for segment in segments],
        [segment.block.bits for segment in segments],
        [segment.ids for segment in segments],
        [segment.resource_count for segment in segments],
        [segment.size for segment in segments],
    )
    rest = b"".join(
        struct.pack(f">{len(segments)}{code}", *column)
        for code, column in zip(_COLUMNS, columns, strict=True)
    )
    if base is not None:
        rest += json.dumps([base.position, base.context]).encode()
    packed = b"".join(
        (
            _COUNT.pack(len(segments)),
            *(segment.digest for segment in segments),
            zstandard.ZstdCompressor(level=1).compress(rest),
        )
    )
    if len(packed) > LARGEST_BYTES or len(rest) > _LARGEST_BASE:
        raise TooManySegmentsError
    return packed


def digests(packed: bytes) -> list[bytes]:
    """Return the digests of the segments that a packed manifest lists.

    Raises:
        CorruptError: It is no packed manifest.
    """
    if len(packed) < _COUNT.size:
        raise CorruptError
    (count,) = _COUNT.unpack_from(packed)
    if count > MOST_SEGMENTS or len(packed) < _COUNT.size + count * _DIGEST_BYTES:
        raise CorruptError
    ends = range(_COUNT.size, _COUNT.size + count * _DIGEST_BYTES, _DIGEST_BYTES)
    return [packed[end : end + _DIGEST_BYTES] for end in ends]


def unpack(packed: bytes) -> tuple[Manifest, Base | None]:
    """Unpack a manifest; raise as `digests`."""
    found = digests(packed)
    rest = _decompressed(packed[_COUNT.size + len(found) * _DIGEST_BYTES :])
    end = len(found) * _ROW_BYTES
    if len(rest) < end:
        raise CorruptError
    lo, bits, *others = _columns(rest, len(found))
    if max(bits, default=0) > _LARGEST_BITS:
        raise CorruptError
    segments = map(Segment, map(Block, lo, bits), *others, found)
    return Manifest(tuple(segments)), _base(rest[end:])


def _columns(rest: bytes, count: int) -> Iterator[tuple[int, ...]]:
    offset = 0
    for code in _COLUMNS:
        column = struct.Struct(f">{count}{code}")
        yield column.unpack_from(rest, offset)
        offset += column.size


def _base(text: bytes) -> Base | None:
    if not text:
        return None
    try:
        parts = json.loads(text)
    except (ValueError, RecursionError):
        raise CorruptError from None
    match parts:
        case [str(position), str(context)]:
            return Base(position, context)
    raise CorruptError


def _decompressed(frame: bytes) -> bytes:
    try:
        # A frame that says how large it is: nothing larger is decompressed.
        if not 0 <= zstandard.frame_content_size(frame) <= _LARGEST_BASE:
            raise CorruptError
        return zstandard.ZstdDecompressor().decompress(frame)
    except zstandard.ZstdError:
        raise CorruptError from None

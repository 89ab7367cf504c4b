"""How a segment is packed: a checksum, how many chunks it has, a record for each, and their frames."""

import hmac
import struct
from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Final

import zstandard

from fhirexport_server.cache.redis.packing.corruption import CorruptError
from fhirexport_server.domain.segments import Chunk, Segment

LARGEST_BYTES: Final = 16 * 1024 * 1024
"""How large the frames of a segment may be together: most take some 20 KB. A larger one is not kept."""

_MOST_ADDED: Final = 64 * 1024
"""How much its checksum and its records may take beside the frames."""
_LAYOUT: Final = b"fhirexport-1"
_SUM_BYTES: Final = 16
_COUNT: Final = struct.Struct(">I")
_RECORD: Final = struct.Struct(">III")
"""Of each chunk: the size of its frame, the size of its text, its number of resources."""


def pack(segment: Segment, chunks: Sequence[Chunk]) -> bytes:
    """Pack the chunks of a segment."""
    content = b"".join(
        (
            _COUNT.pack(len(chunks)),
            *(_RECORD.pack(len(chunk.frame), chunk.size, chunk.resource_count) for chunk in chunks),
            *(chunk.frame for chunk in chunks),
        )
    )
    return _sum(segment, content) + content


def most_bytes(segment: Segment) -> int:
    """Return how large a packed segment can be: Zstandard adds little to what it cannot compress."""
    return _MOST_ADDED + min(LARGEST_BYTES, segment.size + segment.size // 32)


def unpack(segment: Segment, packed: bytes) -> tuple[Chunk, ...]:
    """Unpack the chunks of a segment; the last one has it as its `segment`.

    Raises:
        CorruptError: They are not what was written, or are those of another segment.
    """
    content = packed[_SUM_BYTES:]
    if len(content) < _COUNT.size or not hmac.compare_digest(_sum(segment, content), packed[:_SUM_BYTES]):
        raise CorruptError
    (count,) = _COUNT.unpack_from(content)
    end = _COUNT.size + count * _RECORD.size
    if not count > 0 or len(content) < end:
        raise CorruptError
    chunks = []
    for length, size, resources in _RECORD.iter_unpack(content[_COUNT.size : end]):
        chunks.append(_chunk(content[end : end + length], size, resources))
        end += length
    sizes = sum(chunk.size for chunk in chunks), sum(chunk.resource_count for chunk in chunks)
    if end != len(content) or sizes != (segment.size, segment.resource_count):
        raise CorruptError
    chunks[-1] = replace(chunks[-1], segment=segment)
    return tuple(chunks)


def _chunk(frame: bytes, size: int, resource_count: int) -> Chunk:
    try:
        # What a frame says of its size is what would be allocated for its text.
        if zstandard.frame_content_size(frame) != size:
            raise CorruptError
    except zstandard.ZstdError:
        raise CorruptError from None
    return Chunk(frame, size, resource_count)


def _sum(segment: Segment, content: bytes) -> bytes:
    """Return a checksum of the content and of the digest that it is found by."""
    return blake2b(content, digest_size=_SUM_BYTES, key=segment.digest, person=_LAYOUT).digest()

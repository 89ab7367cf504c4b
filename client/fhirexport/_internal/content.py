"""The content of a stream's chunks, and the digests that prove it. No input or output."""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import zstandard

from fhirexport.errors import IncompleteError
from fhirexport.v1.export_service_pb2 import StreamExportResponse

LARGEST_CHUNK_BYTES = 16 * 1024 * 1024
"""What a chunk may hold once decompressed; the server's have about 256 KiB."""
MOST_DIGESTS = 100_000
"""How many digests a request may have."""
DIGEST_BYTES = 32
_BLOCK_HEADER_BYTES: Final = 3
_CHECKSUM_BYTES: Final = 4
_DESCRIPTOR: Final = 4
"""Where the frame's descriptor is, after the magic number."""
_HAS_CHECKSUM: Final = 0b100
_REPEATED_BYTE: Final = 1
_RESERVED: Final = 3


def text_of(chunk: StreamExportResponse.Chunk) -> bytes:
    """Return the text of a chunk.

    Raises:
        IncompleteError: it is damaged, or holds more than a chunk may.
    """
    return decoded(chunk.zstd) if chunk.WhichOneof("content") == "zstd" else chunk.json.encode()


def decoded(frames: bytes) -> bytes:
    """Return the content of Zstandard frames, end to end.

    Raises:
        IncompleteError: they are damaged, or hold more than a chunk may.
    """
    # One context for all, and a buffer of the very size of each: a stream reader would take the largest.
    decompressor = zstandard.ZstdDecompressor()
    pieces: list[bytes] = []
    left = LARGEST_CHUNK_BYTES
    try:
        for frame in _split(frames):
            if frame.size > left:
                raise IncompleteError("a chunk holds more than it may")
            if frame.size < 0:
                pieces.append(decompressor.stream_reader(frame.data).read(left + 1))
            elif frame.size:
                pieces.append(decompressor.decompress(frame.data, max_output_size=frame.size))
            left -= len(pieces[-1]) if frame.size else 0
            if left < 0:
                raise IncompleteError("a chunk holds more than it may")
    except zstandard.ZstdError as error:
        raise IncompleteError("a chunk cannot be decompressed") from error
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


class _Frame(NamedTuple):
    """A frame in its place."""

    data: memoryview
    size: int
    """The size of its content, in bytes, as its header says; -1 where it does not."""


def _split(data: bytes) -> Iterator[_Frame]:
    """Yield frames that lie end to end (RFC 8878, 3.1.1).

    Raises:
        ZstdError: They are damaged, so that it is not known where one ends.
    """
    view = memoryview(data)
    while view:
        size = zstandard.frame_content_size(view)
        end = _end(view)
        yield _Frame(view[:end], size)
        view = view[end:]


def _end(view: memoryview) -> int:
    at = zstandard.frame_header_size(view)
    is_last = False
    while not is_last:
        header = int.from_bytes(view[at : at + _BLOCK_HEADER_BYTES], "little")
        is_last, kind, size = bool(header & 1), header >> 1 & 3, header >> 3
        at += _BLOCK_HEADER_BYTES + (1 if kind == _REPEATED_BYTE else size)
        if kind == _RESERVED or at > len(view):
            raise zstandard.ZstdError("a frame is damaged")
    if view[_DESCRIPTOR] & _HAS_CHECKSUM:
        at += _CHECKSUM_BYTES
    if at > len(view):
        raise zstandard.ZstdError("a frame is cut off")
    return at


def root_of(digests: Iterable[bytes]) -> str:
    """Return the root of a rendering whose segments have these digests, in lower-case hexadecimal."""
    root = hashlib.sha256()
    for digest in digests:
        root.update(digest)
    return root.hexdigest()

"""The content of a stream's chunks, and the digests that prove it. No input or output."""

import hashlib
from collections.abc import Iterable

import zstandard

from fhirexport.errors import IncompleteError
from fhirexport.v1.export_service_pb2 import StreamExportResponse

LARGEST_CHUNK_BYTES = 16 * 1024 * 1024
"""What a chunk may hold once decompressed; the server's have about 256 KiB."""
MOST_DIGESTS = 100_000
"""How many digests a request may have."""
DIGEST_BYTES = 32


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
    reader = zstandard.ZstdDecompressor().stream_reader(frames, read_across_frames=True)
    try:
        content = reader.read(LARGEST_CHUNK_BYTES + 1)
    except zstandard.ZstdError as error:
        raise IncompleteError("a chunk cannot be decompressed") from error
    if len(content) > LARGEST_CHUNK_BYTES:
        raise IncompleteError("a chunk holds more than it may")
    return content


def root_of(digests: Iterable[bytes]) -> str:
    """Return the root of a rendering whose segments have these digests, in lower-case hexadecimal."""
    root = hashlib.sha256()
    for digest in digests:
        root.update(digest)
    return root.hexdigest()

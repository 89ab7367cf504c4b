"""Chunks of a rendering: the bytes that are cached are the bytes that are sent."""

from dataclasses import dataclass

import zstandard


@dataclass(frozen=True)
class Chunk:
    """A part of a rendering, cut between resources."""

    frame: bytes
    """A Zstandard frame with its content size; it is cached and sent as it is."""
    size: int
    """Its size in bytes, decompressed."""
    resource_count: int

    def text(self) -> bytes:
        """Return the content: UTF-8 JSON."""
        return zstandard.ZstdDecompressor().decompress(self.frame, max_output_size=self.size)


@dataclass(frozen=True)
class Totals:
    """Totals of a rendering, known after its last chunk."""

    resource_count: int
    size_bytes: int
    sha256: str
    """The digest of the whole content, in lower-case hexadecimal."""

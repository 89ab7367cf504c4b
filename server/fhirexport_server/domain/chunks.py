"""Owns what a rendering is cut into: the bytes that are kept are the bytes that are sent."""

from dataclasses import dataclass

import zstandard


@dataclass(frozen=True)
class Chunk:
    """A run of a rendering, cut between resources."""

    frame: bytes
    """One Zstandard frame with its content size; what is kept is what is sent."""
    size: int
    """How many bytes it holds once decompressed."""
    resource_count: int

    def text(self) -> bytes:
        """Return the content: UTF-8 JSON."""
        return zstandard.ZstdDecompressor().decompress(self.frame, max_output_size=self.size)


@dataclass(frozen=True)
class Totals:
    """What is known once the last chunk is made."""

    resource_count: int
    size_bytes: int
    sha256: str
    """Of the whole content, in lower-case hexadecimal."""

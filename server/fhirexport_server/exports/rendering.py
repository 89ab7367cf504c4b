"""Owns what an export is answered with: a snapshot's description and its bytes, in chunks."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import zstandard


class Source(StrEnum):
    """Where the bytes came from."""

    CACHE = "cache"
    DATABASE = "database"


@dataclass(frozen=True)
class Chunk:
    """A run of a rendering, cut between resources."""

    frame: bytes
    """One Zstandard frame with its content size; what is kept is what is sent."""
    size: int
    """How many bytes it holds once decompressed."""
    resource_count: int

    def text(self) -> bytes:
        """Returns the content: UTF-8 JSON."""
        return zstandard.ZstdDecompressor().decompress(self.frame, max_output_size=self.size)


@dataclass(frozen=True)
class Totals:
    """What is known once the last chunk is made."""

    resource_count: int
    size_bytes: int
    sha256: str
    """Of the whole content, in lower-case hexadecimal."""


@dataclass(frozen=True)
class Snapshot:
    """The state of the database that is rendered."""

    etag: str
    """A strong validator, without its quotes."""
    revision: str
    """A token, see `revision.py`."""
    read_time: datetime
    """Aware, UTC."""
    source: Source


class Rendering(Protocol):
    """One answer. It is used inside `async with exporter.open(request)`, by one reader, once."""

    snapshot: Snapshot
    not_modified: bool
    """True when the caller's etag still holds: there are then no chunks and no totals."""
    cache_status: str
    """What to say in `cache-status` (RFC 9211), such as `fhirexport; fwd=bypass`."""

    @property
    def totals(self) -> Totals | None:
        """The totals, once the last chunk is made; None before that."""

    def chunks(self) -> AsyncIterator[Chunk]:
        """Yields the chunks in order, each as soon as it is made.

        Raises:
            FhirExportError: the rendering failed; what was yielded so far is not an export.
        """

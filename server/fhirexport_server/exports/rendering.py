"""Owns what an export is answered with: a snapshot's description and its bytes, in chunks."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from fhirexport_server.domain.chunks import Chunk, Totals
from fhirexport_server.domain.outcomes import ExportAnswer

__all__ = ["Chunk", "ContentSource", "Rendering", "Snapshot", "Totals"]


class ContentSource(StrEnum):
    """Where the bytes came from."""

    CACHE = "cache"
    DATABASE = "database"


@dataclass(frozen=True)
class Snapshot:
    """The state of the database that is rendered."""

    etag: str
    """A strong validator, without its quotes."""
    revision: str
    """A token, see `exports/etags.py`."""
    read_time: datetime
    """Aware, UTC."""
    source: ContentSource


class Rendering(Protocol):
    """One answer. It is used inside `async with exporter.open(request)`, by one reader, once."""

    snapshot: Snapshot
    not_modified: bool
    """True when the caller's etag still holds: there are then no chunks and no totals."""
    answer: ExportAnswer
    cache_status: str
    """What to say in `cache-status` (RFC 9211), such as `fhirexport; fwd=bypass`."""

    @property
    def totals(self) -> Totals | None:
        """The totals, once the last chunk is made; None before that."""

    async def kept(self) -> None:
        """Return once it is kept where it can be, which is after its last chunk."""

    def chunks(self) -> AsyncIterator[Chunk]:
        """Yields the chunks in order, each as soon as it is made.

        Raises:
            FhirExportError: the rendering failed; what was yielded so far is not an export.
        """

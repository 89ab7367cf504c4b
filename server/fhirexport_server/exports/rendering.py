"""The interface of a rendering: the description of a snapshot, and its bytes in chunks."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from fhirexport_server.domain.outcomes import ExportAnswer
from fhirexport_server.domain.segments import Chunk, Totals
from fhirexport_server.exports.request import Have

__all__ = ["Chunk", "ContentSource", "Rendering", "Snapshot", "Totals"]


class ContentSource(StrEnum):
    """The origin of a rendering's bytes."""

    CACHE = "cache"
    DATABASE = "database"


@dataclass(frozen=True)
class Snapshot:
    """The state of the database that a rendering shows."""

    etag: str
    """A strong validator, without quotes."""
    revision: str
    """A token (`domain/revision.py`)."""
    read_time: datetime
    """Aware, UTC."""
    source: ContentSource


class Rendering(Protocol):
    """The rendering that answers one request. Read it once, inside `async with exporter.open(request)`."""

    snapshot: Snapshot
    not_modified: bool
    """Whether the caller's etag is current. Then there are no chunks and no totals."""
    answer: ExportAnswer
    cache_status: str
    """The value of `cache-status` (RFC 9211), such as `fhirexport; fwd=bypass`."""

    have: Have
    """The segments that the caller has. In place of each comes its last chunk alone, without a frame."""
    whole: bytes | None
    """The whole answer in the form of the request, as `keep_whole` was given it; then there are no chunks."""

    @property
    def totals(self) -> Totals | None:
        """The totals; None until the last chunk exists."""

    @property
    def root(self) -> bytes | None:
        """The root of its manifest; None until the last chunk exists."""

    @property
    def rendered(self) -> int | None:
        """How many resources were rendered for it; None until that is known."""

    def keep_whole(self, answer: bytes) -> None:
        """Keep the whole answer for the next request that this very rendering answers, where it is kept."""

    async def kept(self) -> None:
        """Wait until it is kept, or could not be, which is after its last chunk."""

    def chunks(self) -> AsyncIterator[Chunk]:
        """Yield the chunks in order, each as soon as it exists.

        Raises:
            FhirExportError: The rendering failed. What was yielded before is not a complete export.
        """

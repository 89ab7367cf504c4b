"""Orders: what a rendering must be, and what of it is kept already."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from fhirexport_server.cache.entry import Description, Variant
from fhirexport_server.cache.port import StoredManifest
from fhirexport_server.domain.outcomes import ExportAnswer
from fhirexport_server.domain.revision import Revision
from fhirexport_server.domain.segments import Chunk, Segment
from fhirexport_server.exports.rendering import ContentSource
from fhirexport_server.exports.request import ExportRequest, Have
from fhirexport_server.exports.spool import Stored


@dataclass(frozen=True)
class Found:
    """A rendering whose description is kept; some of its segments may not be."""

    description: Description
    age_seconds: float = 0.0
    """The upper bound of the time since it was known to be current."""
    seconds_left: float | None = None
    """How long it may still be kept in memory; None where memory has it."""

    @classmethod
    def of(cls, stored: StoredManifest) -> "Found":
        """Return what a look-up in the shared cache has found."""
        return cls(stored.description, stored.age_seconds, stored.seconds_left)


@dataclass(frozen=True)
class Order:
    """A rendering to copy, to bring up to date, or to render in full."""

    variant: Variant
    etag: str | None
    """The etag under which readers share it; None where it is this reader's own."""
    request: ExportRequest
    required: Revision | None
    """The revision that it must contain; None where any will do."""
    validated: float
    """A time on the loop's clock at which it was current, or after which it is read."""
    why: ExportAnswer
    """Why memory did not answer: MISS, STALE or BYPASS."""
    found: Found | None = None
    """The rendering, where it is kept."""

    @property
    def key(self) -> str | None:
        """What the readers that can share its chunks have in common; None where nobody can."""
        return None if self.etag is None else f"{self.etag} {self.request.have.key}"


def sent_otherwise(segment: Segment, have: Have) -> tuple[Chunk, ...] | None:
    """Return a chunk without content in place of a segment that the caller has; None where it has not."""
    if segment.digest not in have.positions:
        return None
    return (Chunk(b"", 0, 0, segment),)


@dataclass(frozen=True)
class Current:
    """A description of the rendering that an order asks for, and what had to be rendered for it."""

    description: Description
    seconds_left: float
    """How long it may be kept in memory."""
    source: ContentSource
    fresh: Mapping[bytes, tuple[Stored, ...]] = field(default_factory=dict)
    """The chunks of the segments that were rendered, by digest; they are in the flight's spool."""
    base: str = ""
    """The etag of the rendering that it was brought up to date from; empty where it was not."""


@dataclass(frozen=True)
class Update:
    """A rendering that was brought up to date."""

    description: Description
    fresh: Mapping[bytes, tuple[Stored, ...]]
    """The chunks of its new segments, by digest."""
    rendered: int
    """How many resources were rendered."""

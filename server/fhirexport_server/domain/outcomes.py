"""Outcomes of exports, renderings and cache operations, as logs and metrics name them."""

from enum import StrEnum


class ExportAnswer(StrEnum):
    """How an export is answered."""

    HIT = "hit"
    """The cache had the rendering."""
    NOT_MODIFIED = "not_modified"
    """The caller has the rendering: its etag is current."""
    MISS = "miss"
    """Rendered from the database: the cache had no rendering."""
    STALE = "stale"
    """Rendered from the database: the cache only had another state."""
    COLLAPSED = "collapsed"
    """Joined a rendering under way."""
    BYPASS = "bypass"
    """Rendered from the database, as the caller asked."""
    CANCELLED = "cancelled"
    """The caller left before the end."""
    ERROR = "error"


class RenderingOutcome(StrEnum):
    """How a rendering from the database ends."""

    DONE = "done"
    FAILED = "failed"
    TIMEOUT = "timeout"
    ABANDONED = "abandoned"
    """Its last reader left."""


class FullReason(StrEnum):
    """Why an export is rendered in full, and not brought up to date."""

    NO_BASE = "no_base"
    """No rendering to start from is kept, of this database, release, base URL and layout."""
    STRUCTURE = "structure"
    """A structure is small, and a change of one unit shows in others."""
    UNPROVEN = "unproven"
    """The log does not prove that it holds every change: it was pruned, or the revision was moved by hand."""
    EVERYTHING = "everything"
    """The log says that everything may have changed: after TRUNCATE, or an invalidation."""
    TOO_MANY = "too_many"
    """So much has changed that a full rendering costs less."""
    CONTEXT = "context"
    """What all resources share has changed: the time zone, a number's system, the kind of a unit."""
    LOST = "lost"
    """Too many of the segments to change are no longer kept."""


class LookupOutcome(StrEnum):
    """What a cache look-up finds."""

    HIT = "hit"
    MISS = "miss"
    STALE = "stale"
    """A rendering of another state of the data."""
    EXPIRED = "expired"
    """A rendering that was last known to be current longer ago than the caller accepts."""
    FOREIGN = "foreign"
    """A rendering of another database, release or base URL."""
    CORRUPT = "corrupt"
    """An entry that is not what was written."""
    UNKNOWN_KEY = "unknown_key"
    """An entry that is sealed with a key that this process does not have."""
    UNAVAILABLE = "unavailable"
    """The cache did not answer."""


class PublishOutcome(StrEnum):
    """How publishing a rendering to the shared cache ends."""

    STORED = "stored"
    SUPERSEDED = "superseded"
    """The cache has a rendering of a later state."""
    INCOMPLETE = "incomplete"
    """Writing its segments took so long that the first may have expired."""
    TOO_LARGE = "too_large"
    """It has more segments than the cache lists."""
    UNAVAILABLE = "unavailable"


class SegmentOutcome(StrEnum):
    """What reading a segment from the shared cache comes to."""

    FOUND = "found"
    MISSING = "missing"
    DAMAGED = "damaged"
    """Not what was written."""
    UNKNOWN_KEY = "unknown_key"
    """Sealed with a key that this process does not have."""
    UNAVAILABLE = "unavailable"
    """The cache did not answer."""


class DeletionOutcome(StrEnum):
    """How deleting a rendering from the shared cache ends."""

    DELETED = "deleted"
    UNAVAILABLE = "unavailable"
    """The cache did not answer: it is left to expire."""


class ClaimOutcome(StrEnum):
    """Which process makes a rendering, as processes agree."""

    OWN = "own"
    """This process makes it."""
    THERE = "there"
    """It was there already."""
    WAITED = "waited"
    """Another process has made it while this one waited."""
    GIVEN_UP = "given_up"
    """Another process took too long: this one makes it too."""
    UNAVAILABLE = "unavailable"
    """The cache did not answer: this process makes it too."""

"""How exports, renderings and operations of the cache end: the words of the log and of the metrics."""

from enum import StrEnum


class ExportAnswer(StrEnum):
    """How an export is answered."""

    HIT = "hit"
    """From the cache."""
    NOT_MODIFIED = "not_modified"
    """By its etag."""
    MISS = "miss"
    """From the database: nothing was kept."""
    STALE = "stale"
    """From the database: only another state was kept."""
    COLLAPSED = "collapsed"
    """By a rendering that was under way."""
    BYPASS = "bypass"
    """From the database, because the caller wanted it."""
    CANCELLED = "cancelled"
    """Not to its end: the caller left."""
    ERROR = "error"


class RenderingOutcome(StrEnum):
    """How a rendering from the database ends."""

    DONE = "done"
    FAILED = "failed"
    TIMEOUT = "timeout"
    ABANDONED = "abandoned"
    """Its last reader has left."""


class LookupOutcome(StrEnum):
    """What a look into a cache finds."""

    HIT = "hit"
    MISS = "miss"
    STALE = "stale"
    """There is a rendering, of another state of the data."""
    EXPIRED = "expired"
    """There is one, and nobody has known it to be current for longer than the caller accepts."""
    FOREIGN = "foreign"
    """There is one of another database, release or base URL."""
    CORRUPT = "corrupt"
    """There is something that is not what was written."""
    UNAVAILABLE = "unavailable"
    """The cache did not answer."""


class PublishOutcome(StrEnum):
    """What becomes of a rendering that is to be kept in the shared cache."""

    STORED = "stored"
    SUPERSEDED = "superseded"
    """There is one of a later state."""
    INCOMPLETE = "incomplete"
    """Its chunks were gone before its head was written."""
    TOO_LARGE = "too_large"
    UNAVAILABLE = "unavailable"


class DeletionOutcome(StrEnum):
    """What becomes of a key that is to be deleted from the shared cache."""

    DELETED = "deleted"
    NOTHING = "nothing"
    """There was none, or one that is current."""
    UNAVAILABLE = "unavailable"


class ClaimOutcome(StrEnum):
    """How processes agree on who makes a rendering."""

    OWN = "own"
    """This one does."""
    THERE = "there"
    """It was there before anybody had to wait."""
    WAITED = "waited"
    """Another one has made it meanwhile."""
    GIVEN_UP = "given_up"
    """Another one took too long: this one makes it too."""
    UNAVAILABLE = "unavailable"
    """The cache did not answer: this one makes it too."""

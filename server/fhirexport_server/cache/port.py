"""The interface of a cache that processes share, and an implementation that keeps nothing.

No method raises because the cache fails: what cannot be read is a miss, what cannot be written is not kept.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from fhirexport_server.cache.entry import Description, Variant
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.outcomes import LookupOutcome
from fhirexport_server.domain.revision import Revision
from fhirexport_server.domain.segments import Chunk


class CacheReadError(Exception):
    """The chunks of a rendering could not be read to their end. Those that were read are valid."""


@dataclass(frozen=True)
class Exactly:
    """Accept only the rendering with this etag."""

    etag: str


@dataclass(frozen=True)
class Recent:
    """Accept any rendering that was known to be current this many seconds ago or later."""

    fingerprint: str
    """The end that its etag must have."""
    seconds: float


class StoredRendering(Protocol):
    """A rendering that the cache holds."""

    description: Description
    size: int
    """The size of its frames, in bytes."""
    age_seconds: float
    """The upper bound of the time since it was known to be current."""
    seconds_left: float
    """How long it may still be kept."""

    def chunks(self) -> AsyncIterator[Chunk]:
        """Yield the chunks in order, each verified to be what was written.

        Raises:
            CacheReadError: A chunk is missing or damaged, or the cache does not answer.
        """


@dataclass(frozen=True)
class LookupResult:
    """The result of a look-up."""

    outcome: LookupOutcome
    rendering: StoredRendering | None = None
    """The rendering of a hit."""
    now_ms: int = 0
    """The time of the look-up by the cache's clock; 0 where it did not answer."""


@dataclass(frozen=True)
class NewRendering:
    """A rendering to keep."""

    description: Description
    chunks: Iterable[Chunk]
    size: int
    """The size of the frames, in bytes."""
    validated_ms: int = 0
    """A time by the cache's clock from before the database was read; 0 where none is known."""


class SharedCache(Protocol):
    """A cache that processes share."""

    async def look_up(self, variant: Variant, condition: Exactly | Recent) -> LookupResult:
        """Look up a rendering that meets a condition."""

    def claim(self, variant: Variant, etag: str) -> AbstractAsyncContextManager[bool]:
        """Wait for a turn to produce a rendering, so that not all processes produce the same one.

        Yield False where another process has produced it meanwhile, else True after a bounded wait: to
        produce it twice is double work, but does no harm.
        """

    async def publish(self, variant: Variant, rendering: NewRendering, *, replace: bool = False) -> None:
        """Keep a rendering for the other processes, unless there is one of a later state.

        Args:
            variant: The variant that it is a rendering of.
            rendering: The rendering.
            replace: Whether to replace one that claims to be of a later state, too.
        """

    def answered(self, variant: Variant, etag: str) -> None:
        """Count an export that a rendering has answered."""

    async def settle(self) -> None:
        """Write the counts to the cache, where operators see them."""

    async def drop(self, ej_id: int, dataset: Dataset, current: Revision) -> int:
        """Delete the renderings of earlier states, which are never served again; return how many keys."""


class NoCache:
    """A cache that keeps nothing, for `CACHE_ENABLED=false` and for code without a cache."""

    async def look_up(self, variant: Variant, condition: Exactly | Recent) -> LookupResult:
        """Return a miss."""
        del variant, condition
        return LookupResult(LookupOutcome.MISS)

    @asynccontextmanager
    async def claim(self, variant: Variant, etag: str) -> AsyncIterator[bool]:
        """Yield True at once."""
        del variant, etag
        yield True

    async def publish(self, variant: Variant, rendering: NewRendering, *, replace: bool = False) -> None:
        """Do nothing."""

    def answered(self, variant: Variant, etag: str) -> None:
        """Do nothing."""

    async def settle(self) -> None:
        """Do nothing."""

    async def drop(self, ej_id: int, dataset: Dataset, current: Revision) -> int:
        """Delete nothing."""
        del ej_id, dataset, current
        return 0

"""Owns what exports ask of a cache that processes share, and the cache that keeps nothing.

No method raises because of the cache: what cannot be had is a miss, what cannot be kept is not kept.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from fhirexport_server.cache.entry import Description, Variant
from fhirexport_server.domain.chunks import Chunk
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.outcomes import LookupOutcome
from fhirexport_server.domain.revision import Revision


class CacheReadError(Exception):
    """The chunks of a rendering could not be read to their end; what was read so far is right."""


@dataclass(frozen=True)
class Exactly:
    """Only the rendering with this etag will do."""

    etag: str


@dataclass(frozen=True)
class Recent:
    """Any rendering will do that was known to be current so many seconds ago."""

    fingerprint: str
    """What its etag must end with."""
    seconds: float


class Found(Protocol):
    """A rendering that is there."""

    description: Description
    size: int
    """How many bytes its chunks take, as they are kept."""
    age_seconds: float
    """How long ago it was known to be current, at most."""
    seconds_left: float
    """How long it may still be kept."""

    def chunks(self) -> AsyncIterator[Chunk]:
        """Yields the chunks in order, each proven to be what was written.

        Raises:
            CacheReadError: one is missing or damaged, or the cache does not answer.
        """


@dataclass(frozen=True)
class LookupResult:
    """What a look-up found."""

    outcome: LookupOutcome
    found: Found | None = None
    """The rendering of a hit."""
    now_ms: int = 0
    """The cache's own time of the look; 0 where it did not answer."""


@dataclass(frozen=True)
class Made:
    """A rendering to keep."""

    description: Description
    chunks: Iterable[Chunk]
    size: int
    """How many bytes the chunks take, as they are kept."""
    validated_ms: int = 0
    """A time of the cache's own from before the database was read; 0 where none is known."""


class SharedCache(Protocol):
    """A cache that the processes share."""

    async def look_up(self, variant: Variant, wanted: Exactly | Recent) -> LookupResult:
        """Looks a rendering up."""

    def claim(self, variant: Variant, etag: str) -> AbstractAsyncContextManager[bool]:
        """Waits for a turn to make a rendering, so that processes do not all make the same.

        Yields False where another process has made it meanwhile. Yields True soon in any case: two
        renderings of the same are double work and no harm.
        """

    async def publish(self, variant: Variant, made: Made, *, replace: bool = False) -> None:
        """Keeps a rendering for the other processes, unless there is one of a later state.

        Args:
            variant: what it is a rendering of.
            made: the rendering.
            replace: also over one that claims to be of a later state.
        """

    def answered(self, variant: Variant, etag: str) -> None:
        """Takes note that a rendering has answered an export."""

    async def settle(self) -> None:
        """Passes on what was noted, for operators to see."""

    async def drop(self, ej_id: int, dataset: Dataset, current: Revision) -> int:
        """Deletes the renderings of earlier states, which nobody will be served; returns how many keys."""


class NoCache:
    """Keeps nothing: what `CACHE_ENABLED=false` wires, and code that wants none."""

    async def look_up(self, variant: Variant, wanted: Exactly | Recent) -> LookupResult:
        """Finds nothing."""
        del variant, wanted
        return LookupResult(LookupOutcome.MISS)

    @asynccontextmanager
    async def claim(self, variant: Variant, etag: str) -> AsyncIterator[bool]:
        """Lets everybody."""
        del variant, etag
        yield True

    async def publish(self, variant: Variant, made: Made, *, replace: bool = False) -> None:
        """Keeps nothing."""

    def answered(self, variant: Variant, etag: str) -> None:
        """Notes nothing."""

    async def settle(self) -> None:
        """Has nothing to pass on."""

    async def drop(self, ej_id: int, dataset: Dataset, current: Revision) -> int:
        """Has nothing to delete."""
        del ej_id, dataset, current
        return 0

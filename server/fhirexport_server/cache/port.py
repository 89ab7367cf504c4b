"""The interface of a cache that processes share, and an implementation that keeps nothing.

No method raises because the cache fails: what cannot be read is a miss, what cannot be written is not kept.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from fhirexport_server.cache.entry import Description, Variant
from fhirexport_server.domain.outcomes import LookupOutcome
from fhirexport_server.domain.segments import Chunk, Segment


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


@dataclass(frozen=True)
class StoredManifest:
    """A rendering that the cache holds, but for its segments, any of which may be gone."""

    description: Description
    age_seconds: float
    """The upper bound of the time since it was known to be current."""
    seconds_left: float
    """How long it may still be kept."""


@dataclass(frozen=True)
class LookupResult:
    """The result of a look-up."""

    outcome: LookupOutcome
    stored: StoredManifest | None = None
    """What a hit has found. Where the outcome is STALE, the rendering that is there instead: of an earlier or
    a later state, and otherwise shaped alike, so that it may be brought up to date."""
    now_ms: int = 0
    """The time of the look-up by the cache's clock; 0 where it did not answer."""

    @property
    def hit(self) -> StoredManifest | None:
        """What was asked for; None where it is not there."""
        return self.stored if self.outcome is LookupOutcome.HIT else None


def _none(digest: bytes) -> tuple[Chunk, ...] | None:
    del digest
    return None


@dataclass(frozen=True)
class NewRendering:
    """A rendering to keep."""

    description: Description
    chunks: Iterable[Chunk]
    """The chunks of the segments that the cache lacks, segment by segment. The last one of each has it as its
    `segment`."""
    base: str = ""
    """The etag of a rendering that has all the other segments; empty where `chunks` are those of all.

    As long as the cache holds that rendering, the others need not be looked for.
    """
    frames: Callable[[bytes], tuple[Chunk, ...] | None] = _none
    """Returns the chunks of another segment by its digest, should the cache have lost it; None where that is
    not at hand."""
    validated_ms: int = 0
    """A time by the cache's clock from before the database was read; 0 where none is known."""


class SharedCache(Protocol):
    """A cache that processes share."""

    async def look_up(
        self, variant: Variant, condition: Exactly | Recent, known: Description | None = None
    ) -> LookupResult:
        """Look up a rendering that meets a condition.

        Args:
            variant: The variant to look up.
            condition: The condition.
            known: A rendering of the variant that the caller knows. If the cache holds the same one, its
                manifest is not transferred again.
        """

    def segments(
        self, variant: Variant, segments: Sequence[Segment]
    ) -> AsyncIterator[tuple[Segment, tuple[Chunk, ...] | None]]:
        """Yield each segment of a variant with its chunks, in the order given.

        The chunks are verified to be what was written. Where they are missing or damaged, or the cache does
        not answer, there is None in their place.
        """

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


class NoCache:
    """A cache that keeps nothing, for `CACHE_ENABLED=false` and for code without a cache."""

    async def look_up(
        self, variant: Variant, condition: Exactly | Recent, known: Description | None = None
    ) -> LookupResult:
        """Return a miss."""
        del variant, condition, known
        return LookupResult(LookupOutcome.MISS)

    async def segments(
        self, variant: Variant, segments: Sequence[Segment]
    ) -> AsyncIterator[tuple[Segment, tuple[Chunk, ...] | None]]:
        """Yield each segment without its chunks."""
        del variant
        for segment in segments:
            yield segment, None

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

"""The renderings that answer exports: not modified, in memory, or in progress."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager

from fhirexport_server.cache.entry import Description
from fhirexport_server.domain.errors import DatabaseUnavailableError
from fhirexport_server.domain.outcomes import ExportAnswer, LookupOutcome
from fhirexport_server.domain.segments import Chunk, Totals
from fhirexport_server.exports.flights import Flight
from fhirexport_server.exports.rendering import ContentSource, Snapshot
from fhirexport_server.exports.request import NOTHING, Have

STALL_SECONDS = 65.0
"""How long a rendering may make no progress: a little longer than one statement may take."""


class NotModified:
    """The answer where the caller's etag is current."""

    not_modified = True
    totals: Totals | None = None
    answer = ExportAnswer.NOT_MODIFIED
    cache_status = "fhirexport; hit; detail=not-modified"

    have = NOTHING
    root: bytes | None = None
    rendered: int | None = 0
    whole: bytes | None = None

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    def keep_whole(self, answer: bytes) -> None:
        """Keep nothing: it has no content."""

    async def kept(self) -> None:
        """Return at once: it is kept already."""

    async def chunks(self) -> AsyncIterator[Chunk]:
        """Yield no chunk."""
        no_chunks: tuple[Chunk, ...] = ()
        for chunk in no_chunks:
            yield chunk


class InMemory:
    """A rendering from this process's memory."""

    not_modified = False
    answer = ExportAnswer.HIT
    cache_status = "fhirexport; hit"

    rendered: int | None = 0

    def __init__(
        self,
        description: Description,
        chunks: Sequence[Chunk],
        have: Have,
        *,
        whole: bytes | None,
        keep_whole: Callable[[bytes], None],
    ) -> None:
        """Make the answer of a rendering that is kept.

        Args:
            description: The rendering.
            chunks: Its chunks; none where `whole` is there.
            have: The segments that the caller has.
            whole: The whole answer, where it is ready.
            keep_whole: Keeps the whole answer for the next caller.
        """
        self.snapshot = Snapshot(
            description.etag, description.revision, description.read_time, ContentSource.CACHE
        )
        self.totals: Totals | None = description.totals
        self.root: bytes | None = description.manifest.root
        self.have = have
        self.whole = whole
        self.keep_whole = keep_whole
        self._chunks = chunks

    async def kept(self) -> None:
        """Return at once: it is kept already."""

    async def chunks(self) -> AsyncIterator[Chunk]:
        """Yield the chunks in order."""
        for chunk in self._chunks:
            yield chunk


class InFlight:
    """A rendering that is read while it is produced, or copied from the shared cache."""

    not_modified = False
    whole: bytes | None = None

    def __init__(
        self, snapshot: Snapshot, flight: Flight, have: Have, *, why: ExportAnswer, joined: bool
    ) -> None:
        """Make the answer for a rendering that has begun.

        Args:
            snapshot: The snapshot that it renders.
            flight: The flight that has its chunks.
            have: The segments that the caller has.
            why: Why memory did not answer: MISS, STALE or BYPASS.
            joined: Whether it was in progress already.
        """
        self.snapshot = snapshot
        self.have = have
        self._flight = flight
        if snapshot.source is ContentSource.CACHE:
            self.answer, self.cache_status = ExportAnswer.HIT, "fhirexport; hit"
            return
        if flight.outcome is LookupOutcome.STALE and why is ExportAnswer.MISS:
            why = ExportAnswer.STALE
        self.answer = ExportAnswer.COLLAPSED if joined else why
        status = f"fhirexport; fwd={why}; collapsed" if joined else f"fhirexport; fwd={why}"
        if flight.rendered is not None:
            status += f'; detail="rendered={flight.rendered}"'
        elif flight.outcome is LookupOutcome.UNAVAILABLE:
            status += "; detail=cache-unavailable"
        self.cache_status = status

    @property
    def totals(self) -> Totals | None:
        """The totals; None until the last chunk exists."""
        return self._flight.spool.totals

    @property
    def root(self) -> bytes | None:
        """The root of its manifest; None until the last chunk exists."""
        description = self._flight.spool.description()
        return None if description is None else description.manifest.root

    @property
    def rendered(self) -> int | None:
        """How many resources were rendered for it; None until that is known."""
        if self.snapshot.source is ContentSource.CACHE:
            return 0
        if self._flight.rendered is not None:
            return self._flight.rendered
        return None if self.totals is None else self.totals.resource_count

    def keep_whole(self, answer: bytes) -> None:
        """Keep nothing: its next answer says otherwise where it comes from."""

    async def kept(self) -> None:
        """Wait until it is kept, or could not be."""
        await self._flight.ended.wait()

    async def chunks(self) -> AsyncIterator[Chunk]:
        """Yield the chunks in order."""
        with unavailable_on_stall():
            async for chunk in self._flight.spool.chunks(STALL_SECONDS):
                yield chunk


@contextmanager
def unavailable_on_stall() -> Iterator[None]:
    """Raise DatabaseUnavailableError in place of a TimeoutError."""
    try:
        yield
    except TimeoutError:
        raise DatabaseUnavailableError from None

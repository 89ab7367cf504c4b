"""Owns what an export is answered with: nothing new, a rendering in memory, or one on its way."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from fhirexport_server.cache.entry import Entry
from fhirexport_server.domain.chunks import Chunk, Totals
from fhirexport_server.domain.errors import DatabaseUnavailableError
from fhirexport_server.domain.outcomes import ExportAnswer, LookupOutcome
from fhirexport_server.exports.flights import Flight
from fhirexport_server.exports.rendering import ContentSource, Snapshot

STALL_SECONDS = 65.0
"""How long a rendering may show nothing new: a little more than the database may take for one statement."""


class NotModified:
    """What the caller has is current."""

    not_modified = True
    totals: Totals | None = None
    answer = ExportAnswer.NOT_MODIFIED
    cache_status = "fhirexport; hit; detail=not-modified"

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    async def kept(self) -> None:
        """Return at once: it was kept before."""

    async def chunks(self) -> AsyncIterator[Chunk]:
        """Yields nothing."""
        nothing: tuple[Chunk, ...] = ()
        for chunk in nothing:
            yield chunk


class InMemory:
    """A rendering that this process has kept."""

    not_modified = False
    answer = ExportAnswer.HIT
    cache_status = "fhirexport; hit"

    def __init__(self, entry: Entry) -> None:
        known = entry.description
        self.snapshot = Snapshot(known.etag, known.revision, known.read_time, ContentSource.CACHE)
        self.totals: Totals | None = known.totals
        self._entry = entry

    async def kept(self) -> None:
        """Return at once: it was kept before."""

    async def chunks(self) -> AsyncIterator[Chunk]:
        """Yields the chunks in order."""
        for chunk in self._entry.chunks:
            yield chunk


class InFlight:
    """A rendering that is read while it is made, or while it comes from the shared cache."""

    not_modified = False

    def __init__(self, snapshot: Snapshot, flight: Flight, *, why: ExportAnswer, joined: bool) -> None:
        """Describes a rendering that has begun.

        Args:
            snapshot: what it is a rendering of.
            flight: where its chunks are.
            why: why the memory did not answer: MISS, STALE or BYPASS.
            joined: whether it was under way already.
        """
        self.snapshot = snapshot
        self._flight = flight
        if snapshot.source is ContentSource.CACHE:
            self.answer, self.cache_status = ExportAnswer.HIT, "fhirexport; hit"
            return
        if flight.outcome is LookupOutcome.STALE and why is ExportAnswer.MISS:
            why = ExportAnswer.STALE
        self.answer = ExportAnswer.COLLAPSED if joined else why
        status = f"fhirexport; fwd={why}; collapsed" if joined else f"fhirexport; fwd={why}"
        if flight.outcome is LookupOutcome.UNAVAILABLE:
            status += "; detail=cache-unavailable"
        self.cache_status = status

    @property
    def totals(self) -> Totals | None:
        """The totals, once the last chunk is made."""
        return self._flight.spool.totals

    async def kept(self) -> None:
        """Return once whoever makes it has done all that there is to do."""
        await self._flight.ended.wait()

    async def chunks(self) -> AsyncIterator[Chunk]:
        """Yields the chunks in order."""
        with unavailable_on_stall():
            async for chunk in self._flight.spool.chunks(STALL_SECONDS):
                yield chunk


@contextmanager
def unavailable_on_stall() -> Iterator[None]:
    """Turns a wait that was too long into DatabaseUnavailableError."""
    try:
        yield
    except TimeoutError:
        raise DatabaseUnavailableError from None

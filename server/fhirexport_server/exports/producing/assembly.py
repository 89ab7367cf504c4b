"""Puts the chunks of a rendering together: what was just rendered, and what is kept here or elsewhere."""

from collections.abc import Iterable
from itertools import chain

from fhirexport_server.cache.memory import MemoryCache
from fhirexport_server.cache.port import SharedCache
from fhirexport_server.domain.segments import Segment, ending
from fhirexport_server.exports.producing.order import Current, Order, sent_otherwise
from fhirexport_server.exports.spool import Spool, Stored


class Assembler:
    """Fills spools with what is kept."""

    def __init__(self, memory: MemoryCache, shared: SharedCache) -> None:
        self._memory = memory
        self._shared = shared

    async def assemble(self, order: Order, current: Current, spool: Spool) -> list[Segment]:
        """Put all chunks into the spool, in order, and return no segment; or return those that are lost.

        Readers see none before, so that a segment that is gone is a miss and not a broken export.

        Raises:
            SpoolFullError, TemporaryStorageError: There is no room for them.
        """
        segments = current.description.manifest.segments
        slots = [self._at_hand(order, segment, current, spool) for segment in segments]
        missing = [segment for segment, slot in zip(segments, slots, strict=True) if slot is None]
        copied = await self._copied(order, missing, spool, _in_memory(slots)) if missing else {}
        lost = [segment for segment in missing if segment.digest not in copied]
        if not lost:
            slotted = zip(segments, slots, strict=True)
            chunks = (copied[segment.digest] if slot is None else slot for segment, slot in slotted)
            spool.arrange(chain.from_iterable(chunks))
        return lost

    def _at_hand(
        self, order: Order, segment: Segment, current: Current, spool: Spool
    ) -> tuple[Stored, ...] | None:
        """Return where the chunks of a segment are; None where neither the spool nor memory has them."""
        omitted = sent_otherwise(segment, order.request.have)
        if omitted is not None:
            return tuple(map(spool.refer, omitted))
        fresh = current.fresh.get(segment.digest)
        if fresh is not None:
            *others, last = fresh
            return (*others, last._replace(segment=segment))
        chunks = self._memory.frames(segment.digest)
        return None if chunks is None else tuple(map(spool.refer, ending(chunks, segment)))

    async def _copied(
        self, order: Order, segments: Iterable[Segment], spool: Spool, held: int
    ) -> dict[bytes, tuple[Stored, ...]]:
        """Copy segments from the shared cache; leave out those that it has not.

        Memory keeps of them what one rendering's share has room for, of which `held` bytes are taken: more
        would wash out what others need.
        """
        copied: dict[bytes, tuple[Stored, ...]] = {}
        room = self._memory.share - held
        async for segment, chunks in self._shared.segments(order.variant, list(segments)):
            if chunks is None:
                continue
            copied[segment.digest] = tuple(map(spool.put, chunks))
            if room > 0:
                self._memory.keep_segment(segment.digest, chunks)
                room -= sum(len(chunk.frame) for chunk in chunks)
        return copied


def _in_memory(slots: Iterable[tuple[Stored, ...] | None]) -> int:
    """Return how many bytes of frames are at hand in memory."""
    return sum(stored.length for slot in slots if slot for stored in slot if stored.frame is not None)

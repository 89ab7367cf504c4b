"""Reads the segments that are kept, from the thread of a rendering."""

import asyncio
from collections.abc import Iterable, Sequence

from fhirexport_server.cache.entry import Variant
from fhirexport_server.cache.memory import MemoryCache
from fhirexport_server.cache.port import SharedCache
from fhirexport_server.domain.segments import Chunk, Segment


class KeptSegments:
    """The segments that memory and the shared cache keep of one variant. Make it on the event loop."""

    def __init__(self, memory: MemoryCache, shared: SharedCache, variant: Variant) -> None:
        self._memory = memory
        self._shared = shared
        self._variant = variant
        self._loop = asyncio.get_running_loop()

    def read(self, segments: Sequence[Segment]) -> dict[bytes, tuple[Chunk, ...]]:
        """Return the chunks of segments, by digest, without those that are gone. It blocks the thread.

        The shared cache answers in a bounded time, or not at all.
        """
        kept: dict[bytes, tuple[Chunk, ...]] = {}
        missing: list[Segment] = []
        for segment in segments:
            chunks = self._memory.frames(segment.digest)
            if chunks is None:
                missing.append(segment)
            else:
                kept[segment.digest] = chunks
        if missing:
            kept |= asyncio.run_coroutine_threadsafe(self._from_shared(missing), self._loop).result()
        return kept

    def keep(self, segment: Segment, length: int, chunks: Iterable[Chunk]) -> None:
        """Keep a new segment in memory, where its frames are of a length that fits. From any thread."""
        if length <= self._memory.largest:
            self._memory.keep_segment(segment.digest, tuple(chunks))

    async def _from_shared(self, segments: Sequence[Segment]) -> dict[bytes, tuple[Chunk, ...]]:
        return {
            segment.digest: chunks
            async for segment, chunks in self._shared.segments(self._variant, segments)
            if chunks is not None
        }

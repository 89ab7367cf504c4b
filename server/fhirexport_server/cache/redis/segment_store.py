"""The segments of renderings in Redis: written and read in windows, never changed."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, TypeVar

from fhirexport_server.cache import keys
from fhirexport_server.cache.redis import lua_scripts
from fhirexport_server.cache.redis.connection import Link
from fhirexport_server.cache.redis.packing import packed_segment
from fhirexport_server.cache.redis.packing.corruption import CorruptError, KeyMissingError
from fhirexport_server.cache.redis.packing.sealing import Sealing
from fhirexport_server.domain.errors import CacheUnavailableError
from fhirexport_server.domain.outcomes import SegmentOutcome
from fhirexport_server.domain.segments import Chunk, Segment

T = TypeVar("T")

WINDOW_BYTES: Final = 1024 * 1024
"""How many bytes are read or written at once; a single larger segment is."""
READ_AT_ONCE: Final = 64
"""How many segments are asked for at once."""
RENEWED_AT_ONCE: Final = 500
"""How many segments are renewed in one step: some 0.2 ms, in which Redis serves no other client."""


class SegmentStore:
    """Reads, writes and renews segments."""

    def __init__(self, link: Link, sealing: Sealing) -> None:
        self._link = link
        self._sealing = sealing
        self._read = link.client.register_script(lua_scripts.SEGMENTS)
        self._renew = link.client.register_script(lua_scripts.RENEW)

    async def download(
        self, head: str, segments: Sequence[Segment]
    ) -> AsyncIterator[tuple[Segment, tuple[Chunk, ...] | SegmentOutcome]]:
        """Yield each segment with its chunks, else with the reason why there are none."""
        done = 0
        while done < len(segments):
            asked = segments[done : done + READ_AT_ONCE]
            try:
                values = await self._link.read(
                    self._read,
                    keys=[self.key(head, segment) for segment in asked],
                    args=[WINDOW_BYTES, *(self._most_bytes(segment) for segment in asked)],
                )
            except CacheUnavailableError:
                values = [None] * len(asked)
            for segment, value in zip(asked, values, strict=False):
                yield segment, self._unpacked(head, segment, value)
            done += len(values)

    async def upload(self, head: str, chunks: Iterable[Chunk], time_to_live: int) -> int | None:
        """Write the segments that these chunks make up, with a time to live in milliseconds.

        Return the time by Redis's clock before the first was written; None where there are none.

        Raises:
            CacheUnavailableError: Redis does not answer, or refuses.
        """

        async def write(window: Sequence[tuple[str, bytes]]) -> int:
            async with self._link.client.pipeline(transaction=False) as pipeline:
                pipeline.eval(lua_scripts.CLOCK, 1, head)
                for key, value in window:
                    pipeline.set(key, value, px=time_to_live)
                (seconds, microseconds), *_ = await pipeline.execute()
                return int(seconds) * 1000 + int(microseconds) // 1000

        begun: int | None = None
        for window in _windows(self._packed(head, chunks), lambda item: len(item[1])):
            now = await self._link.write(write, window)
            begun = now if begun is None else begun
        return begun

    async def renew(
        self, head: str, segments: Sequence[Segment], time_to_live: int
    ) -> tuple[int | None, list[Segment]]:
        """Make segments live as long as new ones.

        Return the time by Redis's clock before the first was renewed, None where there are none; and the
        segments that are not there.

        Raises:
            CacheUnavailableError: Redis does not answer, or refuses.
        """
        begun: int | None = None
        missing: list[Segment] = []
        left = iter(segments)
        while batch := list(islice(left, RENEWED_AT_ONCE)):
            now, *absent = await self._link.write(
                self._renew,
                keys=[self.key(head, segment) for segment in batch],
                args=[time_to_live],
            )
            begun = now if begun is None else begun
            missing += [batch[index] for index in absent]
        return begun, missing

    def key(self, head: str, segment: Segment) -> str:
        """Return the key that a segment of a rendering lies under."""
        return keys.segment(head, self._sealing.name(head, segment.digest))

    def _most_bytes(self, segment: Segment) -> int:
        return packed_segment.most_bytes(segment) + self._sealing.most_added

    def _unpacked(
        self, head: str, segment: Segment, value: bytes | None
    ) -> tuple[Chunk, ...] | SegmentOutcome:
        if value is None:
            return SegmentOutcome.UNAVAILABLE
        if not value:
            return SegmentOutcome.MISSING
        try:
            return packed_segment.unpack(segment, self._sealing.unseal(_place(head, segment), value))
        except KeyMissingError:
            return SegmentOutcome.UNKNOWN_KEY
        except CorruptError:
            return SegmentOutcome.DAMAGED

    def _packed(self, head: str, chunks: Iterable[Chunk]) -> Iterator[tuple[str, bytes]]:
        """Yield the key and the value of each segment that is not too large."""
        pending: list[Chunk] = []
        used = 0
        for chunk in chunks:
            used += len(chunk.frame)
            if used <= packed_segment.LARGEST_BYTES:
                pending.append(chunk)
            if (segment := chunk.segment) is not None:
                if used <= packed_segment.LARGEST_BYTES:
                    value = self._sealing.seal(_place(head, segment), packed_segment.pack(segment, pending))
                    yield self.key(head, segment), value
                pending, used = [], 0


def _place(head: str, segment: Segment) -> tuple[bytes, ...]:
    return b"segment", head.encode(), segment.digest


def _windows(items: Iterable[T], length: Callable[[T], int]) -> Iterator[list[T]]:
    """Yield runs of items that fit into a window together, or a single larger item."""
    window: list[T] = []
    used = 0
    for item in items:
        size = length(item)
        if window and used + size > WINDOW_BYTES:
            yield window
            window, used = [], 0
        window.append(item)
        used += size
    if window:
        yield window

"""Splices changes into the segments of a rendering: the result is what cutting all of it anew would give.

Only the segments of changed ids are written anew, and those that a deletion makes small enough to join.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import merge
from itertools import chain
from operator import itemgetter

from fhirexport_server.domain.changes import Keys
from fhirexport_server.domain.segments import (
    MOST_IDS,
    WHOLE,
    Block,
    Chunk,
    Segment,
    end,
    in_blocks,
    largest_block,
)
from fhirexport_server.formats.segment_text import Group
from fhirexport_server.formats.segment_writer import SegmentWriter


class Splicer:
    """Splices changes into one rendering."""

    def __init__(
        self,
        writer: SegmentWriter,
        read: Callable[[Segment], Iterable[Group]],
        keep: Callable[[Iterable[Chunk]], Segment],
    ) -> None:
        """Make a splicer.

        Args:
            writer: Writes the new segments.
            read: Returns the entries of a segment, of the rendering or of what was kept, by ascending id.
            keep: Is called with the chunks of each new segment, as they are written, and returns the segment.
                Some may be joined with others later.
        """
        self._writer = writer
        self._read = read
        self._keep = keep
        self._segments: list[Segment] = []
        self._los: list[int] = []
        self._fewer: list[Block] = []
        self._as_first: set[bytes] = set()

    def splice(
        self, segments: Sequence[Segment], changed: Keys, groups: Iterable[Group]
    ) -> tuple[Segment, ...]:
        """Return the segments of the rendering with the changes, without its end.

        Args:
            segments: The segments of the rendering, without its end.
            changed: The ids that may have changed.
            groups: The present resources of those that exist, by ascending id.
        """
        self._segments, self._los, self._fewer = [], [], []
        self._as_first = {segments[0].digest} if segments else set()
        rest = _Peekable(groups)
        unchanged = 0
        for index in touched(segments, changed):
            segment = segments[index]
            self._into_gaps(segments, unchanged, index, rest)
            own = rest.before(end(segment.block))
            written = self._written(
                segment.block, merge(self._unchanged(segment, changed), own, key=itemgetter(0))
            )
            if written < segment.ids:
                self._fewer.append(segment.block)
            unchanged = index + 1
        self._into_gaps(segments, unchanged, len(segments), rest)
        for block in self._fewer:
            self._join(block)
        self._mend_first(segments)
        return tuple(self._segments)

    def _unchanged(self, segment: Segment, changed: Keys) -> Iterator[Group]:
        """Yield the groups of a segment that have not changed."""
        if changed.covers_range(segment.block.lo, end(segment.block) - 1):
            return
        for group in self._read(segment):
            if not changed.covers(group[0]):
                yield group

    def _into_gaps(self, segments: Sequence[Segment], first: int, last: int, rest: "_Peekable") -> None:
        """Take unchanged segments over, and put groups where there was no segment between them."""
        upper = segments[last].block.lo if last < len(segments) else end(WHOLE)
        while (key := rest.key) is not None and key < upper:
            following = bisect_left(segments, key, first, last, key=_lo)
            self._take_over(segments[first:following])
            first = following
            after = end(segments[first - 1].block) if first else 0
            before = segments[first].block.lo if first < len(segments) else end(WHOLE)
            gap = largest_block(key, after, before)
            self._written(gap, rest.before(end(gap)))
        self._take_over(segments[first:last])

    def _take_over(self, segments: Sequence[Segment]) -> None:
        self._segments += segments
        self._los += map(_lo, segments)

    def _written(self, within: Block, groups: Iterable[Group]) -> int:
        """Write the segments of a block; return how many ids they hold."""
        ids = 0
        for block, members in in_blocks(groups, itemgetter(0), within):
            segment = self._write(block, members, first=not self._segments)
            self._take_over([segment])
            ids += segment.ids
        return ids

    def _write(self, block: Block, groups: Iterable[Group], *, first: bool) -> Segment:
        segment = self._keep(self._writer.chunks(block, map(itemgetter(1), groups), first=first))
        if first:
            self._as_first.add(segment.digest)
        return segment

    def _join(self, block: Block) -> None:
        """Join the segments of the largest block around one of fewer ids that holds few enough now."""
        joined = None
        while block.bits < WHOLE.bits:
            block = parent(block)
            first, last = bisect_left(self._los, block.lo), bisect_left(self._los, end(block))
            if last - first > MOST_IDS or sum(map(_ids, self._segments[first:last])) > MOST_IDS:
                break
            joined = (block, first, last)
        if joined is None:
            return
        block, first, last = joined
        inside = self._segments[first:last]
        if len(inside) > 1:
            groups = chain.from_iterable(map(self._read, inside))
            inside = [self._write(block, groups, first=first == 0)]
        self._segments[first:last] = [segment._replace(block=block) for segment in inside]
        self._los[first:last] = [block.lo for _ in inside]

    def _mend_first(self, segments: Sequence[Segment]) -> None:
        """Write anew what has become the first segment, or has been it."""
        if not self._segments or not self._writer.first_differs:
            return
        if segments and segments[0].digest != self._segments[0].digest:
            # Its block may begin earlier than before, where what was around it has been deleted.
            index = bisect_right(self._los, segments[0].block.lo) - 1
            if index >= 0 and self._segments[index].digest == segments[0].digest:
                self._rewrite(index)
        if self._segments[0].digest not in self._as_first:
            self._rewrite(0)

    def _rewrite(self, index: int) -> None:
        segment = self._segments[index]
        self._segments[index] = self._write(segment.block, self._read(segment), first=index == 0)


class _Peekable:
    """Groups that can be taken up to an id."""

    def __init__(self, groups: Iterable[Group]) -> None:
        self._groups = iter(groups)
        self._next = next(self._groups, None)

    @property
    def key(self) -> int | None:
        """The id of the next group; None where there is none."""
        return None if self._next is None else self._next[0]

    def before(self, upper: int) -> Iterator[Group]:
        """Yield the groups with ids below `upper`."""
        while self._next is not None and self._next[0] < upper:
            group, self._next = self._next, next(self._groups, None)
            yield group


def touched(segments: Sequence[Segment], changed: Keys) -> list[int]:
    """Return the positions of the segments whose blocks hold changed ids, in order."""
    found = set()
    for key in changed.ids:
        index = bisect_right(segments, key, key=_lo) - 1
        if index >= 0 and key < end(segments[index].block):
            found.add(index)
    for lo, hi in changed.ranges:
        index = max(0, bisect_right(segments, lo, key=_lo) - 1)
        while index < len(segments) and segments[index].block.lo <= hi:
            if lo < end(segments[index].block):
                found.add(index)
            index += 1
    return sorted(found)


def parent(block: Block) -> Block:
    """Return the block of twice the size around one."""
    bits = block.bits + 1
    return Block(block.lo >> bits << bits, bits)


def _lo(segment: Segment) -> int:
    return segment.block.lo


def _ids(segment: Segment) -> int:
    return segment.ids

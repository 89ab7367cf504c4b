"""What differs between a mirror's old copy and its new one: upserts and tombstones, in the export's order."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path

from fhirexport._internal.mirroring.comparison import Mark, Marks, compare, name_of
from fhirexport._internal.mirroring.manifest import CopiedSegment, resources_of
from fhirexport._internal.mirroring.segment_files import DamagedSegmentError, SegmentFiles
from fhirexport.mirrors.mirror_models import Change


class Differences:
    """The changes from an old list of segments to a new one."""

    def __init__(
        self,
        old: Sequence[CopiedSegment] | None,
        new: Sequence[CopiedSegment],
        files: SegmentFiles,
        folder: Path,
    ) -> None:
        """Compare what is only in one of the lists.

        Args:
            old: The segments of the old copy; None where there is none.
            new: Those of the new one.
            files: Where all of them are.
            folder: Where temporary files may lie.

        Raises:
            DamagedSegmentError: a file of a new segment is damaged.
        """
        self._files = files
        self._old, self._new = old or (), new
        ours = {segment.digest for segment in new}
        self._kept = ours & {segment.digest for segment in self._old}
        self._removed = [segment for segment in self._old if segment.digest not in self._kept]
        self._added = [segment for segment in new if segment.digest not in self._kept]
        marks = None if old is None else self._marks(folder)
        self.whole = marks is None
        """Whether there is nothing to compare with: then every resource is an upsert."""
        self._marks_of = marks or Marks(bytearray(), bytearray())

    def __iter__(self) -> Iterator[Change]:
        """Yield the changes. What is gone comes where it was: after what preceded it and is still there."""
        if self.whole:
            for segment in self._new:
                for line in self._lines(segment):
                    yield Change(*name_of(line), line)
            return
        tombstones = _Tombstones(self._files, self._old, self._kept, self._marks_of.old)
        yield from tombstones.leading()
        first = 0
        for segment in self._new:
            if segment.digest in self._kept:
                yield from tombstones.passing(segment.digest)
                continue
            after = first + segment.resource_count
            yield from self._changed(segment, self._marks_of.new[first:after], tombstones)
            first = after
        yield from tombstones.rest()

    def _changed(
        self, segment: CopiedSegment, marks: bytearray, tombstones: "_Tombstones"
    ) -> Iterator[Change]:
        """Yield the changes in a new segment, and what is gone between its resources."""
        if not any(marks):
            for _ in marks:
                yield from tombstones.met()
            return
        for mark, line in zip(marks, self._lines(segment), strict=True):
            if mark != Mark.SAME:
                yield Change(*name_of(line), line)
            if mark != Mark.NEW:
                yield from tombstones.met()

    def _marks(self, folder: Path) -> Marks | None:
        """Return what has become of each resource; None where an old one cannot be read."""
        damaged: list[DamagedSegmentError] = []

        def old() -> Iterator[bytes]:
            try:
                for segment in self._removed:
                    yield from self._lines(segment)
            except DamagedSegmentError as error:
                damaged.append(error)

        def new() -> Iterator[bytes]:
            if not damaged:
                for segment in self._added:
                    yield from self._lines(segment)

        marks = compare(old(), resources_of(self._removed), new(), resources_of(self._added), folder)
        return None if damaged else marks

    def _lines(self, segment: CopiedSegment) -> Iterator[bytes]:
        return lines(self._files, segment)


class _Tombstones:
    """Walks the old resources of which new segments do not have the texts, as the new ones are walked."""

    def __init__(
        self, files: SegmentFiles, old: Sequence[CopiedSegment], kept: set[bytes], marks: bytearray
    ) -> None:
        self._files = files
        self._marks = marks
        self._segments = [segment for segment in old if segment.digest not in kept]
        self._ends = list(accumulate(segment.resource_count for segment in self._segments))
        self._names: tuple[int, list[tuple[str, str]]] = (-1, [])
        self._position = 0
        # How many of them precede each kept segment, and how many precede the kept one after that.
        self._before: dict[bytes, int] = {}
        number = 0
        for segment in old:
            if segment.digest in kept:
                self._before[segment.digest] = number
            else:
                number += segment.resource_count
        starts = [*self._before.values(), number]
        self._limit = starts[0]
        self._limits = dict(zip(self._before, starts[1:], strict=True))
        self._last = marks.rfind(Mark.GONE)

    def leading(self) -> Iterator[Change]:
        """Yield those that are gone up to the next one that is not."""
        while self._position < self._limit and self._marks[self._position] == Mark.GONE:
            yield self._change(self._position)
            self._position += 1

    def met(self) -> Iterator[Change]:
        """Pass one that is still there; yield those that are gone right after it."""
        if self._position > self._last:
            return
        yield from self.leading()
        if self._position < self._limit:
            self._position += 1
        yield from self.leading()

    def passing(self, digest: bytes) -> Iterator[Change]:
        """Pass a kept segment; yield those that are gone before it and right after it."""
        yield from self._until(self._before[digest])
        self._limit = self._limits[digest]
        yield from self.leading()

    def rest(self) -> Iterator[Change]:
        """Yield all others that are gone."""
        yield from self._until(len(self._marks))

    def _until(self, end: int) -> Iterator[Change]:
        while (gone := self._marks.find(Mark.GONE, self._position, end)) >= 0:
            self._position = gone + 1
            yield self._change(gone)
        self._position = max(self._position, end)

    def _change(self, number: int) -> Change:
        index = bisect_right(self._ends, number)
        if self._names[0] != index:
            segment = self._segments[index]
            self._names = (index, [name_of(line) for line in lines(self._files, segment)])
        start = self._ends[index] - self._segments[index].resource_count
        return Change(*self._names[1][number - start], None)


def lines(files: SegmentFiles, segment: CopiedSegment) -> Iterator[bytes]:
    """Yield the resources of a segment as JSON.

    Raises:
        DamagedSegmentError: it is not there, or is damaged.
    """
    for text in files.texts(segment):
        yield from text.removesuffix(b"\n").split(b"\n")

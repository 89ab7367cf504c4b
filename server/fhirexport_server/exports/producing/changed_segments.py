"""Changes the segments of a rendering: reads those kept, renders what has changed, writes the new ones."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate

from fhirexport_server.domain.changes import Changes, Keys
from fhirexport_server.domain.rows import Rendered
from fhirexport_server.domain.segments import Chunk, Manifest, Segment, end
from fhirexport_server.exports import pipeline
from fhirexport_server.exports.producing.kept_segments import KeptSegments
from fhirexport_server.exports.request import ExportRequest
from fhirexport_server.exports.spool import Spool, Stored
from fhirexport_server.fhir.rendering.ej_context import EjContext
from fhirexport_server.formats import segment_text
from fhirexport_server.formats.chunker import bounded
from fhirexport_server.formats.layout import layout
from fhirexport_server.formats.segment_text import Group
from fhirexport_server.formats.segment_writer import SegmentWriter
from fhirexport_server.formats.splicing import Splicer, touched
from fhirexport_server.runtime.interrupt import Interrupt
from fhirexport_server.store.snapshot import SnapshotReader

WINDOW = 64
"""How many kept segments are read at once."""
WINDOW_BYTES = 16 * 1024 * 1024
"""How much text the segments have at most that are read at once, unless one alone has more."""
MOST_LOST = 64
"""How many segments that are no longer kept are read from the database again."""


class TooMuchLostError(Exception):
    """Too many segments are no longer kept."""


class ChangedSegments:
    """The segments of a rendering that is brought up to date, as they are read, changed and written."""

    def __init__(  # noqa: PLR0917 - one caller, just above
        self,
        request: ExportRequest,
        base_url: str,
        manifest: Manifest,
        kept: KeptSegments,
        rows: SnapshotReader,
        changes: Changes,
        shared: EjContext,
        spool: Spool,
        interrupt: Interrupt,
    ) -> None:
        self.fresh: dict[bytes, tuple[Stored, ...]] = {}
        self.rendered = 0
        self._request = request
        self._kept = kept
        self._rows = rows
        self._changes = changes
        self._shared = shared
        self._spool = spool
        self._interrupt = interrupt
        self._layout = layout(request.format, base_url)
        self._segments = [segment for segment in manifest.segments if segment.ids]
        dirty = touched(self._segments, changes)
        self._coming = {self._segments[index].digest: place for place, index in enumerate(dirty)}
        self._dirty = [self._segments[index] for index in dirty]
        self._window: Mapping[bytes, tuple[Chunk, ...]] = {}
        self._lost = 0

    def manifest(self) -> Manifest:
        """Render the changes; return the new manifest."""
        writer = SegmentWriter(self._layout)
        splicer = Splicer(writer, self._read, self._keep)
        segments = splicer.splice(self._segments, self._changes, self._groups(self._changes))
        for chunk in writer.end(empty=not segments):
            segments = (*segments, self._keep((chunk,)))
        return Manifest(segments)

    def _groups(self, among: Keys) -> Iterator[Group]:
        for key, resources in pipeline.groups(self._rows, self._request, self._shared, among):
            self._interrupt.check()
            yield key, self._entries(resources)

    def _entries(self, resources: Iterable[Rendered]) -> Iterator[bytes]:
        for resource in resources:
            self.rendered += 1
            yield self._layout.entry(bounded(resource))

    def _keep(self, chunks: Iterable[Chunk]) -> Segment:
        """Put a new segment into the spool, chunk by chunk, and into memory if it fits."""
        segment, stored = None, list[Stored]()
        for chunk in chunks:
            self._interrupt.check()
            stored.append(self._spool.put(chunk))
            segment = chunk.segment
        if segment is None:
            raise RuntimeError("the last chunk of a segment has none")
        self.fresh[segment.digest] = tuple(stored)
        self._kept.keep(segment, sum(one.length for one in stored), map(self._spool.chunk, stored))
        return segment

    def _read(self, segment: Segment) -> Iterable[Group]:
        """Return the entries of a segment, from where it is kept, else from the database."""
        self._interrupt.check()
        chunks = self._chunks(segment)
        if chunks is not None:
            kind = pipeline.kind(self._request.dataset)
            try:
                return segment_text.groups(self._layout, kind, segment, chunks)
            except segment_text.ForeignTextError:
                pass  # It is as good as lost.
        self._lost += 1
        if self._lost > MOST_LOST:
            raise TooMuchLostError
        return self._groups(Keys(ranges=((segment.block.lo, end(segment.block) - 1),)))

    def _chunks(self, segment: Segment) -> Sequence[Chunk] | None:
        fresh = self.fresh.get(segment.digest)
        if fresh is not None:
            return [self._spool.chunk(stored) for stored in fresh]
        if segment.digest not in self._window:
            self._window = self._kept.read(self._with_the_next(segment))
        return self._window.get(segment.digest)

    def _with_the_next(self, segment: Segment) -> Sequence[Segment]:
        """Return a segment, and those that will be read after it, as far as a window goes."""
        place = self._coming.get(segment.digest)
        if place is None:
            return [segment]
        coming = self._dirty[place : place + WINDOW]
        sizes = accumulate(one.size for one in coming)
        return coming[: max(1, sum(size <= WINDOW_BYTES for size in sizes))]

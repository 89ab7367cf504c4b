"""A full rendering from the database, as it runs in its thread: from the snapshot to the spool."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from fhirexport_server.cache.entry import Base
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.errors import DatabaseUnavailableError, EjNotFoundError
from fhirexport_server.domain.revision import Revision, Token
from fhirexport_server.domain.segments import Chunk
from fhirexport_server.exports import etags, pipeline
from fhirexport_server.exports.rendering import ContentSource, Snapshot
from fhirexport_server.exports.request import ExportRequest
from fhirexport_server.exports.spool import Spool
from fhirexport_server.fhir.rendering import context_text
from fhirexport_server.formats.chunker import Chunker
from fhirexport_server.formats.layout import layout
from fhirexport_server.runtime.interrupt import Interrupt
from fhirexport_server.store.database import Database
from fhirexport_server.store.snapshot import SnapshotReader


@dataclass(frozen=True)
class FullRendering:
    """A rendering to produce from the database."""

    database: Database
    request: ExportRequest
    base_url: str
    required: Revision | None
    """The revision that the rendering must contain; an earlier snapshot is refused."""
    keep: Callable[[bytes, tuple[Chunk, ...]], None]
    """Is called with each segment's digest and chunks, to keep them in memory."""
    keep_bytes: int
    """How many bytes of segments to keep. What comes after them would wash out what others need."""

    def run(self, spool: Spool, interrupt: Interrupt) -> None:
        """Render into the spool, errors included. It blocks: call it in a thread."""
        try:
            self._render(spool, interrupt)
        except BaseException as error:  # noqa: BLE001 - the spool raises it again, in its reader
            spool.fail(error)

    def _render(self, spool: Spool, interrupt: Interrupt) -> None:
        request = self.request
        read_time = datetime.now(UTC)
        with self._rows(interrupt) as (rows, revision, position):
            ej = rows.ej(request.ej_id)
            if ej is None:
                raise EjNotFoundError(request.ej_id)
            shared = pipeline.context(rows, ej, request, self.base_url)
            spool.start(
                Snapshot(
                    etag=etags.etag(revision, request, self.base_url),
                    revision=Token(ej.id, request.dataset, revision).encode(),
                    read_time=read_time,
                    source=ContentSource.DATABASE,
                ),
                None if position is None else Base(position, context_text.dump(shared)),
            )
            chunker = Chunker(layout(request.format, self.base_url))
            segment: list[Chunk] = []
            room = self.keep_bytes
            for chunk in chunker.chunks(pipeline.blocks(rows, ej, request, shared)):
                interrupt.check()
                spool.append(chunk)
                if room <= 0:
                    continue
                segment.append(chunk)
                room -= len(chunk.frame)
                if chunk.segment is not None:
                    self.keep(chunk.segment.digest, tuple(segment))
                    segment.clear()
        spool.finish(chunker.totals)

    @contextmanager
    def _rows(self, interrupt: Interrupt) -> Iterator[tuple[SnapshotReader, Revision, str | None]]:
        """Open the snapshot to read the rows in, with its revision and its position in the log.

        That of a copy will do where it has the revision that the primary shows, for then it shows the same.
        But the position is the primary's, from whose log later changes are read.
        """
        database, request = self.database, self.request
        if database.servers.replica is not None:
            with database.snapshot(interrupt, request.dataset) as rows:
                revision, position = self._state(rows)
            with database.equal_snapshot(request.ej_id, request.dataset, revision, interrupt) as copy:
                if copy is not None:
                    yield copy, revision, position
                    return
        with database.snapshot(interrupt, request.dataset) as rows:
            yield rows, *self._state(rows)

    def _state(self, rows: SnapshotReader) -> tuple[Revision, str | None]:
        request = self.request
        revision = rows.revision(request.ej_id, request.dataset)
        if self.required is not None and etags.is_behind(revision, self.required):
            raise DatabaseUnavailableError
        # A structure is always rendered in full: its segments are not cut by ids.
        is_structure = request.dataset is Dataset.STRUCTURE
        return revision, None if is_structure else rows.position(request.ej_id, request.dataset)

"""Owns one rendering from the database, as it runs in its thread: from the snapshot to the spool."""

from dataclasses import dataclass
from datetime import UTC, datetime

from fhirexport_server.domain.errors import DatabaseUnavailableError, EjNotFoundError
from fhirexport_server.domain.revision import Revision, Token
from fhirexport_server.exports import etags, pipeline
from fhirexport_server.exports.rendering import ContentSource, Snapshot
from fhirexport_server.exports.request import ExportRequest
from fhirexport_server.exports.spool import Spool
from fhirexport_server.formats.chunker import Chunker
from fhirexport_server.formats.layout import layout
from fhirexport_server.runtime.interrupt import Interrupt
from fhirexport_server.store.database import Database


@dataclass(frozen=True)
class Fill:
    """One rendering to make."""

    database: Database
    request: ExportRequest
    base_url: str
    required: Revision | None = None
    """What the rendering must contain: a snapshot that lacks it is not the answer."""

    def run(self, spool: Spool, interrupt: Interrupt) -> None:
        """Renders into the spool; whatever goes wrong is told there. Blocks: call it in a thread."""
        try:
            self._render(spool, interrupt)
        except BaseException as error:  # noqa: BLE001 - it is raised again, at the reader's
            spool.fail(error)

    def _render(self, spool: Spool, interrupt: Interrupt) -> None:
        request = self.request
        read_time = datetime.now(UTC)
        with self.database.snapshot(interrupt, request.dataset) as rows:
            found = rows.revision(request.ej_id, request.dataset)
            if self.required is not None and etags.is_behind(found, self.required):
                raise DatabaseUnavailableError
            ej = rows.ej(request.ej_id)
            if ej is None:
                raise EjNotFoundError(request.ej_id)
            spool.start(
                Snapshot(
                    etag=etags.etag(found, request, self.base_url),
                    revision=Token(ej.id, request.dataset, found).encode(),
                    read_time=read_time,
                    source=ContentSource.DATABASE,
                )
            )
            chunker = Chunker(layout(request.format, self.base_url))
            for chunk in chunker.chunks(pipeline.resources(rows, ej, request, self.base_url)):
                interrupt.check()
                spool.append(chunk)
        spool.finish(chunker.totals)

"""Owns one rendering from the database, as it runs in its thread: from the snapshot to the spool."""

from dataclasses import dataclass
from datetime import UTC, datetime

from fhirexport_server.domain.errors import DatabaseUnavailableError, EjNotFoundError
from fhirexport_server.exports import pipeline, revision
from fhirexport_server.exports.rendering import Snapshot, Source
from fhirexport_server.exports.request import ExportRequest
from fhirexport_server.exports.spool import Spool
from fhirexport_server.formats.chunks import Chunker
from fhirexport_server.formats.layout import layout
from fhirexport_server.store.database import Database, Interrupt
from fhirexport_server.store.snapshot import Revision


@dataclass(frozen=True)
class Fill:
    """One rendering to make."""

    database: Database
    request: ExportRequest
    base_url: str
    at_least: Revision | None
    """What it must contain, where the caller said so."""

    def run(self, spool: Spool, interrupt: Interrupt) -> None:
        """Renders into the spool; whatever goes wrong is told there. Blocks: call it in a thread."""
        try:
            self._render(spool, interrupt)
        except BaseException as error:  # noqa: BLE001 - it is raised again, at the reader's
            spool.fail(error)

    def _render(self, spool: Spool, interrupt: Interrupt) -> None:
        request = self.request
        read_time = datetime.now(UTC)
        with self.database.snapshot(interrupt) as rows:
            found = rows.revision(request.ej_id, request.dataset)
            ej = rows.ej(request.ej_id)
            if ej is None:
                raise EjNotFoundError(request.ej_id)
            if _is_behind(found, self.at_least):
                raise DatabaseUnavailableError
            etag = revision.etag(found, request, self.base_url)
            snapshot = Snapshot(
                etag=etag,
                revision=revision.Token(ej.id, request.dataset, found).encode(),
                read_time=read_time,
                source=Source.DATABASE,
            )
            if request.if_none_match == etag:
                spool.start(snapshot, not_modified=True)
                return
            spool.start(snapshot)
            chunker = Chunker(layout(request.format, self.base_url))
            for chunk in chunker.chunks(pipeline.resources(rows, ej, request, self.base_url)):
                interrupt.check()
                spool.append(chunk)
        spool.finish(chunker.totals)


def _is_behind(found: Revision, wanted: Revision | None) -> bool:
    """Says whether a database lacks a revision that it has shown before, as a lagging replica does.

    A revision of another incarnation says nothing about this one; the state of now is then the answer.
    """
    return wanted is not None and wanted.incarnation == found.incarnation and found.n < wanted.n

"""A rendering that is brought up to date: only what has changed since an earlier one is read and rendered.

Its bytes are those of a full rendering of the same snapshot (docs/never-stale.md): the log is proven to hold
every change since; what it does not name has the same rows and the same context as before, and rendering is
pure. Whatever is not proven is a reason to render in full.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from fhirexport_server.cache.entry import Base, Description
from fhirexport_server.domain.changes import Changes, Keys
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.errors import DatabaseUnavailableError, EjNotFoundError
from fhirexport_server.domain.outcomes import FullReason
from fhirexport_server.domain.revision import Revision, Token
from fhirexport_server.domain.segments import Segment, Totals, end
from fhirexport_server.exports import etags, pipeline
from fhirexport_server.exports.producing.changed_segments import ChangedSegments, TooMuchLostError
from fhirexport_server.exports.producing.kept_segments import KeptSegments
from fhirexport_server.exports.producing.order import Update
from fhirexport_server.exports.request import ExportRequest
from fhirexport_server.exports.spool import Spool
from fhirexport_server.fhir.rendering import context_text
from fhirexport_server.fhir.rendering.ej_context import EjContext
from fhirexport_server.formats.splicing import touched
from fhirexport_server.runtime.interrupt import Interrupt
from fhirexport_server.store.database import Database
from fhirexport_server.store.snapshot import SnapshotReader


@dataclass(frozen=True)
class ChangedRendering:
    """A rendering to bring up to date."""

    database: Database
    request: ExportRequest
    base_url: str
    required: Revision | None
    """The revision that the rendering must contain; an earlier snapshot is refused."""
    base: Description
    """The rendering to start from. It has a `base`."""
    kept: KeptSegments
    lost: tuple[Segment, ...] = ()
    """Segments of it that are known to be kept no longer: they are rendered again, changed or not."""

    def run(self, spool: Spool, interrupt: Interrupt) -> Update | FullReason:
        """Render what has changed into the spool. It blocks: call it in a thread.

        Raises:
            EjNotFoundError, RowNotRenderableError, DatabaseUnavailableError, SpoolFullError: As a full
                rendering.
        """
        request, read_time = self.request, datetime.now(UTC)
        with self.database.snapshot(interrupt, request.dataset) as rows:
            revision = rows.revision(request.ej_id, request.dataset)
            if self.required is not None and etags.is_behind(revision, self.required):
                raise DatabaseUnavailableError
            found = self._changes(rows)
            if isinstance(found, FullReason):
                return found
            changes, shared = found
            position = rows.position(request.ej_id, request.dataset)
            changed = ChangedSegments(
                self.request,
                self.base_url,
                self.base.manifest,
                self.kept,
                rows,
                changes,
                shared,
                spool,
                interrupt,
            )
            try:
                manifest = changed.manifest()
            except TooMuchLostError:
                return FullReason.LOST
        resources = sum(segment.resource_count for segment in manifest.segments)
        size = sum(segment.size for segment in manifest.segments)
        description = Description(
            etags.etag(revision, request, self.base_url),
            Token(request.ej_id, request.dataset, revision).encode(),
            read_time,
            Totals(resources, size, ""),
            manifest,
            None if position is None else Base(position, context_text.dump(shared)),
        )
        listed = {segment.digest for segment in manifest.segments}
        fresh = {digest: stored for digest, stored in changed.fresh.items() if digest in listed}
        return Update(description, fresh, changed.rendered)

    def _changes(self, rows: SnapshotReader) -> tuple[Changes, EjContext] | FullReason:
        """Return what has changed, and the context to render it in; or why that is not enough."""
        request, base = self.request, self.base.base
        if base is None or request.dataset is Dataset.STRUCTURE:
            return FullReason.NO_BASE
        since = Token.decode(self.base.revision).revision
        changes = rows.changes(request.ej_id, request.dataset, since, base.position)
        if isinstance(changes, FullReason):
            return changes
        try:
            before = context_text.load(base.context, request.ej_id, self.base_url)
        except ValueError:
            return FullReason.NO_BASE
        shared = before
        if changes.context:
            ej = rows.ej(request.ej_id)
            if ej is None:
                raise EjNotFoundError(request.ej_id)
            shared = pipeline.context(rows, ej, request, self.base_url)
            if not context_text.covers(shared, before):
                return FullReason.CONTEXT
        if _many(self.base.manifest.segments, changes):
            return FullReason.TOO_MANY
        return self._with_lost(changes), shared

    def _with_lost(self, changes: Changes) -> Changes:
        """Add the blocks of what is lost to the changes, for to render a segment again is to change it."""
        if not self.lost:
            return changes
        blocks = ((segment.block.lo, end(segment.block) - 1) for segment in self.lost)
        return replace(changes, ranges=_united((*changes.ranges, *blocks)))


def _united(ranges: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Return ranges in order and apart."""
    united: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if united and first <= united[-1][1]:
            united[-1] = (united[-1][0], max(last, united[-1][1]))
        else:
            united.append((first, last))
    return tuple(united)


def _many(segments: Sequence[Segment], changes: Keys) -> bool:
    """Return whether more than half of the ids may have changed."""
    ranged = touched(segments, Keys(ranges=changes.ranges))
    named = len(changes.ids) + sum(segments[index].ids for index in ranged)
    return 2 * named > sum(segment.ids for segment in segments)

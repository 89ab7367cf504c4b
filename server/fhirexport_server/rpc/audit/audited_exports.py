"""Exports and watches that give nothing away before that is written down."""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager

from fhirexport_server.domain.datasets import EjDataset
from fhirexport_server.domain.rows import EjRow
from fhirexport_server.exports.rendering import Rendering
from fhirexport_server.exports.request import ExportRequest
from fhirexport_server.rpc.audit.call_audit import CallAudit
from fhirexport_server.rpc.exports.service import Exports, Watches
from fhirexport_server.watches.watch import Watch


class AuditedExports:
    """An exporter whose renderings are opened for the call in progress."""

    def __init__(self, exports: Exports, audit: CallAudit) -> None:
        self._exports = exports
        self._audit = audit

    @asynccontextmanager
    async def open(self, request: ExportRequest) -> AsyncIterator[Rendering]:
        """Open a rendering, as an exporter does; it is written down before any of it can be read.

        Raises:
            AuditUnavailableError: It could not be written down.
        """
        async with self._exports.open(request) as rendering:
            snapshot, totals = rendering.snapshot, rendering.totals
            size = {} if totals is None else {"resources": totals.resource_count, "bytes": totals.size_bytes}
            await self._audit.begin(
                ej_id=request.ej_id,
                dataset=request.dataset.value,
                format=request.format.value,
                source=snapshot.source.value,
                etag=snapshot.etag,
                not_modified=rendering.not_modified,
                **size,
            )
            yield rendering

    async def legal_entities(
        self, *, finess: str | None, after_id: int, limit: int, ids: Collection[int] | None = None
    ) -> list[EjRow]:
        """Return EJs, as an exporter does.

        Raises:
            AuditUnavailableError: It could not be written down.
        """
        await self._audit.begin()
        return await self._exports.legal_entities(finess=finess, after_id=after_id, limit=limit, ids=ids)


class AuditedWatches:
    """Watches that tell nothing before that is written down."""

    def __init__(self, watches: Watches, audit: CallAudit) -> None:
        self._watches = watches
        self._audit = audit

    @asynccontextmanager
    async def watching(self, known: Mapping[EjDataset, str]) -> AsyncIterator[Watch]:
        """Open a watch, as the hub does.

        Raises:
            AuditUnavailableError: It could not be written down.
        """
        watched: dict[str, list[int]] = {}
        for export in known:
            watched.setdefault(export.dataset.value, []).append(export.ej_id)
        await self._audit.begin(watched=watched)
        async with self._watches.watching(known) as watch:
            yield watch

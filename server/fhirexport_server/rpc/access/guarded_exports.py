"""Exports and watches that the caller has a right to, and no others."""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager

from fhirexport_server.access.right import Action
from fhirexport_server.domain.datasets import Dataset, EjDataset
from fhirexport_server.domain.identity import Identity
from fhirexport_server.domain.rows import EjRow
from fhirexport_server.exports.rendering import Rendering
from fhirexport_server.exports.request import ExportRequest
from fhirexport_server.rpc import call
from fhirexport_server.rpc.access.call_rights import CallRights
from fhirexport_server.rpc.exports.service import Exports, Watches
from fhirexport_server.watches.watch import Watch


class GuardedExports:
    """An exporter that refuses before it looks anything up."""

    def __init__(self, exports: Exports, rights: CallRights, action: Action = Action.EXPORT) -> None:
        """Guard an exporter.

        Args:
            exports: The exporter.
            rights: Decides.
            action: What an export is opened for.
        """
        self._exports = exports
        self._rights = rights
        self._action = action

    @asynccontextmanager
    async def open(self, request: ExportRequest) -> AsyncIterator[Rendering]:
        """Open a rendering, as an exporter does.

        Raises:
            AccessDeniedError: The caller may not have it.
        """
        # To look after a cache is no matter of datasets.
        dataset = request.dataset if self._action is Action.EXPORT else None
        self._rights.require(self._action, request.ej_id, dataset)
        async with self._exports.open(request) as rendering:
            yield rendering

    async def legal_entities(
        self, *, finess: str | None, after_id: int, limit: int, ids: Collection[int] | None = None
    ) -> list[EjRow]:
        """Return EJs, as an exporter does, of which the caller may export anything."""
        reach = self._rights.exported()
        seen = ids if reach.every else reach.ids if ids is None else reach.ids.intersection(ids)
        return await self._exports.legal_entities(finess=finess, after_id=after_id, limit=limit, ids=seen)


class GuardedWatches:
    """Watches that end when their callers lose the right to them."""

    def __init__(self, watches: Watches, rights: CallRights) -> None:
        self._watches = watches
        self._rights = rights
        self._open: dict[Watch, Identity | None] = {}

    @asynccontextmanager
    async def watching(self, known: Mapping[EjDataset, str]) -> AsyncIterator[Watch]:
        """Open a watch, as the hub does.

        Raises:
            AccessDeniedError: The caller may not watch all of these datasets.
        """
        for export in known:
            self._rights.require(Action.WATCH, *export)
        async with self._watches.watching(known) as watch:
            self._open[watch] = call.current().identity
            try:
                yield watch
            finally:
                del self._open[watch]

    def review(self) -> None:
        """End the watches that are no longer permitted. Call it when anything is decided otherwise."""
        for watch, identity in self._open.items():
            reaches = {dataset: self._rights.reach_of(identity, Action.WATCH, dataset) for dataset in Dataset}
            if not all(reaches[export.dataset].holds(export.ej_id) for export in watch.exports):
                watch.fail(self._rights.refusal(Action.WATCH))

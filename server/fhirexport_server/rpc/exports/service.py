"""ExportService: validates requests, asks the exporter, returns responses."""

from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Protocol, cast

from fhirexport.v1.export_service_pb2 import (
    ExportPatientsRequest,
    ExportPatientsResponse,
    ExportStructureRequest,
    ExportStructureResponse,
    ExportVenuesRequest,
    ExportVenuesResponse,
    ListLegalEntitiesRequest,
    ListLegalEntitiesResponse,
    StreamExportRequest,
    StreamExportResponse,
    WatchExportsRequest,
    WatchExportsResponse,
)
from fhirexport.v1.export_service_pb2_grpc import ExportServiceServicer

from fhirexport_server.domain.datasets import Dataset, EjDataset
from fhirexport_server.domain.errors import ExportTooLargeError
from fhirexport_server.domain.rows import EjRow
from fhirexport_server.exports.rendering import Chunk, Rendering
from fhirexport_server.exports.request import ExportRequest
from fhirexport_server.rpc import call
from fhirexport_server.rpc.call import Context
from fhirexport_server.rpc.exports import messages, pages, requests, watching
from fhirexport_server.rpc.exports.content_events import ContentEvents, Sent, sent_whole
from fhirexport_server.rpc.interceptors.request_id import send_metadata
from fhirexport_server.watches.watch import Watch


class Exports(Protocol):
    """The exporter as this service uses it."""

    def open(self, request: ExportRequest) -> AbstractAsyncContextManager[Rendering]:
        """Open a rendering. Leaving the context abandons it.

        Raises:
          FhirExportError: The export failed, on entering or while the chunks are read.
        """

    async def legal_entities(
        self, *, finess: str | None, after_id: int, limit: int, ids: Collection[int] | None = None
    ) -> list[EjRow]:
        """Return at most `limit` EJs by ascending id, from the one after `after_id`; only those of `ids`.

        Raises:
          FhirExportError: The database cannot be read.
        """


class Watches(Protocol):
    """The watches as this service uses them."""

    def watching(self, known: Mapping[EjDataset, str]) -> AbstractAsyncContextManager[Watch]:
        """Open a watch, until its caller leaves the context.

        Args:
          known: The datasets to watch, each with the token that the caller has; empty where it has none.
        """


class ExportService(ExportServiceServicer):
    """Implements `fhirexport.v1.ExportService`. It raises domain errors, which the chain translates."""

    def __init__(self, exporter: Exports, watches: Watches, unary_bytes: int) -> None:
        self._exporter = exporter
        self._watches = watches
        self._unary_bytes = unary_bytes

    async def ListLegalEntities(  # noqa: N802 - the contract's name
        self, request: ListLegalEntitiesRequest, _context: Context
    ) -> ListLegalEntitiesResponse:
        """Return a page of EJs."""
        page = pages.page(request)
        rows = await self._exporter.legal_entities(
            finess=page.finess, after_id=page.after_id, limit=page.size + 1
        )
        page_rows = rows[: page.size]
        return ListLegalEntitiesResponse(
            legal_entities=[messages.legal_entity(row) for row in page_rows],
            next_page_token=page.next_token(page_rows[-1].id) if len(rows) > len(page_rows) else "",
        )

    async def ExportStructure(  # noqa: N802 - the contract's name
        self, request: ExportStructureRequest, _context: Context
    ) -> ExportStructureResponse:
        """Return an EJ's structure."""
        valid = requests.unary(request, Dataset.STRUCTURE)
        return await self._unary(ExportStructureResponse, valid)

    async def ExportPatients(  # noqa: N802 - the contract's name
        self, request: ExportPatientsRequest, _context: Context
    ) -> ExportPatientsResponse:
        """Return an EJ's patients."""
        valid = requests.unary(request, Dataset.PATIENTS)
        return await self._unary(ExportPatientsResponse, valid)

    async def ExportVenues(  # noqa: N802 - the contract's name
        self, request: ExportVenuesRequest, _context: Context
    ) -> ExportVenuesResponse:
        """Return an EJ's venues."""
        valid = requests.unary(request, Dataset.VENUES)
        return await self._unary(ExportVenuesResponse, valid)

    async def StreamExport(  # noqa: N802 - the contract's name
        self, request: StreamExportRequest, context: Context
    ) -> AsyncGenerator[StreamExportResponse, None]:
        """Yield a dataset of any size."""
        valid = requests.stream(request)
        _note_request(valid.request)
        async with self._exporter.open(valid.request) as rendering:
            _note_rendering(rendering)
            await send_metadata(context, ("cache-status", rendering.cache_status))
            yield messages.started(rendering)
            if rendering.not_modified:
                yield messages.finished(None)
                return
            content = ContentEvents(rendering, zstd=valid.zstd)
            async with aclosing(content.events()) as events:
                async for event in events:
                    yield event
            yield content.finished()

    async def WatchExports(  # noqa: N802 - the contract's name
        self, request: WatchExportsRequest, context: Context
    ) -> AsyncGenerator[WatchExportsResponse, None]:
        """Yield new revisions, until the watch ends."""
        known = watching.watched(request)
        del request  # a watch lasts
        facts = call.current().facts
        facts.update(exports=len(known), told=0)
        async with self._watches.watching(known) as watch:
            batches = 0
            async for notices in watch.batches():
                if not batches:
                    await send_metadata(context)
                batches += 1
                yield watching.told(notices)
                facts.update(told=int(facts["told"]) + len(notices))

    async def _unary(
        self, kind: type[messages.UnaryResponse], valid: requests.ValidRequest
    ) -> messages.UnaryResponse:
        _note_request(valid.request)
        async with self._exporter.open(valid.request) as rendering:
            _note_rendering(rendering)
            response: messages.UnaryResponse | messages.Serialized
            if rendering.whole is not None:
                response = rendering.whole
                if rendering.totals is not None:
                    sent_whole(rendering.totals)
                await call.current().room(len(response))
            else:
                chunks = None if rendering.not_modified else await self._collected(rendering)
                await call.current().room(
                    sum(len(chunk.frame) if valid.zstd else chunk.size for chunk in chunks or ())
                )
                response = messages.unary(kind, rendering, chunks, zstd=valid.zstd)
                if isinstance(response, bytes):
                    rendering.keep_whole(response)
            call.current().metadata = (("cache-status", rendering.cache_status),)
            return cast("messages.UnaryResponse", response)  # bytes are sent as they are

    async def _collected(self, rendering: Rendering) -> list[Chunk]:
        """Return all chunks, or raise ExportTooLargeError."""
        if rendering.totals is not None and rendering.totals.size_bytes > self._unary_bytes:
            raise ExportTooLargeError(rendering.totals.size_bytes, self._unary_bytes)
        chunks, sent = [], Sent()
        async for chunk in rendering.chunks():
            sent.add(chunk)
            if sent.size > self._unary_bytes:
                raise ExportTooLargeError(sent.size, self._unary_bytes)
            chunks.append(chunk)
        return chunks


def _note_request(request: ExportRequest) -> None:
    call.current().facts.update(
        ej_id=request.ej_id, dataset=request.dataset.value, format=request.format.value
    )


def _note_rendering(rendering: Rendering) -> None:
    call.current().facts.update(source=rendering.snapshot.source.value, etag=rendering.snapshot.etag)

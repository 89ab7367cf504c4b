"""Owns ExportService: requests in, the exporter asked, answers out."""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager
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
)
from fhirexport.v1.export_service_pb2_grpc import ExportServiceServicer

from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.errors import ExportTooLargeError
from fhirexport_server.domain.rows import EjRow
from fhirexport_server.exports.rendering import Chunk, Rendering
from fhirexport_server.exports.request import ExportRequest
from fhirexport_server.rpc import call
from fhirexport_server.rpc.call import Context
from fhirexport_server.rpc.exports import messages, pages, requests, resumption
from fhirexport_server.rpc.interceptors.request_id import send_metadata


class Exports(Protocol):
    """What this service asks of an exporter."""

    def open(self, request: ExportRequest) -> AbstractAsyncContextManager[Rendering]:
        """Renders an export; leaving the context gives it up.

        Raises:
          FhirExportError: on entering, or while the chunks are read.
        """

    async def legal_entities(self, *, finess: str | None, after_id: int, limit: int) -> list[EjRow]:
        """Returns up to `limit` EJs in the order of their ids, from the first one after `after_id`.

        Raises:
          FhirExportError: the database cannot be read.
        """


class ExportService(ExportServiceServicer):
    """Answers the methods of `fhirexport.v1.ExportService`. Raises domain errors; the chain answers those."""

    def __init__(self, exporter: Exports, unary_bytes: int) -> None:
        self._exporter = exporter
        self._unary_bytes = unary_bytes

    async def ListLegalEntities(  # noqa: N802 - the contract's name
        self, request: ListLegalEntitiesRequest, context: Context
    ) -> ListLegalEntitiesResponse:
        """Answers with a page of EJs."""
        page = pages.page(request)
        rows = await self._exporter.legal_entities(
            finess=page.finess, after_id=page.after_id, limit=page.size + 1
        )
        shown = rows[: page.size]
        await send_metadata(context)
        return ListLegalEntitiesResponse(
            legal_entities=[messages.legal_entity(row) for row in shown],
            next_page_token=page.next_token(shown[-1].id) if len(rows) > len(shown) else "",
        )

    async def ExportStructure(  # noqa: N802 - the contract's name
        self, request: ExportStructureRequest, context: Context
    ) -> ExportStructureResponse:
        """Answers with an EJ's structure."""
        wanted = requests.unary(request, Dataset.STRUCTURE)
        return await self._unary(ExportStructureResponse, wanted, context)

    async def ExportPatients(  # noqa: N802 - the contract's name
        self, request: ExportPatientsRequest, context: Context
    ) -> ExportPatientsResponse:
        """Answers with an EJ's patients."""
        wanted = requests.unary(request, Dataset.PATIENTS)
        return await self._unary(ExportPatientsResponse, wanted, context)

    async def ExportVenues(  # noqa: N802 - the contract's name
        self, request: ExportVenuesRequest, context: Context
    ) -> ExportVenuesResponse:
        """Answers with an EJ's venues."""
        wanted = requests.unary(request, Dataset.VENUES)
        return await self._unary(ExportVenuesResponse, wanted, context)

    async def StreamExport(  # noqa: N802 - the contract's name
        self, request: StreamExportRequest, context: Context
    ) -> AsyncGenerator[StreamExportResponse, None]:
        """Answers with a dataset of any size."""
        wanted = requests.stream(request)
        _note_request(wanted.request)
        async with self._exporter.open(wanted.request) as rendering:
            _note_rendering(rendering)
            await send_metadata(context, ("cache-status", rendering.cache_status))
            yield messages.started(rendering)
            if rendering.not_modified:
                yield messages.finished(None)
                return
            sent, number = _Sent(), 0
            etag, had = rendering.snapshot.etag, wanted.request.resume.chunks if wanted.request.resume else 0
            async for chunk in rendering.chunks():
                number += 1
                if number > had:
                    # The generated classes know of no message that is written already.
                    run = messages.run(chunk, resumption.token(etag, number), zstd=wanted.zstd)
                    yield cast("StreamExportResponse", run)
                    sent.add(chunk)
            if rendering.totals is None:
                raise RuntimeError("the chunks have ended and there are no totals")
            yield messages.finished(rendering.totals)

    async def _unary(
        self, kind: type[messages.UnaryResponse], wanted: requests.Wanted, context: Context
    ) -> messages.UnaryResponse:
        _note_request(wanted.request)
        async with self._exporter.open(wanted.request) as rendering:
            _note_rendering(rendering)
            chunks = None if rendering.not_modified else await self._collected(rendering)
            await call.current().room(
                sum(len(one.frame) if wanted.zstd else one.size for one in chunks or ())
            )
            answer = messages.unary(kind, rendering, chunks, zstd=wanted.zstd)
            # Only now: a call whose metadata has been sent is one that gRPC never retries.
            await send_metadata(context, ("cache-status", rendering.cache_status))
            return cast("messages.UnaryResponse", answer)  # as above

    async def _collected(self, rendering: Rendering) -> list[Chunk]:
        """Returns every chunk, unless they are more than one message holds."""
        if rendering.totals is not None and rendering.totals.size_bytes > self._unary_bytes:
            raise ExportTooLargeError(rendering.totals.size_bytes, self._unary_bytes)
        chunks, sent = [], _Sent()
        async for chunk in rendering.chunks():
            sent.add(chunk)
            if sent.size > self._unary_bytes:
                raise ExportTooLargeError(sent.size, self._unary_bytes)
            chunks.append(chunk)
        return chunks


class _Sent:
    """Counts what an answer holds, for its line in the log."""

    def __init__(self) -> None:
        self.size = 0
        self._resources = 0

    def add(self, chunk: Chunk) -> None:
        self.size += chunk.size
        self._resources += chunk.resource_count
        call.current().facts.update(resources=self._resources, bytes=self.size)


def _note_request(request: ExportRequest) -> None:
    call.current().facts.update(
        ej_id=request.ej_id, dataset=request.dataset.value, format=request.format.value
    )


def _note_rendering(rendering: Rendering) -> None:
    call.current().facts.update(source=rendering.snapshot.source.value, etag=rendering.snapshot.etag)

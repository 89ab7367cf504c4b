"""The service of exports, played from a script."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import grpc
import zstandard

from fhirexport.cache_models import DATASETS, Dataset
from fhirexport.errors import Violation
from fhirexport.testing.content import Chunk
from fhirexport.testing.content_events import content_events
from fhirexport.testing.failures import Failure
from fhirexport.testing.script import Held, Script
from fhirexport.testing.watches import watched
from fhirexport.v1 import export_service_pb2 as messages
from fhirexport.v1 import types_pb2
from fhirexport.v1.export_service_pb2_grpc import ExportServiceServicer

_NAMES: dict[int, Dataset] = {number: name for name, number in DATASETS.items()}
_MOST_BYTES = 3 * 1024 * 1024
_MOVEMENTS = types_pb2.VENUE_DETAIL_MOVEMENTS

UnaryRequest = messages.ExportStructureRequest | messages.ExportPatientsRequest | messages.ExportVenuesRequest


@dataclass(frozen=True)
class _Rendering:
    """A dataset in one format."""

    held: Held
    etag: str
    chunks: Sequence[Chunk]

    @property
    def content(self) -> bytes:
        return b"".join(chunk.content for chunk in self.chunks)

    @property
    def digests(self) -> list[bytes]:
        return [chunk.digest for chunk in self.chunks if chunk.digest]

    @property
    def root(self) -> str:
        return hashlib.sha256(b"".join(self.digests)).hexdigest()

    @property
    def resource_count(self) -> int:
        return len(self.held.content.lines)

    def snapshot(self) -> types_pb2.Snapshot:
        snapshot = types_pb2.Snapshot(
            etag=self.etag,
            revision=self.held.revision,
            resource_count=self.resource_count,
            size_bytes=len(self.content),
            source=types_pb2.Snapshot.SOURCE_DATABASE,
            root=self.root,
            rendered_count=self.resource_count,
            incarnation=self.held.incarnation,
        )
        snapshot.read_time.FromDatetime(self.held.read_time)
        return snapshot


class Exports(ExportServiceServicer):
    """Answers with what a test has put there."""

    def __init__(self, script: Script, cut: tuple[int, int], *, knows_roots: bool) -> None:
        """Make the service.

        Args:
            script: what the test says.
            cut: how many resources a chunk has at most, and how many chunks a segment.
            knows_roots: whether it understands the roots of what it has sent.
        """
        self._script = script
        self._cut = cut
        self._knows_roots = knows_roots
        self._sent: dict[str, list[bytes]] = {}

    def ListLegalEntities(
        self, request: messages.ListLegalEntitiesRequest, context: grpc.ServicerContext
    ) -> messages.ListLegalEntitiesResponse:
        """Return a page of EJs."""
        request_id, scripted = self._script.receive("ListLegalEntities", request, context)
        if scripted is not None:
            scripted.failure.abort(context, request_id)
        start, size = int(request.page_token or 0), request.page_size or 100
        entities = self._script.pages(request.finess)
        return messages.ListLegalEntitiesResponse(
            legal_entities=[
                messages.LegalEntity(
                    ej_id=entity.ej_id, finess=entity.finess, name=entity.name, active=entity.active
                )
                for entity in entities[start : start + size]
            ],
            next_page_token=str(start + size) if start + size < len(entities) else "",
        )

    def ExportStructure(
        self, request: messages.ExportStructureRequest, context: grpc.ServicerContext
    ) -> messages.ExportStructureResponse:
        """Return the structure in one message."""
        answer = messages.ExportStructureResponse()
        self._fill(answer, "structure", request, context)
        return answer

    def ExportPatients(
        self, request: messages.ExportPatientsRequest, context: grpc.ServicerContext
    ) -> messages.ExportPatientsResponse:
        """Return the patients in one message."""
        answer = messages.ExportPatientsResponse()
        self._fill(answer, "patients", request, context)
        return answer

    def ExportVenues(
        self, request: messages.ExportVenuesRequest, context: grpc.ServicerContext
    ) -> messages.ExportVenuesResponse:
        """Return the venues in one message."""
        answer = messages.ExportVenuesResponse()
        self._fill(answer, "venues", request, context, movements=request.detail == _MOVEMENTS)
        return answer

    def StreamExport(
        self, request: messages.StreamExportRequest, context: grpc.ServicerContext
    ) -> Iterator[messages.StreamExportResponse]:
        """Yield the events of an export."""
        request_id, scripted = self._script.receive("StreamExport", request, context)
        if scripted is not None and not scripted.after_chunks:
            scripted.failure.abort(context, request_id)
        layout = request.format or types_pb2.FORMAT_NDJSON
        dataset = _NAMES.get(request.dataset)
        if dataset is None:
            _refused("dataset", "must be a dataset").abort(context, request_id)
        held = self._held(request.ej_id, dataset, context, request_id, movements=request.detail == _MOVEMENTS)
        rendering = self._rendering(held, layout)
        context.send_initial_metadata((("cache-status", "fhirexport; fwd=miss"),))
        yield messages.StreamExportResponse(started=rendering.snapshot())
        finished = messages.StreamExportResponse.Finished(
            not_modified=request.if_none_match == rendering.etag
        )
        if not finished.not_modified:
            zstd = types_pb2.ENCODING_ZSTD in request.accept_encodings
            have = self._sent.get(request.have.root) or list(request.have.digests)
            sent = 0
            for event in content_events(rendering.chunks, have, zstd=zstd):
                if scripted is not None and sent >= scripted.after_chunks:
                    break
                yield event
                sent += event.HasField("chunk")
            finished.sha256 = hashlib.sha256(rendering.content).hexdigest()
            finished.resource_count = rendering.resource_count
            finished.size_bytes = len(rendering.content)
            finished.root = rendering.root
            if self._knows_roots:
                self._sent[rendering.root] = rendering.digests
        if scripted is not None:
            scripted.failure.abort(context, request_id)
        yield messages.StreamExportResponse(finished=finished)

    def WatchExports(
        self, request: messages.WatchExportsRequest, context: grpc.ServicerContext
    ) -> Iterator[messages.WatchExportsResponse]:
        """Yield the revisions of what a test puts there."""
        yield from watched(request, self._script, context)

    def _held(
        self,
        ej_id: int,
        dataset: Dataset,
        context: grpc.ServicerContext,
        request_id: str,
        *,
        movements: bool,
    ) -> Held:
        if ej_id <= 0:
            _refused("ej_id", "must be a legal entity's id").abort(context, request_id)
        held = self._script.held(ej_id, dataset, movements=movements)
        if held is None:
            message = f"there is no legal entity (EJ) {ej_id}; ListLegalEntities lists those there are"
            Failure("EJ_NOT_FOUND", message, {"ej_id": str(ej_id)}).abort(context, request_id)
        return held

    def _rendering(self, held: Held, layout: int) -> _Rendering:
        return _Rendering(held, held.content.etag(layout), held.content.chunks(layout, *self._cut))

    def _fill(
        self,
        answer: messages.ExportStructureResponse
        | messages.ExportPatientsResponse
        | messages.ExportVenuesResponse,
        dataset: Dataset,
        request: UnaryRequest,
        context: grpc.ServicerContext,
        *,
        movements: bool = False,
    ) -> None:
        method = f"Export{dataset.capitalize()}"
        request_id, scripted = self._script.receive(method, request, context)
        if scripted is not None:
            scripted.failure.abort(context, request_id)
        held = self._held(request.ej_id, dataset, context, request_id, movements=movements)
        rendering = self._rendering(held, request.format or types_pb2.FORMAT_BUNDLE)
        content = rendering.content
        if len(content) > _MOST_BYTES:
            sizes = {"size_bytes": str(len(content)), "limit_bytes": str(_MOST_BYTES)}
            Failure("EXPORT_TOO_LARGE", "use StreamExport", sizes).abort(context, request_id)
        answer.snapshot.CopyFrom(rendering.snapshot())
        answer.not_modified = request.if_none_match == rendering.etag
        if not answer.not_modified and types_pb2.ENCODING_ZSTD in request.accept_encodings:
            answer.zstd = zstandard.compress(content)
        elif not answer.not_modified:
            answer.json = content.decode()


def _refused(field: str, description: str) -> Failure:
    return Failure(
        "INVALID_FIELD",
        f"the request is not valid: correct {field}",
        violations=(Violation(field, description),),
    )

"""Shows what ExportService answers: content in one message and in a stream, metadata, pages of EJs."""

import hashlib
import json
from collections.abc import AsyncIterable
from typing import Protocol

import grpc
import pytest
import zstandard
from fhirexport.v1.export_service_pb2 import (
    ExportPatientsRequest,
    ExportPatientsResponse,
    ExportStructureRequest,
    ExportStructureResponse,
    ExportVenuesRequest,
    ExportVenuesResponse,
    LegalEntity,
    ListLegalEntitiesRequest,
    StreamExportRequest,
    StreamExportResponse,
)
from fhirexport.v1.types_pb2 import (
    DATASET_PATIENTS,
    DATASET_STRUCTURE,
    DATASET_VENUES,
    ENCODING_ZSTD,
    FORMAT_BUNDLE,
    FORMAT_NDJSON,
    FORMAT_TRANSACTION,
    VENUE_DETAIL_MOVEMENTS,
    Dataset,
    Snapshot,
)
from fhirexport_server.domain.rows import Batch
from fhirexport_server.store.loader import load
from support.server import exporting

DATASETS = (DATASET_STRUCTURE, DATASET_PATIENTS, DATASET_VENUES)


class _Call(Protocol):
    async def initial_metadata(self) -> grpc.aio.Metadata | None: ...
    async def trailing_metadata(self) -> grpc.aio.Metadata | None: ...


def _text(frames: bytes) -> str:
    reader = zstandard.ZstdDecompressor().stream_reader(frames, read_across_frames=True)
    return reader.read().decode()


async def _events(stream: AsyncIterable[StreamExportResponse]) -> list[StreamExportResponse]:
    return [event async for event in stream]


async def _metadata(call: _Call) -> tuple[dict[str, str | bytes], dict[str, str | bytes]]:
    return dict(await call.initial_metadata() or ()), dict(await call.trailing_metadata() or ())


async def test_each_dataset_is_answered_in_one_message(demo_database_url: str) -> None:
    async with exporting(demo_database_url) as stub:
        answers: list[ExportStructureResponse | ExportPatientsResponse | ExportVenuesResponse] = [
            await stub.ExportStructure(ExportStructureRequest(ej_id=1)),
            await stub.ExportPatients(ExportPatientsRequest(ej_id=1)),
            await stub.ExportVenues(ExportVenuesRequest(ej_id=1)),
        ]
    bundles = [json.loads(answer.json) for answer in answers]
    assert [(bundle["resourceType"], bundle["type"]) for bundle in bundles] == [("Bundle", "collection")] * 3
    types = [{entry["resource"]["resourceType"] for entry in bundle["entry"]} for bundle in bundles]
    assert types == [{"Organization", "Location"}, {"Patient"}, {"Encounter"}]
    for answer, bundle in zip(answers, bundles, strict=True):
        assert answer.snapshot.resource_count == len(bundle["entry"])
        assert answer.snapshot.size_bytes == len(answer.json.encode())
        assert answer.snapshot.source == Snapshot.SOURCE_DATABASE
        assert answer.snapshot.etag.startswith('"')
        assert answer.snapshot.revision
        assert answer.snapshot.read_time.seconds > 0
        assert not answer.not_modified


@pytest.mark.parametrize("dataset", DATASETS)
@pytest.mark.parametrize("format_", [FORMAT_BUNDLE, FORMAT_TRANSACTION, FORMAT_NDJSON])
async def test_a_stream_holds_the_same_bytes_in_text_and_in_frames(
    demo_database_url: str, dataset: Dataset, format_: int
) -> None:
    request = StreamExportRequest(ej_id=1, dataset=dataset, format=format_)  # type: ignore[arg-type]  # a plain int here
    async with exporting(demo_database_url) as stub:
        plain = await _events(stub.StreamExport(request))
        request.accept_encodings.append(ENCODING_ZSTD)
        packed = await _events(stub.StreamExport(request))
    text = "".join(event.chunk.json for event in plain)
    assert _text(b"".join(event.chunk.zstd for event in packed)) == text
    for events in (plain, packed):
        kinds = [event.WhichOneof("event") for event in events]
        assert kinds == ["started", *["chunk"] * (len(events) - 2), "finished"]
        finished = events[-1].finished
        assert finished.sha256 == hashlib.sha256(text.encode()).hexdigest()
        assert finished.size_bytes == len(text.encode())
        assert finished.resource_count == sum(event.chunk.resource_count for event in events)
        assert finished.resource_count == text.count('"resourceType":') - (format_ != FORMAT_NDJSON)


async def test_one_message_holds_what_the_stream_does(small_url: str) -> None:
    streamed = StreamExportRequest(ej_id=1, dataset=DATASET_PATIENTS)
    request = ExportPatientsRequest(ej_id=1, format=FORMAT_NDJSON)
    async with exporting(small_url) as stub:
        events = await _events(stub.StreamExport(streamed))
        plain = await stub.ExportPatients(request)
        request.accept_encodings.append(ENCODING_ZSTD)
        packed = await stub.ExportPatients(request)
    assert plain.json == "".join(event.chunk.json for event in events)
    assert plain.WhichOneof("content") == "json"
    assert packed.WhichOneof("content") == "zstd"
    assert _text(packed.zstd) == plain.json
    assert packed.snapshot.size_bytes == len(plain.json.encode())


async def test_movements_are_shown_when_they_are_wanted(small_url: str) -> None:
    async with exporting(small_url) as stub:
        summary = await stub.ExportVenues(ExportVenuesRequest(ej_id=1))
        detailed = await stub.ExportVenues(ExportVenuesRequest(ej_id=1, detail=VENUE_DETAIL_MOVEMENTS))
    assert (summary.snapshot.resource_count, detailed.snapshot.resource_count) == (1, 2)
    assert "partOf" in detailed.json
    assert "partOf" not in summary.json


async def test_an_etag_that_still_holds_is_answered_without_content(small_url: str) -> None:
    async with exporting(small_url) as stub:
        first = await stub.ExportPatients(ExportPatientsRequest(ej_id=1))
        etag = first.snapshot.etag
        second = await stub.ExportPatients(ExportPatientsRequest(ej_id=1, if_none_match=etag))
        bundle = StreamExportRequest(
            ej_id=1, dataset=DATASET_PATIENTS, format=FORMAT_BUNDLE, if_none_match=etag.strip('"')
        )
        events = await _events(stub.StreamExport(bundle))
        other = await stub.ExportPatients(ExportPatientsRequest(ej_id=1, if_none_match='"other"'))
    assert (second.not_modified, second.WhichOneof("content")) == (True, None)
    assert second.snapshot.etag == etag
    assert [event.WhichOneof("event") for event in events] == ["started", "finished"]
    assert events[1].finished.not_modified
    assert (other.not_modified, other.json) == (False, first.json)


async def test_a_large_stream_is_cut_into_messages_that_every_client_accepts(
    demo_database_url: str,
) -> None:
    request = StreamExportRequest(ej_id=1, dataset=DATASET_PATIENTS)
    async with exporting(demo_database_url) as stub:
        events = await _events(stub.StreamExport(request))
    assert len(events) > 3
    assert max(event.ByteSize() for event in events) < 1024 * 1024
    assert all(event.chunk.json.endswith("\n") for event in events[1:-1])


@pytest.mark.parametrize("sent", [None, "abc-DEF_1.2", "x" * 64])
async def test_answers_say_where_they_come_from_and_who_asked(small_url: str, sent: str | None) -> None:
    metadata = (("x-request-id", sent),) if sent else None
    stream = StreamExportRequest(ej_id=1, dataset=DATASET_VENUES)
    async with exporting(small_url) as stub:
        unary = stub.ExportVenues(ExportVenuesRequest(ej_id=1), metadata=metadata)
        await unary
        streamed = stub.StreamExport(stream, metadata=metadata)
        await _events(streamed)
        answered = [await _metadata(unary), await _metadata(streamed)]
    for initial, trailing in answered:
        assert str(initial["cache-status"]).startswith("fhirexport")
        assert initial["x-request-id"] == trailing["x-request-id"]
        assert trailing["x-request-id"] == sent or sent is None
        assert trailing["x-request-id"]
    made = {trailing["x-request-id"] for _, trailing in answered}
    assert len(made) == (1 if sent else 2)


@pytest.mark.parametrize("sent", ["", "a b", "x" * 65, '{"a":1}'])
async def test_a_request_id_that_does_not_belong_in_a_log_is_replaced(small_url: str, sent: str) -> None:
    async with exporting(small_url) as stub:
        call = stub.ListLegalEntities(ListLegalEntitiesRequest(), metadata=(("x-request-id", sent),))
        await call
        _, trailing = await _metadata(call)
    assert trailing["x-request-id"] not in ("", sent)


async def test_legal_entities_are_listed_in_pages(small_url: str) -> None:
    more = [{"id": n, "finess": f"75000000{n}", "name": f"EJ {n}", "active": n % 2 == 0} for n in range(2, 6)]
    load(small_url, [Batch("ej", more)])
    found: list[LegalEntity] = []
    request = ListLegalEntitiesRequest(page_size=2)
    sizes = []
    async with exporting(small_url) as stub:
        while True:
            page = await stub.ListLegalEntities(request)
            sizes.append(len(page.legal_entities))
            found += page.legal_entities
            if not page.next_page_token:
                break
            request.page_token = page.next_page_token
    assert sizes == [2, 2, 1]
    assert [entity.ej_id for entity in found] == [1, 2, 3, 4, 5]
    assert found[2] == LegalEntity(ej_id=3, finess="750000003", name="EJ 3", active=False)


async def test_a_legal_entity_is_found_by_its_finess_number(small_url: str) -> None:
    async with exporting(small_url) as stub:
        found = await stub.ListLegalEntities(ListLegalEntitiesRequest(finess="010780054"))
        none = await stub.ListLegalEntities(ListLegalEntitiesRequest(finess="999999999"))
    assert [entity.ej_id for entity in found.legal_entities] == [1]
    assert (list(none.legal_entities), none.next_page_token) == ([], "")

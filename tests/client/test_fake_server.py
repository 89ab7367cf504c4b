"""Shows that the server for the tests of others answers, fails and breaks as the real one does."""

import asyncio
import json
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any, get_args

import grpc
import pytest
from fhirexport import (
    AsyncClient,
    Client,
    ExportError,
    InvalidArgumentError,
    NotFoundError,
    OverloadedError,
    ServerError,
    SnapshotGoneError,
    TooLargeError,
    UnavailableError,
    Violation,
)
from fhirexport.cache_models import Dataset
from fhirexport.models import Format
from fhirexport.testing import Failure, FakeServer, Reason
from fhirexport.v1 import types_pb2
from fhirexport.v1.export_service_pb2 import StreamExportRequest
from fhirexport.v1.export_service_pb2_grpc import ExportServiceStub
from google.rpc.error_details_pb2 import ErrorInfo
from support.reasons import Row, documented
from support.server import running_server, wait_for_health

if TYPE_CHECKING:
    from fhirexport.v1.export_service_pb2_grpc import ExportServiceAsyncStub  # exists for type checkers only

PATIENTS = [{"resourceType": "Patient", "id": f"pat-{n}"} for n in range(5)]
FORMATS: tuple[Format, ...] = get_args(Format)

Ask = Callable[[Any], Any]
"""Asks either client for an export."""
Read = Callable[..., Awaitable[bytes]]


def _patients(client: Any) -> Any:  # noqa: ANN401 - of either kind
    return client.patients(1)


async def _read_sync(address: str, ask: Ask = _patients, layout: Format = "ndjson") -> bytes:
    def read() -> bytes:
        with Client(address) as client:
            content: bytes = ask(client).read(layout)
            return content

    return await asyncio.to_thread(read)


async def _read_async(address: str, ask: Ask = _patients, layout: Format = "ndjson") -> bytes:
    async with AsyncClient(address) as client:
        content: bytes = await ask(client).read(layout)
        return content


@pytest.fixture(params=[_read_sync, _read_async], ids=["sync", "async"])
def read(request: pytest.FixtureRequest) -> Read:
    """Reads an export with one of the two clients."""
    way: Read = request.param
    return way


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer(chunk_resources=2) as server:
        yield server


async def test_it_lays_out_what_is_put_there_as_the_real_server_does(
    read: Read, server: FakeServer, small_url: str
) -> None:
    asked: tuple[tuple[Dataset, Ask], ...] = (
        ("structure", lambda client: client.structure(1)),
        ("patients", _patients),
        ("venues", lambda client: client.venues(1)),
    )
    async with running_server(small_url) as real:
        await wait_for_health(real)
        for dataset, ask in asked:
            server.put(1, dataset, await read(real, ask))
            for layout in FORMATS:
                content = await read(real, ask, layout)
                assert len(content) > 100
                assert await read(server.address, ask, layout) == content


async def test_it_lays_out_nothing_as_the_real_server_does(
    read: Read, server: FakeServer, new_database: Callable[[str], str]
) -> None:
    url = new_database("sqlite")
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
        connection.execute("INSERT INTO ej (id, finess, name) VALUES (1, '010780054', 'Bourg')")
    server.add_entity(1)
    async with running_server(url) as real:
        await wait_for_health(real)
        for layout in FORMATS:
            content = await read(real, _patients, layout)
            assert await read(server.address, _patients, layout) == content


@pytest.mark.parametrize("ej_id", [99, 0])
async def test_it_refuses_what_the_real_server_refuses(
    read: Read, ej_id: int, server: FakeServer, small_url: str
) -> None:
    errors = []
    async with running_server(small_url) as real:
        await wait_for_health(real)
        for address in (real, server.address):
            with pytest.raises(ExportError) as caught:
                await read(address, lambda client: client.patients(ej_id))
            errors.append(caught.value)
    there, here = errors
    assert (type(here), here.code, here.reason) == (type(there), there.code, there.reason)
    assert here.metadata.keys() == there.metadata.keys()
    assert [violation.field for violation in here.violations] == [
        violation.field for violation in there.violations
    ]


@pytest.mark.parametrize("reason", get_args(Reason))
def test_a_reason_comes_with_what_the_documentation_says(reason: Reason) -> None:
    status = Failure(reason).status("id")
    first, *details = status.details
    info = ErrorInfo()
    assert first.Unpack(info)
    assert (info.domain, info.metadata["request_id"]) == ("fhirexport", "id")
    sent = Row(
        next(code.name for code in grpc.StatusCode if code.value[0] == status.code),
        frozenset(info.metadata) - {"request_id"},
        frozenset(detail.type_url.rpartition(".")[2] for detail in details),
    )
    assert sent == documented()[reason]


def test_every_documented_reason_can_be_scripted() -> None:
    assert set(get_args(Reason)) == set(documented())
    with pytest.raises(ValueError, match="no server sends 'TYPO'"):
        Failure("TYPO")  # type: ignore[arg-type]


REASONS: dict[Reason, type[ExportError]] = {
    "EJ_NOT_FOUND": NotFoundError,
    "EXPORT_TOO_LARGE": TooLargeError,
    "TOO_MANY_EXPORTS": OverloadedError,
    "DATABASE_UNAVAILABLE": UnavailableError,
    "ROW_NOT_RENDERABLE": ServerError,
}


@pytest.mark.parametrize("reason", REASONS)
async def test_calls_fail_until_it_recovers(read: Read, reason: Reason, server: FakeServer) -> None:
    server.put(1, "patients", PATIENTS)
    server.fail(Failure(reason, "said so", {"limit": "7"}), times=None)
    with pytest.raises(REASONS[reason], match="said so") as caught:
        await read(server.address)
    error = caught.value
    assert (error.reason, error.metadata["limit"]) == (reason, "7")
    assert error.request_id == f"fake-call-{len(server.calls)}"
    server.recover()
    assert await read(server.address) == _lines(PATIENTS)


async def test_failures_come_in_order_to_the_methods_that_they_are_for(server: FakeServer) -> None:
    server.add_entity(7, finess="010780054", name="Bourg")
    server.fail("INTERNAL", method="ListLegalEntities", times=2)
    server.fail("DATABASE_CORRUPT", method="ListLegalEntities")
    async with AsyncClient(server.address) as client:
        assert await client.patients(7).read("ndjson") == b""
        reasons = []
        for _ in range(3):
            with pytest.raises(ServerError) as caught:
                [entity async for entity in client.entities()]
            reasons.append(caught.value.reason)
        assert reasons == ["INTERNAL", "INTERNAL", "DATABASE_CORRUPT"]
        (entity,) = [entity async for entity in client.entities("010780054")]
        assert (entity.ej_id, entity.name, entity.active) == (7, "Bourg", True)
        assert [entity async for entity in client.entities("000000000")] == []


async def test_a_field_is_refused_by_its_name(read: Read, server: FakeServer) -> None:
    violation = Violation("consistency.at_least", "must be a revision")
    server.fail(Failure("INVALID_FIELD", violations=(violation,)))
    with pytest.raises(InvalidArgumentError) as caught:
        await read(server.address)
    assert caught.value.violations == (violation,)


async def test_a_stream_that_breaks_is_taken_up_again(read: Read, server: FakeServer) -> None:
    server.put(1, "patients", PATIENTS)
    server.fail("DATABASE_UNAVAILABLE", after_chunks=1)
    server.fail("DATABASE_UNAVAILABLE", after_chunks=1)
    assert await read(server.address) == _lines(PATIENTS)
    requests = [call.request for call in server.calls if isinstance(call.request, StreamExportRequest)]
    assert [len(request.have.digests) for request in requests] == [0, 1, 2]


async def test_a_stream_whose_beginning_has_changed_is_begun_anew(server: FakeServer) -> None:
    server.put(1, "patients", PATIENTS)
    server.fail("DATABASE_UNAVAILABLE", after_chunks=1)
    async with AsyncClient(server.address) as client:
        chunks = client.patients(1).chunks("ndjson")
        await anext(chunks)
        server.put(1, "patients", PATIENTS[:1])
        with pytest.raises(SnapshotGoneError):
            await anext(chunks)


async def test_what_a_caller_has_is_told_and_not_sent() -> None:
    with FakeServer(chunk_resources=1, segment_chunks=2) as server:
        server.put(1, "patients", PATIENTS)
        async with grpc.aio.insecure_channel(server.address) as channel:
            stub: ExportServiceAsyncStub = ExportServiceStub(channel)
            request = StreamExportRequest(ej_id=1, dataset=types_pb2.DATASET_PATIENTS)
            first = [event async for event in stub.StreamExport(request)]
            chunks = [event.chunk for event in first if event.HasField("chunk")]
            assert [bool(chunk.digest) for chunk in chunks] == [False, True, False, True, True]
            server.put(1, "patients", [*PATIENTS[:4], {**PATIENTS[4], "active": True}])
            root, digests = first[-1].finished.root, [chunk.digest for chunk in chunks if chunk.digest]
            unknown = StreamExportRequest.Have(root="0" * 64)
            assert await _kinds(stub, request, unknown) == ["chunk"] * 5
            for have in (StreamExportRequest.Have(root=root), StreamExportRequest.Have(digests=digests)):
                assert await _kinds(stub, request, have) == ["0+2", "chunk"]
            turned = StreamExportRequest.Have(digests=digests[1::-1])
            assert await _kinds(stub, request, turned) == ["1+1", "0+1", "chunk"]


async def _kinds(
    stub: "ExportServiceAsyncStub", request: StreamExportRequest, have: StreamExportRequest.Have
) -> list[str]:
    """Returns what comes between the first and the last event."""
    asked = StreamExportRequest(have=have)
    asked.MergeFrom(request)
    events = [event async for event in stub.StreamExport(asked)]
    return [
        f"{event.unchanged.first}+{event.unchanged.count}" if event.HasField("unchanged") else "chunk"
        for event in events[1:-1]
    ]


async def test_an_etag_holds_until_something_else_is_put_there(server: FakeServer) -> None:
    revision = server.put(1, "patients", PATIENTS)
    async with AsyncClient(server.address) as client:
        first = client.patients(1)
        assert [resource["id"] async for resource in first] == [each["id"] for each in PATIENTS]
        assert first.snapshot is not None
        assert (first.snapshot.revision, first.snapshot.resource_count) == (revision, 5)
        again = client.patients(1, if_none_match=first.snapshot.etag)
        assert (await again.read("ndjson"), again.not_modified) == (b"", True)
        assert server.put(1, "patients", PATIENTS[:2]) != revision
        again = client.patients(1, if_none_match=first.snapshot.etag)
        assert (await again.read("ndjson"), again.not_modified) == (_lines(PATIENTS[:2]), False)


def test_venues_have_their_movements_where_these_were_put_there(server: FakeServer) -> None:
    plain, detailed = ([{"resourceType": "Encounter", "id": f"{kind}-1"}] for kind in ("ven", "mvt"))
    server.put(1, "venues", plain)
    with Client(server.address) as client:
        assert list(client.venues(1, movements=True)) == plain
        server.put(1, "venues", detailed, movements=True)
        assert list(client.venues(1, movements=True)) == detailed
        assert list(client.venues(1)) == plain


async def test_a_server_that_has_gone_is_unavailable(read: Read, server: FakeServer) -> None:
    server.put(1, "patients", PATIENTS)
    server.stop()
    with pytest.raises(UnavailableError):
        await read(server.address)


def _lines(resources: list[dict[str, str]]) -> bytes:
    return b"".join(json.dumps(each, separators=(",", ":")).encode() + b"\n" for each in resources)

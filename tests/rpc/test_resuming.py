"""Shows that a broken stream is taken up again where it broke, with the same bytes or not at all."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from fhirexport.v1.export_service_pb2 import StreamExportRequest, StreamExportResponse
from fhirexport.v1.types_pb2 import DATASET_PATIENTS, DATASET_VENUES, ENCODING_ZSTD
from fhirexport_server.demo.group import batches
from fhirexport_server.rpc.exports import resumption
from fhirexport_server.store.loader import load
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from support.rows import writing
from support.server import PATIENCE, exporting
from support.status import refused
from support.valkey import Valkey

if TYPE_CHECKING:
    from fhirexport.v1.export_service_pb2_grpc import ExportServiceAsyncStub  # exists for type checkers only

NOTHING_KEPT: dict[str, Any] = {"cache_enabled": False}


@pytest.fixture
def url(new_database: Callable[[str], str]) -> str:
    url = new_database("sqlite")
    load(url, batches(patients=500))
    return url


def change(url: str) -> None:
    with writing(url) as connection:
        connection.execute(text("UPDATE patient SET used_family = 'AUTRE' WHERE ej_id = 1"))


async def read(
    stub: "ExportServiceAsyncStub", token: str = "", *, stop_after: int = 0, zstd: bool = False
) -> list[StreamExportResponse]:
    """Reads the events of a stream; breaks it off after some chunks."""
    encodings = [ENCODING_ZSTD] if zstd else []
    request = StreamExportRequest(
        ej_id=1, dataset=DATASET_PATIENTS, resume_token=token, accept_encodings=encodings
    )
    call = stub.StreamExport(request)
    events: list[StreamExportResponse] = []
    async for event in call:
        events.append(event)
        if stop_after and len(chunks(events)) == stop_after:
            call.cancel()
            break
    return events


def chunks(events: list[StreamExportResponse]) -> list[StreamExportResponse.Chunk]:
    return [event.chunk for event in events if event.WhichOneof("event") == "chunk"]


def content(events: list[StreamExportResponse]) -> str:
    return "".join(chunk.json for chunk in chunks(events))


@pytest.mark.parametrize("settings", [{}, NOTHING_KEPT], ids=["kept", "not kept"])
async def test_a_stream_goes_on_after_each_of_its_chunks(url: str, settings: dict[str, Any]) -> None:
    async with exporting(url, **settings) as stub:
        whole = await read(stub)
        count = len(chunks(whole))
        assert count > 3
        for stop in range(1, count + 1):
            first = await read(stub, stop_after=stop)
            rest = await read(stub, chunks(first)[-1].resume_token)
            assert [event.WhichOneof("event") for event in rest[:1]] == ["started"]
            assert rest[0].started.etag == whole[0].started.etag
            assert content(first) + content(rest) == content(whole)
            assert rest[-1].finished == whole[-1].finished


async def test_it_goes_on_in_zstd_as_well(url: str) -> None:
    async with exporting(url) as stub:
        whole = await read(stub, zstd=True)
        rest = await read(stub, chunks(whole)[1].resume_token, zstd=True)
    assert [chunk.zstd for chunk in chunks(rest)] == [chunk.zstd for chunk in chunks(whole)[2:]]


async def test_what_is_kept_goes_on_though_the_data_has_changed(url: str) -> None:
    async with exporting(url) as stub:
        whole = await read(stub)
        change(url)
        rest = await read(stub, chunks(whole)[0].resume_token)
        assert chunks(rest) == chunks(whole)[1:]
        assert "AUTRE" in content(await read(stub))


async def test_another_server_goes_on_with_what_redis_keeps(url: str, valkey: Valkey) -> None:
    redis: dict[str, Any] = {"redis_url": valkey.url, "cache_memory": 1}
    async with exporting(url, **redis) as one, exporting(url, **redis) as other:
        whole = await read(one)
        with valkey.client() as client:
            async with asyncio.timeout(PATIENCE):
                while not client.exists("fhir:export:patients:ej:1:v:ndjson"):
                    await asyncio.sleep(0.01)
        change(url)
        rest = await read(other, chunks(whole)[2].resume_token)
    assert chunks(rest) == chunks(whole)[3:]


async def test_what_is_neither_kept_nor_current_is_gone(url: str) -> None:
    async with exporting(url, **NOTHING_KEPT) as stub:
        whole = await read(stub)
        change(url)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await read(stub, chunks(whole)[0].resume_token)
    found = refused(caught.value)
    assert (found.code, found.reason) == ("ABORTED", "SNAPSHOT_GONE")
    assert found.metadata == {"etag": whole[0].started.etag}


async def test_a_token_is_of_its_own_export_only(url: str) -> None:
    async with exporting(url) as stub:
        token = chunks(await read(stub))[0].resume_token
        call = stub.StreamExport(StreamExportRequest(ej_id=1, dataset=DATASET_VENUES, resume_token=token))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            _ = [event async for event in call]
    assert refused(caught.value).reason == "SNAPSHOT_GONE"


@given(st.text(max_size=200) | st.binary(max_size=120).map(lambda some: some.hex()))
def test_what_is_no_token_is_none(text_: str) -> None:
    assert resumption.resume(text_) is None


@given(st.integers(0, 2**63), st.integers(0, 2**64 - 1), st.integers(0, 10**8 - 1))
def test_a_token_says_what_it_was_made_of(n: int, digest: int, number: int) -> None:
    etag = f"{n:x}-{digest:x}-{'0123456789abcdef'}"
    found = resumption.resume(resumption.token(etag, number))
    assert found is not None
    assert (found.etag, found.chunks) == (etag, number)

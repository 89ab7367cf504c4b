"""Shows that what a caller has is told and not sent, and that the rest makes it whole."""

import asyncio
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from fhirexport.v1 import types_pb2 as types
from fhirexport.v1.export_service_pb2 import StreamExportRequest, StreamExportResponse
from fhirexport_server.rpc.admission.call_limits import Limits
from sqlalchemy import text
from support.rows import writing
from support.server import PATIENCE, exporting
from support.status import refused
from support.valkey import Valkey

if TYPE_CHECKING:
    from fhirexport.v1.export_service_pb2_grpc import ExportServiceAsyncStub  # exists for type checkers only

NOTHING_KEPT: dict[str, Any] = {"cache_enabled": False}
FORMATS = (types.FORMAT_NDJSON, types.FORMAT_BUNDLE, types.FORMAT_TRANSACTION)
Events = list[StreamExportResponse]
Have = StreamExportRequest.Have


@pytest.fixture
def url(backend: str, new_group: Callable[[str, int], str]) -> str:
    return new_group(backend, 500)


def change(url: str, where: str) -> None:
    with writing(url) as connection:
        connection.execute(text(f"UPDATE patient SET used_family = 'AUTRE' WHERE {where}"))


async def read(
    stub: "ExportServiceAsyncStub",
    have: Have | None = None,
    *,
    stop_after: int = 0,
    **options: Any,
) -> Events:
    """Reads the events of a stream; breaks it off after some chunks."""
    request = StreamExportRequest(**{"ej_id": 1, "dataset": types.DATASET_PATIENTS, "have": have, **options})
    call = stub.StreamExport(request)
    events: Events = []
    async for event in call:
        events.append(event)
        if stop_after and len(chunks(events)) == stop_after:
            call.cancel()
            break
    return events


def chunks(events: Events) -> list[StreamExportResponse.Chunk]:
    return [event.chunk for event in events if event.HasField("chunk")]


def segments(events: Events, have: Sequence[bytes] = ()) -> dict[bytes, str]:
    """Returns the text of each complete segment that came, by digest, each verified."""
    texts, pieces = {}, ""
    for chunk in chunks(events):
        pieces += chunk.json
        if chunk.digest:
            assert sha256(pieces.encode()).digest() == chunk.digest
            assert chunk.digest not in have
            texts[chunk.digest], pieces = pieces, ""
    return texts


def listed(events: Events, have: Sequence[bytes] = ()) -> list[bytes]:
    """Returns the digests of all segments of an export, in order, those that the caller has included."""
    digests: list[bytes] = []
    for event in events:
        if event.HasField("unchanged"):
            run = event.unchanged
            assert run.count > 0
            digests += have[run.first : run.first + run.count]
        elif event.chunk.digest:
            digests.append(event.chunk.digest)
    return digests


def root(digests: Sequence[bytes]) -> str:
    return sha256(b"".join(digests)).hexdigest()


@pytest.mark.parametrize("settings", [{}, NOTHING_KEPT], ids=["kept", "not kept"])
async def test_a_stream_goes_on_after_each_of_its_segments(url: str, settings: dict[str, Any]) -> None:
    async with exporting(url, **settings) as stub:
        whole = await read(stub)
        texts = segments(whole)
        assert len(texts) > 3
        for stop in range(1, len(texts) + 1):
            came = segments(await read(stub, stop_after=stop))
            rest = await read(stub, Have(digests=came))
            assert [event.WhichOneof("event") for event in rest[:2]] == ["started", "unchanged"]
            assert rest[0].started.etag == whole[0].started.etag
            assert segments(rest, have=list(came)) == dict(list(texts.items())[stop:])
            assert listed(rest, have=list(came)) == list(texts)
            assert rest[-1].finished.root == whole[-1].finished.root == root(list(texts))


@pytest.mark.parametrize("layout", FORMATS, ids=types.Format.Name)
@pytest.mark.parametrize("by_root", [False, True], ids=["digests", "root"])
async def test_after_a_change_what_differs_makes_the_rest_whole(
    url: str, layout: types.Format.ValueType, *, by_root: bool
) -> None:
    async with exporting(url) as stub:
        before = segments(await read(stub, format=layout))
        change(url, "id IN (SELECT id FROM patient WHERE ej_id = 1 ORDER BY id LIMIT 1 OFFSET 200)")
        ours = Have(root=root(list(before))) if by_root else Have(digests=before)
        events = await read(stub, ours, format=layout)
        after = before | segments(events, have=list(before))
        assert len(after) == len(before) + 1
        whole = await read(stub, format=layout)
        digests = listed(events, have=list(before))
        assert "".join(after[digest] for digest in digests) == "".join(segments(whole).values())
        finished = events[-1].finished
        assert finished.root == whole[-1].finished.root == root(digests)
        totals = whole[-1].finished
        assert (finished.size_bytes, finished.resource_count) == (totals.size_bytes, totals.resource_count)
        assert finished.sha256 in {"", totals.sha256}


async def test_positions_are_in_the_order_of_the_caller(url: str) -> None:
    async with exporting(url) as stub:
        digests = list(segments(await read(stub)))
        mixed = [b"x" * 32, *reversed(digests), digests[0]]
        assert listed(await read(stub, Have(digests=mixed)), have=mixed) == digests


async def test_a_root_that_nobody_knows_means_everything(url: str) -> None:
    async with exporting(url) as stub:
        whole = await read(stub)
        events = await read(stub, Have(root="0" * 64))
        assert chunks(events) == chunks(whole)
        assert events[-1] == whole[-1]


async def test_what_somebody_has_of_another_export_is_of_no_use(url: str) -> None:
    async with exporting(url) as stub:
        patients = list(segments(await read(stub)))
        whole = await read(stub, dataset=types.DATASET_VENUES)
        for have in (Have(digests=patients), Have(root=root(patients))):
            assert chunks(await read(stub, have, dataset=types.DATASET_VENUES)) == chunks(whole)


async def test_text_has_its_sum_and_what_was_not_needed_has_none(url: str) -> None:
    async with exporting(url) as stub:
        await read(stub, accept_encodings=[types.ENCODING_ZSTD])
        change(url, "ej_id = 1 AND id % 7 = 0")
        whole = await read(stub)
        content = "".join(chunk.json for chunk in chunks(whole))
        assert whole[-1].finished.sha256 == sha256(content.encode()).hexdigest()


async def test_what_is_known_of_a_rendering_is_told_at_its_start(url: str) -> None:
    async with exporting(url) as stub:
        first = await read(stub)
        again = await read(stub)
        finished, started = first[-1].finished, again[0].started
        assert (started.root, started.rendered_count) == (finished.root, 0)
        assert (started.resource_count, started.size_bytes) == (finished.resource_count, finished.size_bytes)
        assert started.incarnation
        assert started.incarnation == first[0].started.incarnation
        same = await read(stub, Have(root=started.root), if_none_match=started.etag)
        assert [event.WhichOneof("event") for event in same] == ["started", "finished"]
        assert same[-1].finished.not_modified


async def test_databases_have_their_own_incarnations(new_group: Callable[[str, int], str]) -> None:
    incarnations = set()
    for _ in range(2):
        url = new_group("sqlite", 5)
        async with exporting(url) as stub:
            incarnations.add((await read(stub))[0].started.incarnation)
    assert len(incarnations) == 2


async def test_another_server_tells_what_is_unchanged_in_redis(url: str, valkey: Valkey) -> None:
    redis: dict[str, Any] = {"redis_url": valkey.url, "cache_memory": 1}
    async with exporting(url, **redis) as one, exporting(url, **redis) as other:
        whole = await read(one)
        with valkey.client() as client:
            async with asyncio.timeout(PATIENCE):
                while not client.exists("fhir:export:patients:ej:1:v:ndjson"):
                    await asyncio.sleep(0.01)
        digests = list(segments(whole))
        rest = await read(other, Have(digests=digests[1:]))
        assert list(segments(rest)) == digests[:1]
        assert listed(rest, have=digests[1:]) == digests


async def test_a_caller_may_have_a_hundred_thousand_segments(url: str) -> None:
    async with exporting(url) as stub:
        digests = list(segments(await read(stub)))
        many = [number.to_bytes(32) for number in range(100_000 - len(digests))] + digests
        assert listed(await read(stub, Have(digests=many)), have=many) == digests


async def test_what_callers_have_takes_room_in_memory(url: str) -> None:
    limits = Limits(stream_seconds=60.0, bytes_in_flight=64 * 1024 * 1024)
    digests = [number.to_bytes(32) for number in range(100_000)]
    async with exporting(url, limits=limits) as stub:
        # A connection has a quarter of the room, and what is made of these digests takes more.
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await read(stub, Have(digests=digests))
        assert refused(caught.value).reason == "TOO_MANY_BYTES"
        assert await read(stub, Have(digests=digests[:50_000]))

"""Shows that the clients take whole exports only, and take up again what can be taken up."""

import asyncio
from collections.abc import Awaitable, Callable
from hashlib import sha256

import grpc
import pytest
from fhirexport import (
    AsyncClient,
    Client,
    ExportError,
    IncompleteError,
    OverloadedError,
    Progress,
    ServerError,
    SnapshotGoneError,
    UnavailableError,
)
from fhirexport.v1 import export_service_pb2
from support.scripted import (
    COMPLETE,
    LINES,
    WHOLE,
    Event,
    Script,
    chunk,
    digest_of,
    finished,
    part,
    playing,
    started,
    unchanged,
)

BREAK = grpc.StatusCode.UNAVAILABLE


Read = Callable[[str], Awaitable[bytes]]


async def _read_sync(address: str) -> bytes:
    def read() -> bytes:
        with Client(address) as client:
            return client.patients(1).read("ndjson")

    return await asyncio.to_thread(read)


async def _read_async(address: str) -> bytes:
    async with AsyncClient(address) as client:
        return await client.patients(1).read("ndjson")


@pytest.fixture(params=[_read_sync, _read_async], ids=["sync", "async"])
def read(request: pytest.FixtureRequest) -> Read:
    """Reads an export with one of the two clients."""
    way: Read = request.param
    return way


async def test_a_complete_stream_is_the_export_in_either_encoding(read: Read) -> None:
    async with playing(COMPLETE) as (address, _):
        assert await read(address) == WHOLE


@pytest.mark.parametrize("code", [BREAK, grpc.StatusCode.CANCELLED], ids=["away", "ending"])
async def test_a_stream_that_breaks_before_any_content_is_sent_for_again(
    code: grpc.StatusCode, read: Read
) -> None:
    async with playing([code], [started(), code], COMPLETE) as (address, server):
        assert await read(address) == WHOLE
        assert [_have(request) for request in server.requests] == [[], [], []]


async def test_a_stream_that_breaks_is_taken_up_after_its_last_segment(read: Read) -> None:
    first: Script = [started(), chunk(0), chunk(1), BREAK]
    rest = [started(), unchanged(0, 1), unchanged(1, 1), chunk(2), chunk(3), finished()]
    async with playing(first, rest) as (address, server):
        assert await read(address) == WHOLE
        assert [_have(request) for request in server.requests] == [[], [0, 1]]


TAKEN_UP: dict[str, list[Script]] = {
    "a server that sends everything again": [[started(), chunk(0), chunk(1), BREAK], COMPLETE],
    "a server that knows no segments": [
        [started(), chunk(0, digest=False), chunk(1, digest=False), BREAK],
        [started(), *(chunk(n, digest=False) for n in range(4)), finished(root="")],
    ],
    "the middle of a segment": [
        [started(), part(LINES[0] + LINES[1], count=2), BREAK],
        [started(), part(LINES[0] + LINES[1], count=2), BREAK],
        [
            started(),
            part(LINES[0], count=1),
            part(b"".join(LINES[1:]), count=3, digest=sha256(WHOLE).digest()),
            finished(root=sha256(sha256(WHOLE).digest()).hexdigest()),
        ],
    ],
    "data that has changed further on": [
        [started(), chunk(0), chunk(1), part(LINES[2][:-3]), BREAK],
        [started('"9-9-9"'), unchanged(0, 2), chunk(2), chunk(3), finished()],
    ],
    "breaks before and after": [
        [started(), chunk(0), BREAK],
        [started(), BREAK],
        [started(), unchanged(0, 1), chunk(1), BREAK],
        [BREAK],
        [started(), unchanged(0, 2), chunk(2), chunk(3), BREAK],
        [started(), unchanged(0, 4), finished()],
    ],
}


@pytest.mark.parametrize("name", TAKEN_UP)
async def test_a_stream_is_taken_up_in_spite_of(read: Read, name: str) -> None:
    scripts = TAKEN_UP[name]
    async with playing(*scripts) as (address, server):
        assert await read(address) == WHOLE
        assert len(server.requests) == len(scripts)


CHANGED: dict[str, Script] = {
    "starts otherwise": [started(), chunk(1), finished(LINES[1], count=1)],
    "has another order": [started(), unchanged(1, 1), chunk(2), chunk(0), finished()],
    "lacks what came": [started(), finished(b"", count=0)],
    "has less": [started(), unchanged(0, 1), finished(LINES[0], count=1)],
    "has another segment there": [
        started(),
        unchanged(0, 2),
        part(LINES[3] + LINES[2], count=2),
        finished(b"", count=0),
    ],
    "has a shorter segment there": [
        started(),
        unchanged(0, 2),
        part(LINES[2][:5], digest=sha256(LINES[2][:5]).digest()),
        finished(b"", count=0),
    ],
}


@pytest.mark.parametrize("name", CHANGED)
async def test_content_that_was_handed_out_is_no_export_when_the_next_one(name: str) -> None:
    first: Script = [started(), chunk(0), chunk(1), part(LINES[2][:-3]), BREAK]
    async with playing(first, CHANGED[name]) as (address, _), AsyncClient(address) as client:
        with pytest.raises(SnapshotGoneError):
            async for _ in client.patients(1).chunks("ndjson"):
                pass


async def test_whoever_wants_all_of_it_has_it_begun_anew(read: Read) -> None:
    changed = [started(), unchanged(1, 1), finished(b"", count=0)]
    async with playing([started(), chunk(0), chunk(1), BREAK], changed, COMPLETE) as (address, server):
        assert await read(address) == WHOLE
        assert [_have(request) for request in server.requests] == [[], [0, 1], []]


async def test_data_that_never_rests_is_an_error_in_the_end(read: Read) -> None:
    breaking: list[Script] = [[started(), chunk(0), BREAK], [started(), chunk(1)]] * 9
    async with playing(*breaking) as (address, server):
        with pytest.raises(SnapshotGoneError):
            await read(address)
        assert len(server.requests) == 2 * 5


async def test_an_etag_counts_no_more_once_something_has_come(read: Read) -> None:
    holds = Event(finished=export_service_pb2.StreamExportResponse.Finished(not_modified=True))
    async with playing([started(), chunk(0), BREAK], [started(), holds]) as (address, server):
        with pytest.raises(IncompleteError):
            await read(address)
        async with AsyncClient(address) as client:
            server.requests.clear()
            with pytest.raises(IncompleteError):
                await client.patients(1, if_none_match='"1-2-3"').read()
        assert [request.if_none_match for request in server.requests] == ['"1-2-3"', ""]


def _have(request: export_service_pb2.StreamExportRequest) -> list[int]:
    """Returns which lines a request says that the caller has."""
    digests = [digest_of(number) for number in range(4)]
    return [digests.index(digest) for digest in request.have.digests]


REFUSED: dict[str, tuple[list[Script], type[ExportError]]] = {
    "ends without finished": ([[started(), chunk(0)]], IncompleteError),
    "ends at once": ([[]], IncompleteError),
    "starts without started": ([[chunk(0), finished(LINES[0], count=1)]], IncompleteError),
    "starts twice": ([[started(), started(), finished(b"", count=0)]], IncompleteError),
    "goes on after finished": ([[started(), finished(b"", count=0), chunk(0)]], IncompleteError),
    "lacks a chunk": ([[started(), chunk(0), chunk(2), chunk(3), finished()]], IncompleteError),
    "swaps two chunks": ([[started(), *(chunk(n) for n in (1, 0, 2, 3)), finished()]], IncompleteError),
    "swaps two chunks of no segment": (
        [[started(), *(chunk(n, digest=False) for n in (1, 0, 2, 3)), finished(root="")]],
        IncompleteError,
    ),
    "counts wrongly": ([[started(), *(chunk(n) for n in range(4)), finished(count=5)]], IncompleteError),
    "measures wrongly": ([[started(), *(chunk(n) for n in range(4)), finished(size=1)]], IncompleteError),
    "has another root": ([[started(), *(chunk(n) for n in range(4)), finished(root="00")]], IncompleteError),
    "has no root": ([[started(), *(chunk(n) for n in range(4)), finished(root="")]], IncompleteError),
    "has another digest": ([[started(), part(LINES[0], count=1, digest=digest_of(1))]], IncompleteError),
    "ends in a segment": (
        [[started(), *(chunk(n) for n in range(4)), part(b"1"), finished()]],
        IncompleteError,
    ),
    "has what nobody told it": ([[started(), unchanged(0, 1)]], IncompleteError),
    "has an empty event": ([[started(), Event()]], IncompleteError),
    "has a damaged frame": (
        [
            [
                started(),
                Event(chunk=export_service_pb2.StreamExportResponse.Chunk(zstd=b"(\xb5/\xfd garbage")),
            ]
        ],
        IncompleteError,
    ),
    "never gets anywhere": ([[BREAK]], UnavailableError),
    "has no place": ([[grpc.StatusCode.RESOURCE_EXHAUSTED]], OverloadedError),
    "fails": ([[started(), chunk(0), grpc.StatusCode.INTERNAL]], ServerError),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_stream_is_not_an_export_when_it(read: Read, name: str) -> None:
    scripts, error = REFUSED[name]
    async with playing(*scripts) as (address, _):
        with pytest.raises(error):
            await read(address)


async def test_an_error_says_what_the_server_said(read: Read) -> None:
    async with playing([grpc.StatusCode.INTERNAL]) as (address, _):
        with pytest.raises(ServerError) as caught:
            await read(address)
    error = caught.value
    assert (error.message, error.code, error.reason) == ("scripted", grpc.StatusCode.INTERNAL, "SCRIPTED")
    assert (error.request_id, error.retry_after) == ("r-1", 0.001)


async def test_resources_come_one_by_one_and_leaving_early_ends_the_call() -> None:
    async with playing(COMPLETE) as (address, _), AsyncClient(address) as client:
        export = client.patients(1)
        ids = [resource["id"] async for resource in export]
        assert ids == ["pat-0", "pat-1", "pat-2", "pat-3"]
        async for resource in export:
            assert resource["id"] == "pat-0"
            break


async def test_progress_is_told_after_each_chunk() -> None:
    told: list[Progress] = []
    async with playing(COMPLETE) as (address, _), AsyncClient(address) as client:
        await client.patients(1, on_progress=told.append).read("ndjson")
    assert [(progress.resources, progress.bytes) for progress in told] == [
        (n + 1, len(b"".join(LINES[: n + 1]))) for n in range(4)
    ]

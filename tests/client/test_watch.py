"""Shows that both clients tell of new revisions, go on by themselves, and miss nothing."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from client.loops import Loop, Open, watched_async, watched_sync
from fhirexport import (
    AsyncClient,
    Client,
    DeadlineExceededError,
    ExportError,
    InvalidArgumentError,
    NotFoundError,
    ServerError,
    UnavailableError,
)
from fhirexport.testing import FakeServer, Reason
from fhirexport_server.app import running
from fhirexport_server.rpc.admission.call_limits import Limits
from sqlalchemy import text
from support.rows import writing
from support.server import PATIENCE, running_server, settings, wait_for_health

ANNE = [{"resourceType": "Patient", "id": "pat-1"}]
WATCH = "WatchExports"


@pytest.fixture(params=[watched_sync, watched_async], ids=["sync", "async"])
def opened(request: pytest.FixtureRequest) -> Open:
    """Opens a loop over a watch of one of the two clients."""
    way: Open = request.param
    return way


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as server:
        server.put(1, "patients", ANNE)
        yield server


def _write(url: str, statement: str) -> None:
    with writing(url) as connection:
        connection.execute(text(statement))


async def _several(loop: Loop, count: int) -> dict[str, str]:
    """Returns the revisions that are told next, by dataset."""
    told = [await loop.next() for _ in range(count)]
    return {str(revision.dataset): revision.revision for revision in told}


# --- a real server ---


async def test_the_present_revisions_are_told_and_then_each_new_one(opened: Open, small_url: str) -> None:
    async with running_server(small_url) as address:
        await wait_for_health(address)
        async with opened(address, 1) as loop:
            assert set(await _several(loop, 3)) == {"structure", "patients", "venues"}
            await asyncio.to_thread(_write, small_url, "UPDATE patient SET used_family = 'DURAND'")
            told = await loop.next()
            assert (told.ej_id, told.dataset) == (1, "patients")
            assert abs((datetime.now(UTC) - told.notice_time).total_seconds()) < PATIENCE
        async with AsyncClient(address) as client:
            export = client.patients(1, at_least=told.revision)
            assert b"DURAND" in await export.read()


async def test_what_is_known_is_not_told_again(opened: Open, small_url: str) -> None:
    async with running_server(small_url) as address:
        await wait_for_health(address)
        async with opened(address, 1) as loop:
            known = [await loop.next() for _ in range(3)]
        await asyncio.to_thread(_write, small_url, "UPDATE patient SET used_family = 'DURAND'")
        async with opened(address, 1, after=known) as loop:
            assert (await loop.next()).dataset == "patients"


async def test_what_an_import_made_is_not_told_to_who_imported(opened: Open, small_url: str) -> None:
    patient = b'{"resourceType": "Patient", "id": "pat-1"}'
    async with running_server(small_url) as address:
        await wait_for_health(address)
        async with AsyncClient(address) as client:
            summary = await client.imports.resources(patient, ej_id=1)
        assert [revision.dataset for revision in summary.revisions] == ["patients"]
        async with opened(address, 1, "patients", after=summary.revisions) as loop:
            await asyncio.to_thread(_write, small_url, "UPDATE patient SET used_family = 'DURAND'")
            assert (await loop.next()).revision != summary.revisions[0].revision


async def test_a_server_that_is_started_anew_is_watched_on_and_nothing_is_missed(
    opened: Open, small_url: str
) -> None:
    told: list[ExportError] = []
    async with running_server(small_url) as address:
        await wait_for_health(address)
        port = address.rpartition(":")[2]
        context = opened(address, 1, on_interruption=told.append)
        loop = await context.__aenter__()
        known = await _several(loop, 3)
        waiting = asyncio.create_task(loop.next())
    await asyncio.to_thread(_write, small_url, "UPDATE patient SET used_family = 'DURAND'")
    async with running_server(small_url, listen_address=f"127.0.0.1:{port}"):
        revision = await waiting
        await context.__aexit__(None, None, None)
    assert revision.dataset == "patients"
    assert revision.revision != known["patients"]
    assert {type(error) for error in told} == {UnavailableError}


async def test_a_watch_that_ends_in_time_goes_on(opened: Open, small_url: str) -> None:
    interruptions: list[ExportError] = []
    async with running(settings(small_url), limits=Limits(stream_seconds=60, watch_seconds=0.5)) as app:
        await wait_for_health(app.address)
        async with opened(app.address, 1, on_interruption=interruptions.append) as loop:
            await _several(loop, 3)

            def begun() -> float | None:
                labels = {"grpc_type": "server_stream", "grpc_service": "fhirexport.v1.ExportService"}
                return app.registry.get_sample_value(
                    "grpc_server_started_total", labels | {"grpc_method": WATCH}
                )

            while (begun() or 0) < 3:
                await asyncio.sleep(0.01)
            await asyncio.to_thread(_write, small_url, "UPDATE patient SET used_family = 'DURAND'")
            # What was told before is not told again.
            assert (await loop.next()).dataset == "patients"
    assert interruptions == []


@pytest.mark.parametrize("cancels", [False, True])
async def test_a_loop_that_is_left_leaves_the_server(opened: Open, small_url: str, *, cancels: bool) -> None:
    async with running(settings(small_url)) as app:
        await wait_for_health(app.address)

        def places() -> float | None:
            return app.registry.get_sample_value("fhirexport_calls_in_progress", {"places": "watches"})

        async with opened(app.address, 1) as loop:
            await _several(loop, 3)
            assert places() == 1
            if cancels:
                waiting = asyncio.create_task(loop.next())
                await asyncio.sleep(0.05)
                loop.cancel()
                with pytest.raises((StopAsyncIteration, RuntimeError)):
                    await waiting
        while places() != 0:
            await asyncio.sleep(0.01)


async def test_an_ej_that_does_not_exist_is_an_error(opened: Open, small_url: str) -> None:
    async with running_server(small_url) as address:
        await wait_for_health(address)
        async with opened(address, [1, 9]) as loop:
            with pytest.raises(NotFoundError) as caught:
                await loop.next()
    assert caught.value.metadata["ej_id"] == "9"


async def test_a_server_that_was_never_there_is_an_error(opened: Open) -> None:
    interruptions: list[ExportError] = []
    async with opened("127.0.0.1:9", 1, on_interruption=interruptions.append) as loop:
        with pytest.raises(UnavailableError):
            await loop.next()
    assert interruptions == []


async def test_a_timeout_of_the_client_ends_it(opened: Open, small_url: str) -> None:
    async with running_server(small_url) as address:
        await wait_for_health(address)
        async with opened(address, 1, seconds=3) as loop:
            assert set(await _several(loop, 3)) == {"structure", "patients", "venues"}
            with pytest.raises(DeadlineExceededError):
                await loop.next()


# --- the server for tests of others ---


async def test_each_put_is_told(opened: Open, server: FakeServer) -> None:
    async with opened(server.address, 1, "patients", "venues") as loop:
        assert await _several(loop, 2) == {"patients": "fake-1", "venues": "fake-0"}
        revision = server.put(1, "venues", [], movements=True)
        assert await _several(loop, 1) == {"venues": revision}


@pytest.mark.parametrize("reason", ["DATABASE_UNAVAILABLE", "TOO_MANY_CALLS", "DEADLINE_EXCEEDED"])
async def test_what_passes_is_outlasted(opened: Open, server: FakeServer, reason: Reason) -> None:
    interruptions: list[ExportError] = []
    server.fail(reason, method=WATCH, after_chunks=1)
    server.fail(reason, method=WATCH, times=2)
    async with opened(server.address, 1, "patients", on_interruption=interruptions.append) as loop:
        assert (await loop.next()).revision == "fake-1"
        revision = server.put(1, "patients", [])
        assert (await loop.next()).revision == revision
    # The three failures are one interruption.
    assert [error.reason for error in interruptions] == [reason]
    requests = [call.request for call in server.calls if call.method == WATCH]
    known = [request.exports[0].after_revision for request in requests]  # type: ignore[attr-defined]  # of its type
    assert known == ["", "fake-1", "fake-1", "fake-1"]


async def test_what_does_not_pass_is_raised_after_what_has_come(opened: Open, server: FakeServer) -> None:
    server.fail("SCHEMA_MISMATCH", method=WATCH, after_chunks=1)
    async with opened(server.address, 1, "patients") as loop:
        assert (await loop.next()).revision == "fake-1"
        with pytest.raises(ServerError) as caught:
            await loop.next()
    assert caught.value.reason == "SCHEMA_MISMATCH"


async def test_the_fake_refuses_what_the_real_server_refuses(
    opened: Open, server: FakeServer, small_url: str
) -> None:
    async with running_server(small_url) as real:
        await wait_for_health(real)
        for ej, error in ((9, NotFoundError), (0, InvalidArgumentError), ([], InvalidArgumentError)):
            found = []
            for address in (real, server.address):
                async with opened(address, ej, "patients") as loop:
                    with pytest.raises(error) as caught:
                        await loop.next()
                found.append((caught.value.code, caught.value.reason))
            assert found[0] == found[1]


def test_the_fake_goes_away_under_its_watches(server: FakeServer) -> None:
    with Client(server.address, timeout=PATIENCE) as client:
        loop = iter(client.watch(1, "patients"))
        assert next(loop).revision == "fake-1"
        server.stop()
        with pytest.raises(ExportError):
            client.patients(1).read()

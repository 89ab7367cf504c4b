"""Shows how watches are bounded, what they outlast, and how they end."""

import asyncio
import signal
import struct
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import grpc
import pytest
from fhirexport.v1.export_service_pb2 import ExportStructureRequest, WatchExportsResponse
from fhirexport.v1.export_service_pb2_grpc import ExportServiceStub
from fhirexport_server.app import App, running
from fhirexport_server.rpc.admission.call_limits import Limits
from fhirexport_server.watches.hub import WatchHub
from rpc.watching import ALL, ended, request, told, watching
from sqlalchemy import text
from support import attacking
from support.reachable import reachable
from support.rows import writing
from support.server import PATIENCE, running_server, server_process, settings, wait_for_health
from support.status import refused

PATIENTS, VENUES = (1, "patients"), (1, "venues")
UPDATE = "UPDATE patient SET used_family = 'DURAND' WHERE id = 1"
SERVED = "ALTER TABLE patient ENABLE ALWAYS TRIGGER patient_revision_update"


@pytest.fixture
def url(new_small: Callable[[str], str]) -> str:
    return new_small("postgresql")


def _write(url: str, *statements: str) -> None:
    with writing(url) as connection:
        for statement in statements:
            connection.execute(text(statement))


def _value(app: App, name: str, **labels: str) -> float:
    value = app.registry.get_sample_value(name, labels)
    assert value is not None
    return value


def _lookups(app: App, outcome: str) -> float:
    return _value(app, "fhirexport_watch_lookup_seconds_count", outcome=outcome)


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not true():
            await asyncio.sleep(0.01)


# --- what they cost ---


async def test_a_hundred_watchers_cost_what_one_costs(small_url: str) -> None:
    async with (
        running(settings(small_url, watch_interval=60)) as app,
        watching(app.address) as stub,
    ):
        watches = [stub.WatchExports(request()) for _ in range(90)]
        for watch in watches:
            assert set(await told(watch)) == set(ALL)
        # Those that come while one look-up is under way wait for the next: together.
        assert _lookups(app, "answered") < 45
        assert _value(app, "fhirexport_watched_exports") == 3
        assert _value(app, "fhirexport_calls_in_progress", places="watches") == 90
        assert _value(app, "fhirexport_calls_in_progress", places="calls") == 0


async def test_without_watchers_nothing_is_asked(small_url: str) -> None:
    async with (
        running(settings(small_url, watch_interval=0.05)) as app,
        watching(app.address) as stub,
    ):
        await asyncio.sleep(0.3)
        assert _lookups(app, "answered") == 0
        watch = stub.WatchExports(request())
        await told(watch)
        await _until(lambda: _lookups(app, "answered") > 3)
        watch.cancel()
        await _until(lambda: _value(app, "fhirexport_watched_exports") == 0)
        before = _lookups(app, "answered")
        await asyncio.sleep(0.3)
        assert _lookups(app, "answered") <= before + 1  # the one that was under way


async def test_a_watcher_that_does_not_read_is_told_once_of_what_changed_often(small_url: str) -> None:
    body = request([PATIENTS, VENUES]).SerializeToString()
    async with (
        running(settings(small_url, watch_interval=0.05)) as app,
        attacking.connected(app.address, window=0, grants=False, keeps=True) as connection,
    ):
        await wait_for_health(app.address)
        number = await connection.call("/fhirexport.v1.ExportService/WatchExports", body)
        await _until(lambda: _lookups(app, "answered") > 0)
        for count in range(1, 11):
            _write(small_url, f"UPDATE patient SET used_family = 'D{count}'")
            await _until(
                lambda count=count: _value(app, "fhirexport_watch_revisions_total", type="patients") >= count  # type: ignore[misc]  # mypy knows no type of a default
            )
        await connection.grant(number, 10_000)
        stream = connection.streams[number]
        await _until(lambda: len(_messages(stream.data)) == 2)
        first, second = _messages(stream.data)
        assert len(first.exports) == 2
        assert [one.ej_id for one in second.exports] == [1]
        async with watching(app.address) as stub:
            assert await told(stub.WatchExports(request([PATIENTS]))) == {
                PATIENTS: second.exports[0].revision
            }
        # It is told of what comes next as all the others.
        _write(small_url, "UPDATE venue SET nda = 'N1'")
        await _until(lambda: len(_messages(stream.data)) == 3)


def _messages(data: bytes | bytearray) -> list[WatchExportsResponse]:
    """Takes the whole messages out of a stream's bytes."""
    messages = []
    while len(data) >= 5 and len(data) >= 5 + (size := struct.unpack(">I", data[1:5])[0]):
        messages.append(WatchExportsResponse.FromString(bytes(data[5 : 5 + size])))
        data = data[5 + size :]
    return messages


@pytest.mark.long
async def test_a_watcher_that_takes_nothing_loses_its_place(small_url: str) -> None:
    limits = Limits(stream_seconds=PATIENCE, write_seconds=0.5)
    body = request().SerializeToString()
    async with (
        running(settings(small_url), limits=limits) as app,
        attacking.connected(app.address, window=0, grants=False) as connection,
    ):
        await wait_for_health(app.address)
        await connection.call("/fhirexport.v1.ExportService/WatchExports", body)
        await _until(lambda: _value(app, "fhirexport_calls_in_progress", places="watches") == 1)
        await _until(lambda: _value(app, "fhirexport_calls_in_progress", places="watches") == 0)
        assert _value(app, "fhirexport_watched_exports") == 0


async def test_a_watch_too_many_is_refused_and_takes_no_place_of_an_export(small_url: str) -> None:
    limits = Limits(stream_seconds=PATIENCE, calls=1, calls_assured=1, watches=3, watches_per_peer=3)
    async with running(settings(small_url), limits=limits) as app, watching(app.address) as stub:
        watches = [stub.WatchExports(request()) for _ in range(3)]
        for watch in watches:
            await told(watch)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await told(stub.WatchExports(request()))
        found = refused(caught.value)
        assert (found.code, found.reason) == ("RESOURCE_EXHAUSTED", "TOO_MANY_CALLS")
        assert found.metadata == {"limit": "3"}
        assert found.retry_seconds is not None
        answer = await stub.ExportStructure(ExportStructureRequest(ej_id=1))
        assert answer.snapshot.resource_count == 3
        # Another connection has one all the same.
        options = [("grpc.use_local_subchannel_pool", 1)]
        async with grpc.aio.insecure_channel(app.address, options=options) as channel:
            await told(ExportServiceStub(channel).WatchExports(request()))
        watches[0].cancel()
        await _until(lambda: _value(app, "fhirexport_calls_in_progress", places="watches") == 2)
        await told(stub.WatchExports(request()))


async def test_the_settings_say_how_many_there_may_be(small_url: str) -> None:
    async with (
        running_server(small_url, max_watches=2, max_watches_per_peer=2) as address,
        watching(address) as stub,
    ):
        watches = [stub.WatchExports(request()) for _ in range(2)]
        for watch in watches:
            await told(watch)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await told(stub.WatchExports(request()))
        assert refused(caught.value).metadata == {"limit": "2"}


# --- what they outlast ---


async def test_a_short_outage_is_outlasted_and_nothing_is_said_in_it(url: str) -> None:
    async with (
        reachable(url) as (address, close, reopen),
        running(settings(address)) as app,
        watching(app.address) as stub,
    ):
        watch = stub.WatchExports(request())
        await told(watch)
        await close()
        await _until(lambda: _lookups(app, "failed") > 1)
        await asyncio.to_thread(_write, url, UPDATE)
        await reopen()
        # The next that is said is the truth: what was written meanwhile, and nothing else.
        assert set(await told(watch)) == {PATIENTS}


async def test_a_long_outage_ends_it(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fhirexport_server.app.WatchHub", partial(WatchHub, patience=0.5))
    async with (
        reachable(url) as (address, close, reopen),
        running(settings(address)) as app,
        watching(app.address) as stub,
    ):
        watch = stub.WatchExports(request())
        known = await told(watch)
        await close()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await told(watch)
        found = refused(caught.value)
        assert (found.code, found.reason) == ("UNAVAILABLE", "DATABASE_UNAVAILABLE")
        assert found.retry_seconds is not None
        # Nobody is told that nothing has changed where nobody knows.
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await told(stub.WatchExports(request(after=known)))
        assert refused(caught.value).reason == "DATABASE_UNAVAILABLE"
        await reopen()
        await wait_for_health(app.address)
        assert await told(stub.WatchExports(request(after=known))) == {}


async def test_a_dataset_whose_changes_go_unnoticed_ends_its_watches_alone(url: str) -> None:
    async with running_server(url) as address, watching(address) as stub:
        theirs, ours = stub.WatchExports(request([PATIENTS])), stub.WatchExports(request([VENUES]))
        for watch in (theirs, ours):
            await told(watch)
        await asyncio.to_thread(_write, url, "ALTER TABLE patient DISABLE TRIGGER patient_revision_update")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await told(theirs)
        found = refused(caught.value)
        assert (found.code, found.reason) == ("FAILED_PRECONDITION", "CHANGES_UNTRACKED")
        await asyncio.to_thread(_write, url, "UPDATE venue SET nda = 'N1'", SERVED)
        assert set(await told(ours)) == {VENUES}


async def test_a_schema_of_another_release_is_told(empty_database: Callable[[str], str]) -> None:
    async with (
        running_server(empty_database("postgresql")) as address,
        grpc.aio.insecure_channel(address) as channel,
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await told(ExportServiceStub(channel).WatchExports(request()))
    assert (refused(caught.value).code, refused(caught.value).reason) == (
        "FAILED_PRECONDITION",
        "SCHEMA_MISMATCH",
    )


# --- how they end ---


async def test_it_ends_in_time_without_an_error(small_url: str) -> None:
    limits = Limits(stream_seconds=0.1, watch_seconds=1)
    async with running_server(small_url, limits=limits) as address, watching(address) as stub:
        watch = stub.WatchExports(request())
        known = await told(watch)
        assert await ended(watch) is grpc.StatusCode.OK
        assert await told(stub.WatchExports(request(after=known))) == {}


@pytest.mark.long
async def test_the_program_tells_during_its_delay_and_then_ends_its_watches(
    small_url: str, tmp_path: Path
) -> None:
    async with server_process(tmp_path, small_url, DRAIN_DELAY="3", DRAIN_GRACE="300") as server:
        async with AsyncExitStack() as stack:
            stubs = [
                ExportServiceStub(await stack.enter_async_context(grpc.aio.insecure_channel(server.address)))
                for _ in range(2)
            ]
            watch = stubs[0].WatchExports(request())
            await told(watch)
            server.process.send_signal(signal.SIGTERM)
            await wait_for_health(server.address, serving=False)
            late = stubs[1].WatchExports(request())
            await told(late)
            await asyncio.to_thread(_write, small_url, UPDATE)
            for one in (watch, late):
                assert set(await told(one)) == {PATIENTS}
                assert await ended(one) is grpc.StatusCode.OK
        assert await server.stopped(send=None) == 0
    assert "Traceback" not in server.log()

"""Shows that nothing leaves, and nothing is done, while the audit trail cannot be written."""

import asyncio
import os
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import pytest
from fhirexport.v1 import types_pb2 as types
from fhirexport.v1.cache_admin_pb2 import InvalidateRequest
from fhirexport.v1.export_service_pb2 import (
    ExportPatientsRequest,
    ExportPatientsResponse,
    StreamExportRequest,
)
from fhirexport.v1.export_service_pb2_grpc import ExportServiceStub
from fhirexport_server.audit.files import files_of
from support.audited import all_and_nothing, audited, refusal
from support.callers import Guarded
from support.every_method import RPCS
from support.metrics import read
from support.server import PATIENCE, server_process
from support.status import refused
from support.trails import NAME, assert_sound, events, kinds
from support.valkey import Valkey

if TYPE_CHECKING:
    from fhirexport.v1.export_service_pb2_grpc import ExportServiceAsyncStub  # exists for type checkers only

STREAM = StreamExportRequest(ej_id=1, dataset=types.DATASET_PATIENTS)


@pytest.fixture
def guarded(tmp_path: Path) -> Guarded:
    return all_and_nothing(tmp_path)


@pytest.fixture
def trail(tmp_path: Path) -> Path:
    return tmp_path / "audit"


async def test_nothing_leaves_while_the_trail_cannot_be_written_and_all_goes_on_when_it_can(
    sixty_url: str, valkey: Valkey, guarded: Guarded, trail: Path
) -> None:
    away = trail.with_name("away")
    async with (
        audited(guarded, sixty_url, trail, redis_url=valkey.url) as app,
        guarded.caller(app, "all") as caller,
    ):
        cached = await caller.exports.ExportPatients(ExportPatientsRequest(ej_id=1))
        trail.rename(away)
        for method in RPCS:
            found = await refusal(caller, method)
            assert found is not None, method
            assert (found.code, found.reason) == ("UNAVAILABLE", "AUDIT_UNAVAILABLE"), method
            assert found.retry_seconds == 1
        with pytest.raises(grpc.aio.AioRpcError):
            await caller.exports.StreamExport(STREAM).read()
        assert (await read(app.metrics_address)).value("fhirexport_audit_unwritable") == 1
        away.rename(trail)
        async with asyncio.timeout(PATIENCE):
            while await refusal(caller, "ExportPatients"):
                await asyncio.sleep(0.05)
        again = await caller.exports.ExportPatients(ExportPatientsRequest(ej_id=1))
        page = await read(app.metrics_address)
    assert again.json == cached.json
    assert page.value("fhirexport_audit_unwritable") == 0
    assert page.value("fhirexport_audit_failures_total") > 0
    kinds = [event["event"] for event in events(trail)]
    assert "recovered" in kinds
    # Those that were refused meanwhile were kept, and are told of.
    kept = [event for event in events(trail) if event.get("reason") == "AUDIT_UNAVAILABLE"]
    assert {event["event"] for event in kept} == {"refused"}
    assert {event["method"].partition("/")[2] for event in kept} == RPCS.keys()
    assert_sound(trail)


@contextmanager
def _no_sync_ends(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Holds every sync up, from now on and until the end; sets the event when there is one."""
    asked, go_on, sync = threading.Event(), threading.Event(), os.fdatasync

    def held(descriptor: int) -> None:
        asked.set()
        assert go_on.wait(PATIENCE)
        sync(descriptor)

    monkeypatch.setattr(os, "fdatasync", held)
    try:
        yield asked
    finally:
        go_on.set()


async def test_no_answer_and_no_event_of_a_stream_is_sent_before_the_sync_has_ended(
    sixty_url: str, guarded: Guarded, trail: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with audited(guarded, sixty_url, trail) as app, guarded.caller(app, "all") as caller:
        request = ExportPatientsRequest(ej_id=1)
        await caller.exports.ExportPatients(request)  # from now on it is a hit
        with _no_sync_ends(monkeypatch) as asked:
            unary, stream = caller.exports.ExportPatients(request), caller.exports.StreamExport(STREAM)
            waiting = [
                asyncio.ensure_future(one) for one in (unary, stream.read(), stream.initial_metadata())
            ]
            assert await asyncio.to_thread(asked.wait, PATIENCE)
            done, _ = await asyncio.wait(waiting, timeout=0.5)
            assert done == set()
        await asyncio.gather(*waiting)


async def _answer(stub: "ExportServiceAsyncStub", gone: list[str]) -> ExportPatientsResponse | None:
    """Returns an answer; None, and its reason among the others, where it was refused."""
    try:
        return await stub.ExportPatients(ExportPatientsRequest(ej_id=1))
    except grpc.aio.AioRpcError as error:
        gone.append(refused(error).reason)
        return None


@pytest.mark.long
async def test_a_disk_that_fills_up_lets_nothing_leave_until_there_is_room(
    sixty_url: str, trail: Path, tmp_path: Path
) -> None:
    request, gone = ExportPatientsRequest(ej_id=1), list[str]()
    async with (
        server_process(tmp_path, sixty_url, AUDIT_DIRECTORY=str(trail)) as server,
        grpc.aio.insecure_channel(server.address) as channel,
    ):
        stub: ExportServiceAsyncStub = ExportServiceStub(channel)
        first = await stub.ExportPatients(request)
        (path,) = files_of(trail, NAME)
        limit = path.stat().st_size + 300
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        for _ in range(5):
            # What fits is written, and the rest of a line is not.
            with suppress(grpc.aio.AioRpcError):
                await stub.ExportPatients(request)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.ExportPatients(request)
        assert refused(caught.value).reason == "AUDIT_UNAVAILABLE"
        no_limit = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, no_limit)
        async with asyncio.timeout(PATIENCE):
            while (answer := await _answer(stub, gone)) is None:
                await asyncio.sleep(0.05)
        assert set(gone) <= {"AUDIT_UNAVAILABLE"}
        assert answer.json == first.json
        assert "audit_recovered" in server.log()
    assert "recovered" in kinds(trail)
    assert_sound(trail)


async def test_what_an_operator_does_to_the_cache_has_no_effect_without_its_line(
    sixty_url: str, valkey: Valkey, guarded: Guarded, trail: Path
) -> None:
    async with (
        audited(guarded, sixty_url, trail, redis_url=valkey.url) as app,
        guarded.caller(app, "all") as caller,
    ):
        before = await caller.exports.ExportPatients(ExportPatientsRequest(ej_id=1))
        trail.rename(trail.with_name("away"))
        with pytest.raises(grpc.aio.AioRpcError):
            await caller.admin.Invalidate(InvalidateRequest(pattern="fhir:export:*"))
        trail.with_name("away").rename(trail)
        async with asyncio.timeout(PATIENCE):
            while await refusal(caller, "ListLegalEntities"):
                await asyncio.sleep(0.05)
        after = await caller.exports.ExportPatients(ExportPatientsRequest(ej_id=1))
        for pattern in ("fhir:export:patients:ej:1*", "fhir:*dupont*"):
            await caller.admin.Invalidate(InvalidateRequest(pattern=pattern, reason="dupont"))
    assert before.snapshot.revision == after.snapshot.revision
    patterns = [line["pattern"] for line in events(trail) if "pattern" in line]
    assert patterns == ["fhir:export:patients:ej:1*", "another"]
    assert "dupont" not in "".join(map(str, events(trail)))

"""Shows over real mTLS that every call has its lines, what they say, and that nothing leaves without them."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import grpc
import pytest
from fhirexport.v1 import types_pb2 as types
from fhirexport.v1.export_service_pb2 import ExportPatientsRequest, StreamExportRequest
from fhirexport_server.app import App
from fhirexport_server.audit.audit_events import audit_events
from fhirexport_server.audit.files import chains_in
from fhirexport_server.rpc.server import SERVICES
from grpc_health.v1.health_pb2 import HealthCheckRequest
from grpc_health.v1.health_pb2_grpc import HealthStub
from support.audited import all_and_nothing, audited, refusal
from support.callers import Guarded
from support.every_method import RPCS, streamed
from support.server import PATIENCE, exporting, server_process
from support.trails import assert_sound, events, kinds
from support.valkey import Valkey

STREAM = StreamExportRequest(ej_id=1, dataset=types.DATASET_PATIENTS)
ABOUT_AN_EJ = {
    "ExportStructure",
    "ExportPatients",
    "ExportVenues",
    "StreamExport",
    "ImportBundle",
    "ImportResources",
}


@pytest.fixture
def guarded(tmp_path: Path) -> Guarded:
    return all_and_nothing(tmp_path)


@pytest.fixture
def trail(tmp_path: Path) -> Path:
    return tmp_path / "audit"


def _calls(trail: Path) -> Mapping[str, list[dict[str, Any]]]:
    """Returns the lines of each call."""
    calls: dict[str, list[dict[str, Any]]] = {}
    for event in events(trail):
        if "call" in event:
            calls.setdefault(event["call"], []).append(event)
    return calls


@pytest.mark.long
async def test_every_method_has_its_lines_once_its_answer_is_there(
    sixty_url: str, valkey: Valkey, guarded: Guarded, trail: Path
) -> None:
    seen: set[str] = set()
    async with (
        audited(guarded, sixty_url, trail, redis_url=valkey.url) as app,
        guarded.caller(app, "all") as everything,
        guarded.caller(app, "nothing") as nothing,
    ):
        for method in RPCS:
            assert await refusal(everything, method) is None
            # On the disk before the answer was there: nobody has waited.
            (line,) = [one for call, (one, *_) in _calls(trail).items() if call not in seen]
            assert (line["event"], line["method"].partition("/")[2]) == ("begun", method)
            seen |= _calls(trail).keys()
            assert await refusal(nothing, method) is not None
            async with asyncio.timeout(PATIENCE):
                while not (refusals := _calls(trail).keys() - seen):
                    await asyncio.sleep(0.02)
            seen |= refusals
        await HealthStub(_channel(guarded, app)).Check(HealthCheckRequest())
    methods = {method.name: service.name for service in SERVICES for method in service.methods}
    assert methods.keys() == RPCS.keys()
    lines = list(_calls(trail).values())
    assert len(lines) == 2 * len(RPCS)
    for method, granted, denied in zip(RPCS, lines[::2], lines[1::2], strict=True):
        assert [line["event"] for line in granted] == ["begun", "ended"], method
        assert [line["event"] for line in denied] == ["refused"], method
        (first, last), (only,) = granted, denied
        for line, name in ((first, "all"), (only, "nothing")):
            assert line["method"] == f"{methods[method]}/{method}"
            assert line["who"]["proof"] == "certificate"
            assert line["who"]["subject"] == f"{name}.test"
            assert line["who"]["caller"] == name
            assert line["peer"].startswith("ipv4:127.0.0.1:")
            assert line["request_id"]
        assert only["status"] == "PERMISSION_DENIED"
        assert only["reason"] == "ACCESS_DENIED"
        assert last["status"] == ("CANCELLED" if method == "WatchExports" else "OK"), method
        if method in ABOUT_AN_EJ:
            assert (first["ej"], last["ej"]) == (1, 1)
            assert first["finess"].isdecimal()
    assert_sound(trail)
    exported = list(audit_events(events(trail), "audit"))
    assert len(exported) == len(lines) + 2  # the start and the stop of the server


def _channel(guarded: Guarded, app: App) -> grpc.aio.Channel:
    return grpc.aio.secure_channel(app.address, guarded.site.credentials())


async def test_an_exports_lines_say_what_was_given(sixty_url: str, guarded: Guarded, trail: Path) -> None:
    sent: list[Any] = []
    async with audited(guarded, sixty_url, trail) as app, guarded.caller(app, "all") as caller:
        request, one = ExportPatientsRequest(ej_id=1), (("x-request-id", "one"),)
        sent = [await caller.exports.ExportPatients(request, metadata=one) for _ in range(2)]
        etag = sent[0].snapshot.etag
        sent.append(await caller.exports.ExportPatients(ExportPatientsRequest(ej_id=1, if_none_match=etag)))
        chunks = await streamed(caller.exports.StreamExport(STREAM))
    for answer, (first, last) in zip(sent, _calls(trail).values(), strict=False):
        snapshot = answer.snapshot
        source = "cache" if snapshot.source == types.Snapshot.SOURCE_CACHE else "database"
        assert (first["dataset"], first["source"]) == ("patients", source)
        assert f'"{first["etag"]}"' == f'"{last["etag"]}"' == snapshot.etag
        assert first["not_modified"] is answer.not_modified
        assert last["sent_bytes"] == answer.ByteSize()
        if not answer.not_modified:
            assert last["resources"] == snapshot.resource_count
            assert last["bytes"] == snapshot.size_bytes == len(answer.json.encode())
    (*_, (first, last)) = _calls(trail).values()
    assert last["sent_bytes"] == sum(chunk.ByteSize() for chunk in chunks)
    assert last["resources"] == chunks[-1].finished.resource_count
    assert [first["request_id"] for first, _ in _calls(trail).values()][:2] == ["one", "one"]
    assert len({*_calls(trail)}) == 4


async def test_refused_calls_of_unknown_callers_are_counted_above_a_limit(
    small_url: str, trail: Path, tmp_path: Path
) -> None:
    tokens = tmp_path / "tokens.toml"
    tokens.write_text("")
    async with exporting(small_url, audit_directory=str(trail), tokens_file=tokens) as stub:
        # In turn: those of either kind that come first have lines of their own.
        shown: list[tuple[tuple[str, str], ...]] = [(), (("authorization", "Bearer x.y.z"),)] * 125
        calls = [stub.ExportPatients(ExportPatientsRequest(ej_id=1), metadata=one) for one in shown]
        assert {await call.code() for call in calls} == {grpc.StatusCode.UNAUTHENTICATED}
    lines = [event for event in events(trail) if event["event"] == "refused"]
    folded = [event for event in events(trail) if event["event"] == "folded"]
    assert 100 <= len(lines) < 250
    assert {line["reason"] for line in lines} == {"CREDENTIALS_MISSING", "CREDENTIALS_INVALID"}
    assert not any("who" in line or "ej" in line for line in lines)
    counted = sum(count for line in folded for count in line["refused"].values())
    assert len(lines) + counted == 250
    assert_sound(trail)


async def test_two_servers_have_a_chain_each(small_url: str, trail: Path) -> None:
    async with (
        exporting(small_url, audit_directory=str(trail)) as one,
        exporting(small_url, audit_directory=str(trail)) as other,
    ):
        for stub in (one, other):
            await stub.ExportPatients(ExportPatientsRequest(ej_id=1))
    for name in ("audit", "audit.2"):
        calls = [event["event"] for event in events(trail, name) if "call" in event]
        assert calls == ["begun", "ended"]
    assert_sound(trail)


@pytest.mark.long
async def test_workers_have_a_chain_each(sixty_url: str, trail: Path, tmp_path: Path) -> None:
    async with server_process(tmp_path, sixty_url, WORKERS="2", AUDIT_DIRECTORY=str(trail)):
        pass
    assert chains_in(trail) == ["audit", "audit.2"]
    for name in chains_in(trail):
        assert kinds(trail, name) == ["opened", "started", "stopped"]
    assert_sound(trail)


async def test_without_a_directory_nothing_is_written(small_url: str, tmp_path: Path) -> None:
    before = set(tmp_path.iterdir())
    async with exporting(small_url) as stub:
        await stub.ExportPatients(ExportPatientsRequest(ej_id=1))
    assert set(tmp_path.iterdir()) == before

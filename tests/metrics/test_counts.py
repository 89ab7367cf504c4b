"""Shows that a known sequence of calls leaves exactly the numbers it should, and no new series."""

import asyncio
import time

import grpc
import psycopg
import pytest
from fhirexport.v1.export_service_pb2 import (
    ExportPatientsRequest,
    ExportStructureRequest,
)
from fhirexport.v1.import_service_pb2 import ImportOptions, ImportResourcesRequest
from fhirexport.v1.import_service_pb2_grpc import ImportServiceStub
from fhirexport.v1.types_pb2 import FORMAT_NDJSON, Consistency
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.outcomes import ExportAnswer
from fhirexport_server.exports.producing import rendering_places
from fhirexport_server.telemetry.metrics import Answered, Metrics
from metrics.counting import PATIENTS, VENUES, Counts, Server, drain, serving
from prometheus_client import CollectorRegistry
from sqlalchemy import text
from support.locks import locked, until_waiting
from support.metrics import read
from support.rows import writing
from support.server import PATIENCE
from support.valkey import Valkey

EXPORTS = "fhir_export_duration_seconds_count"
RENDERINGS = "fhirexport_rendering_seconds_count"


async def test_every_way_to_be_answered_is_counted_once(small_url: str, valkey: Valkey) -> None:
    async with serving(small_url, redis_url=valkey.url) as server:
        before, stub = await server.page(), server.stub
        missed = await stub.ExportPatients(PATIENTS)
        answers = [missed, *[await stub.ExportPatients(PATIENTS) for _ in range(3)]]
        known = ExportPatientsRequest(ej_id=1, if_none_match=missed.snapshot.etag)
        answers.append(await stub.ExportPatients(known))
        afresh = ExportPatientsRequest(ej_id=1, consistency=Consistency(bypass_cache=True))
        answers.append(await stub.ExportPatients(afresh))
        streamed = await drain(stub, VENUES)
        for wrong in (ExportPatientsRequest(ej_id=7), ExportPatientsRequest()):
            with pytest.raises(grpc.aio.AioRpcError):
                await stub.ExportPatients(wrong)
        kept: Counts = {("get", "miss"): 2, ("set", "stored"): 3}
        await server.counts(kept, "cache_operations_total", "operation", "outcome")
        rendered: Counts = {("patients", "done"): 2, ("venues", "done"): 1}
        await server.counts(rendered, RENDERINGS, "type", "outcome")
        await server.counts({}, "fhirexport_renderings_in_progress", "type")
        page = await server.page()
    assert page.counted(EXPORTS, "type", "cache") == {
        ("patients", "miss"): 1,
        ("patients", "hit"): 3,
        ("patients", "not_modified"): 1,
        ("patients", "bypass"): 1,
        ("patients", "error"): 1,
        ("venues", "miss"): 1,
    }
    assert page.value("cache_hit_rate") == pytest.approx(100 * 4 / 6)
    assert page.counted("fhirexport_cache_claims_total", "outcome") == {("own",): 2}
    assert page.counted("fhirexport_cache_state", "state") == {("available",): 1}
    assert page.counted("fhirexport_memory_lookups_total", "outcome") == {("hit",): 3, ("miss",): 2}
    assert page.value("fhirexport_memory_entries") == 2
    assert page.value("fhirexport_memory_bytes") > 0
    assert page.counted("fhirexport_revision_lookup_seconds_count", "outcome") == {("answered",): 8}
    assert page.counted("fhirexport_refusals_total", "reason") == {
        ("EJ_NOT_FOUND",): 1,
        ("INVALID_FIELD",): 1,
    }
    assert page.counted("grpc_server_handled_total", "grpc_method", "grpc_code") == {
        ("ExportPatients", "OK"): 6,
        ("ExportPatients", "NotFound"): 1,
        ("ExportPatients", "InvalidArgument"): 1,
        ("StreamExport", "OK"): 1,
    }
    assert page.counted("fhirexport_sent_bytes_total", "grpc_method") == {
        ("ExportPatients",): sum(answer.ByteSize() for answer in answers),
        ("StreamExport",): streamed,
    }
    assert page.series.keys() == before.series.keys()


async def test_what_another_process_has_made_is_a_hit(small_url: str, valkey: Valkey) -> None:
    async with serving(small_url, redis_url=valkey.url) as first:
        await first.stub.ExportPatients(PATIENTS)
        await first.until("cache_operations_total", 1, operation="set", outcome="stored")
    async with serving(small_url, redis_url=valkey.url) as second:
        await second.stub.ExportPatients(PATIENTS)
        page = await second.page()
    assert page.counted(EXPORTS, "type", "cache") == {("patients", "hit"): 1}
    assert page.counted("cache_operations_total", "operation", "outcome") == {("get", "hit"): 1}
    assert page.counted(RENDERINGS, "type", "outcome") == {}


async def test_what_redis_has_lost_a_part_of_is_told(small_url: str, valkey: Valkey) -> None:
    async with serving(small_url, redis_url=valkey.url) as first:
        await first.stub.ExportPatients(PATIENTS)
        await first.until("cache_operations_total", 1, operation="set", outcome="stored")
    with valkey.client() as client:
        segments = [key for key in client.scan_iter() if b":s:" in key]
        client.delete(max(segments, key=client.strlen))
    async with serving(small_url, redis_url=valkey.url) as second:
        await second.stub.ExportPatients(PATIENTS)
        page = await second.page()
    # The end of the Bundle is a segment, too, and is there.
    counted = page.counted("fhirexport_cache_segments_total", "outcome")
    assert counted == {("missing",): 1, ("found",): 1}
    assert page.counted(EXPORTS, "type", "cache") == {("patients", "miss"): 1}


async def test_a_write_makes_what_is_kept_stale(small_url: str) -> None:
    async with serving(small_url) as server:
        await server.stub.ExportPatients(PATIENTS)
        with writing(small_url) as connection:
            connection.execute(text("UPDATE patient SET used_family = 'DURAND'"))
        await server.stub.ExportPatients(PATIENTS)
        await server.until("cache_operations_total", 2, operation="get", outcome="unavailable")
        page = await server.page()
    assert page.counted(EXPORTS, "type", "cache") == {("patients", "miss"): 1, ("patients", "stale"): 1}
    assert page.counted("fhirexport_memory_lookups_total", "outcome") == {("miss",): 1, ("stale",): 1}
    assert page.value("cache_hit_rate") == 0
    assert page.counted("fhirexport_cache_state", "state") == {("unavailable",): 1}


@pytest.mark.long
async def test_how_a_rendering_ends_is_told(lockable_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering_places, "PLACE_SECONDS", 0.05)
    async with serving(lockable_url, max_renderings=1, rendering_timeout=4) as server:
        stub = server.stub
        async with locked(lockable_url, "patient"):
            first = stub.ExportPatients(PATIENTS)
            second = stub.ExportPatients(PATIENTS)
            await until_waiting(lockable_url)
            page = await read(server.app.metrics_address)
            assert page.counted("fhirexport_renderings_in_progress", "type") == {("patients",): 1}
            assert page.value("fhirexport_rendering_places") == 1
            with pytest.raises(grpc.aio.AioRpcError):
                await stub.ExportStructure(ExportStructureRequest(ej_id=1))
            for call in (first, second):
                with pytest.raises(grpc.aio.AioRpcError):
                    await call
            await server.until("fhirexport_renderings_in_progress", 0, type="patients")
            left = stub.ExportPatients(PATIENTS)
            await server.until("fhirexport_renderings_in_progress", 1, type="patients")
            left.cancel()
            await server.until("fhirexport_renderings_in_progress", 0, type="patients")
        with writing(lockable_url) as connection:
            for number in (2, 3):
                connection.execute(
                    text(
                        "INSERT INTO org_unit (id, ej_id, kind, code, name) "
                        f"VALUES ({number}, 1, 'UF', 'U{number}', 'U')"
                    )
                )
            connection.execute(text("UPDATE org_unit SET parent_id = 5 - id WHERE id IN (2, 3)"))
        with pytest.raises(grpc.aio.AioRpcError):
            await stub.ExportStructure(ExportStructureRequest(ej_id=1))
        # The caller hears of it before the thread has ended.
        ended: Counts = {
            ("patients", "timeout"): 1,
            ("patients", "abandoned"): 1,
            ("structure", "failed"): 1,
        }
        await server.counts(ended, RENDERINGS, "type", "outcome")
        await server.until("fhirexport_spool_bytes", 0)
        page = await server.page()
    assert page.value("fhirexport_renderings_refused_total") == 1
    assert page.counted(EXPORTS, "type", "cache") == {
        ("patients", "error"): 2,
        ("patients", "cancelled"): 1,
        ("structure", "error"): 2,
    }
    assert page.counted("fhirexport_refusals_total", "reason") == {
        ("DEADLINE_EXCEEDED",): 2,
        ("TOO_MANY_EXPORTS",): 1,
        ("ROW_NOT_RENDERABLE",): 1,
    }


async def test_who_waits_for_a_rendering_of_another_is_collapsed(lockable_url: str) -> None:
    async with serving(lockable_url) as server:
        async with locked(lockable_url, "patient"):
            calls = [server.stub.ExportPatients(PATIENTS) for _ in range(4)]
            await until_waiting(lockable_url)
            await server.until("fhirexport_memory_lookups_total", 4, outcome="miss")
        for call in calls:
            await call
        await server.counts({("patients", "done"): 1}, RENDERINGS, "type", "outcome")
        page = await server.page()
    assert page.counted(EXPORTS, "type", "cache") == {("patients", "miss"): 1, ("patients", "collapsed"): 3}


@pytest.mark.long
async def test_a_database_that_cannot_answer_is_told(lockable_url: str) -> None:
    async with serving(lockable_url) as server:
        with writing(lockable_url) as connection:
            connection.execute(text("ALTER TABLE ej RENAME TO gone"))
            connection.execute(text("ALTER TABLE alembic_version RENAME TO gone_too"))
        with pytest.raises(grpc.aio.AioRpcError):
            await server.stub.ExportPatients(PATIENTS)
        await server.until("fhirexport_serving", 0, grpc_service="fhirexport.v1.ExportService")
        page = await server.page()
    assert page.counted("fhirexport_revision_lookup_seconds_count", "outcome") == {("failed",): 1}
    assert page.counted(EXPORTS, "type", "cache") == {("patients", "error"): 1}


async def test_changes_that_are_left_to_fold_are_told(lockable_url: str) -> None:
    async with await psycopg.AsyncConnection.connect(lockable_url) as busy:
        # What another compactor has in hand is left alone.
        held = await busy.execute("SELECT id FROM revision_delta FOR UPDATE")
        assert held.rowcount > 0
        async with serving(lockable_url) as server:
            await server.until("fhirexport_revision_deltas", held.rowcount)
            last = (await server.page()).value("fhirexport_upkeep_timestamp_seconds")
            await busy.rollback()
            await server.until("fhirexport_revision_deltas", 0)
            async with asyncio.timeout(PATIENCE):
                while (await server.page()).value("fhirexport_upkeep_timestamp_seconds") <= last:
                    await asyncio.sleep(0.02)


async def test_a_loop_that_is_held_up_is_seen(small_url: str) -> None:
    async with serving(small_url) as server:
        asyncio.get_running_loop().call_soon(time.sleep, 0.6)
        async with asyncio.timeout(PATIENCE):
            while await late_samples(server) < 1:
                await asyncio.sleep(0.02)


async def late_samples(server: Server) -> float:
    page = await server.page()
    samples = page.value("fhirexport_event_loop_lag_seconds_count")
    return samples - page.value("fhirexport_event_loop_lag_seconds_bucket", le="0.25")


async def test_without_a_cache_nothing_is_asked_of_it(small_url: str) -> None:
    async with serving(small_url, cache_enabled=False) as server:
        for _ in range(2):
            await server.stub.ExportPatients(PATIENTS)
        page = await server.page()
    assert page.counted("fhirexport_cache_state", "state") == {("disabled",): 1}
    assert page.counted("cache_operations_total", "operation", "outcome") == {}
    assert page.counted(EXPORTS, "type", "cache") == {("patients", "miss"): 2}


def test_what_the_cache_could_have_answered_is_known_for_each_dataset() -> None:
    metrics = Metrics(CollectorRegistry())
    assert metrics.hit_rate() == 0
    for answer in ExportAnswer:
        metrics.exported(Dataset.VENUES, answer, 0.1)
    metrics.exported(Dataset.PATIENTS, ExportAnswer.HIT, 0.1)
    assert metrics.answered(Dataset.VENUES) == Answered(hits=2, misses=3, stale=1)
    assert metrics.answered(Dataset.PATIENTS) == Answered(hits=1, misses=0, stale=0)
    assert metrics.hit_rate() == 50


async def test_imports_are_counted_by_what_became_of_their_resources(small_url: str) -> None:
    async with serving(small_url) as server:
        async with grpc.aio.insecure_channel(server.app.address) as channel:
            stub = ImportServiceStub(channel)
            resources = (
                (await server.stub.ExportPatients(ExportPatientsRequest(ej_id=1, format=FORMAT_NDJSON))).json
            ).splitlines()
            content = "\n".join([*resources, '{"resourceType": "Device"}'])
            messages = [
                ImportResourcesRequest(options=ImportOptions(ej_id=1)),
                ImportResourcesRequest(chunk=content.encode()),
            ]
            await stub.ImportResources(iter(messages))
            changed = content.replace('"active":true', '"active":false').encode()
            messages[0].options.request_id = "6fc13d5c-7bd4-4a09-8d1a-0a4fe7f8a5ac"
            messages[1].chunk = changed
            for _ in range(2):
                await stub.ImportResources(iter(messages))
        page = await server.page()
    counted = page.counted("fhirexport_imported_resources_total", "outcome")
    assert counted == {("updated",): len(resources)}
    # Told once of the import that changed nothing, once of the one that did; not of its repetition.
    assert page.counted("fhirexport_import_problems_total", "severity") == {("error",): 2}

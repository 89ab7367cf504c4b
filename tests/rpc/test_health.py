"""Shows what the health service says, when it changes its mind, and how its watches end."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import grpc
import pytest
from fhirexport import AsyncClient, NotFoundError
from fhirexport_server.app import running
from fhirexport_server.rpc.cache.service import CacheAdmin
from fhirexport_server.rpc.exports.service import ExportService
from fhirexport_server.rpc.health import NAMES, SERVER, HealthService, Probe
from fhirexport_server.rpc.imports.service import ImportService
from fhirexport_server.store.migrate import migrate
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from sqlalchemy import text
from structlog.testing import capture_logs
from support.rows import writing
from support.server import PATIENCE, running_server, settings, wait_for_health
from support.valkey import Valkey

NewDatabase = Callable[[str], str]
SERVING, NOT_SERVING = HealthCheckResponse.SERVING, HealthCheckResponse.NOT_SERVING


async def _statuses(address: str) -> dict[str, int]:
    async with grpc.aio.insecure_channel(address) as channel:
        check = HealthStub(channel).Check
        return {name: (await check(HealthCheckRequest(service=name))).status for name in NAMES}


async def test_every_service_has_a_status_of_its_own(database_url: str) -> None:
    async with running_server(database_url) as address:
        await wait_for_health(address)
        await wait_for_health(address, service="fhirexport.v1.ImportService")
        assert await _statuses(address) == {
            "": SERVING,
            "fhirexport.v1.ExportService": SERVING,
            "fhirexport.v1.CacheAdmin": NOT_SERVING,
            "fhirexport.cache": NOT_SERVING,
            "fhirexport.v1.ImportService": SERVING,
        }


async def test_imports_do_not_serve_where_the_server_may_not_write(
    new_database: NewDatabase,
) -> None:
    url = new_database("postgresql")
    with writing(url) as connection:
        connection.execute(text("DROP ROLE IF EXISTS bystander"))
        connection.execute(text("CREATE ROLE bystander LOGIN"))
        connection.execute(text("GRANT SELECT ON ALL TABLES IN SCHEMA public TO bystander"))
    with capture_logs() as lines:
        async with running_server(url.replace("postgres@", "bystander@")) as address:
            await wait_for_health(address)
            await _until_logged(lines, "imports_unavailable")
            assert (await _statuses(address))["fhirexport.v1.ImportService"] == NOT_SERVING
            rights = "INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public"
            with writing(url) as connection:
                connection.execute(text(f"GRANT {rights} TO bystander"))
            await wait_for_health(address, service="fhirexport.v1.ImportService")
    assert [line["reason"] for line in lines if line["event"] == "imports_unavailable"] == [
        "DATABASE_READ_ONLY"
    ]
    with writing(url) as connection:
        connection.execute(text("DROP OWNED BY bystander"))


async def _until_logged(lines: Sequence[Mapping[str, Any]], event: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while event not in [line["event"] for line in lines]:
            await asyncio.sleep(0.02)


def test_every_servicer_has_its_generated_base_and_every_method_of_it() -> None:
    for servicer in (HealthService, ExportService, CacheAdmin, ImportService):
        base = servicer.__mro__[1]
        assert base.__module__.endswith("_pb2_grpc")
        methods = [name for name in vars(base) if not name.startswith("_")]
        assert methods
        assert [name for name in methods if getattr(servicer, name) is getattr(base, name)] == []


async def test_a_watch_too_many_lets_its_client_call_all_the_same(
    new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fhirexport_server.app.HealthService", lambda: HealthService(most_watches=1))
    async with (
        asyncio.timeout(PATIENCE),
        running_server(new_database("sqlite")) as address,
        grpc.aio.insecure_channel(address) as channel,
    ):
        request = HealthCheckRequest(service="")
        first = HealthStub(channel).Watch(request)
        while (await first.read()).status != SERVING:
            pass
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await HealthStub(channel).Watch(request).read()
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
        assert "use Check" in (caught.value.details() or "")
        # By the protocol of health checking, this client then takes the server for healthy.
        async with AsyncClient(address) as client:
            with pytest.raises(NotFoundError):
                await client.structure(1).read()
        first.cancel()
        while True:  # the place of the watch that left is free again
            try:
                assert (await HealthStub(channel).Watch(request).read()).status == SERVING
                break
            except grpc.aio.AioRpcError as error:
                assert error.code() is grpc.StatusCode.UNIMPLEMENTED  # noqa: PT017 - not to be raised for long


@pytest.mark.long
async def test_losing_redis_degrades_its_services_and_not_the_exports(
    new_database: NewDatabase, own_valkey: Valkey
) -> None:
    async with running_server(new_database("sqlite"), redis_url=own_valkey.url) as address:
        await wait_for_health(address)
        for _ in range(2):
            await wait_for_health(address, service="fhirexport.cache")
            await wait_for_health(address, service="fhirexport.v1.CacheAdmin")
            own_valkey.kill()
            await wait_for_health(address, service="fhirexport.cache", serving=False)
            await wait_for_health(address, service="fhirexport.v1.CacheAdmin", serving=False)
            await wait_for_health(address)
            own_valkey.start()


async def test_without_a_cache_its_administration_serves_to_say_so(new_database: NewDatabase) -> None:
    async with running_server(new_database("sqlite"), cache_enabled=False) as address:
        await wait_for_health(address)
        found = await _statuses(address)
        assert (found["fhirexport.v1.CacheAdmin"], found["fhirexport.cache"]) == (SERVING, NOT_SERVING)


async def test_a_server_starts_without_its_database_and_serves_once_it_is_there(tmp_path: Path) -> None:
    directory = tmp_path / "later"
    url = f"sqlite:///{directory}/fhirexport.db"
    with capture_logs() as lines:
        async with running_server(url) as address:
            await wait_for_health(address, serving=False)
            await asyncio.to_thread(directory.mkdir)
            await asyncio.to_thread(migrate, url)
            await wait_for_health(address)
            await wait_for_health(address, service="")
    changes = [line["event"] for line in lines if line["event"].startswith("exports_")]
    assert changes == ["exports_unavailable", "exports_available"]


async def test_a_name_that_no_service_has_is_not_found(new_database: NewDatabase) -> None:
    async with (
        running_server(new_database("sqlite")) as address,
        grpc.aio.insecure_channel(address) as channel,
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await HealthStub(channel).Check(HealthCheckRequest(service="nope"))
        watch = HealthStub(channel).Watch(HealthCheckRequest(service="nope"))
        first = await watch.read()
        watch.cancel()
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert first.status == HealthCheckResponse.SERVICE_UNKNOWN


async def test_a_watch_that_leaves_does_not_silence_the_others(new_database: NewDatabase) -> None:
    async with (
        asyncio.timeout(PATIENCE),
        running(settings(new_database("sqlite"))) as app,
        grpc.aio.insecure_channel(app.address) as channel,
    ):
        await wait_for_health(app.address)
        request = HealthCheckRequest(service="fhirexport.v1.ExportService")
        leaving, staying = HealthStub(channel).Watch(request), HealthStub(channel).Watch(request)
        assert [(await leaving.read()).status, (await staying.read()).status] == [SERVING, SERVING]
        leaving.cancel()
        drained = asyncio.create_task(app.drain(delay=0, grace=30))
        assert (await staying.read()).status == NOT_SERVING
        assert await staying.read() is grpc.aio.EOF
        # The watch has ended by itself: the drain does not use up its grace.
        await drained


async def test_a_drain_that_begins_while_a_status_is_sent_is_told_too() -> None:
    health = HealthService()
    await health.set_serving("", serving=True)
    watch = health.Watch(HealthCheckRequest(service=""), cast("Any", None))
    assert (await anext(watch)).status == HealthCheckResponse.SERVING
    await health.drain()
    assert [answer.status async for answer in watch] == [HealthCheckResponse.NOT_SERVING]


async def test_a_database_that_is_too_slow_for_the_probe_is_no_bug_of_ours() -> None:
    probe = Probe(HealthService(), "exports", (SERVER,), partial(asyncio.sleep, PATIENCE))
    with capture_logs() as lines:
        task = asyncio.create_task(probe.run(patience=0))
        async with asyncio.timeout(PATIENCE):
            while not lines:
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait({task})
    assert [(line["event"], line["reason"]) for line in lines] == [
        ("exports_unavailable", "DATABASE_UNAVAILABLE")
    ]

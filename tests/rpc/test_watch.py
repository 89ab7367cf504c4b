"""Shows that watchers are told of what is committed, whoever writes, and of nothing else."""

import asyncio
from collections.abc import Callable

import grpc
import psycopg
import pytest
from fhirexport.v1.cache_admin_pb2 import FlushRequest, InvalidateRequest
from fhirexport.v1.cache_admin_pb2_grpc import CacheAdminStub
from fhirexport.v1.export_service_pb2 import ExportPatientsRequest, WatchExportsRequest
from fhirexport.v1.import_service_pb2 import ImportBundleRequest, ImportOptions
from fhirexport.v1.import_service_pb2_grpc import ImportServiceStub
from fhirexport.v1.types_pb2 import Consistency
from rpc.watching import ALL, ended, request, told, until, watching
from sqlalchemy import text
from support.rows import writing
from support.server import running_server
from support.status import refused

PATIENTS, VENUES = (1, "patients"), (1, "venues")
UPDATE = "UPDATE patient SET used_family = 'DURAND' WHERE id = 1"
DELETE = """{"resourceType": "Bundle", "type": "batch", "entry": [
    {"request": {"method": "DELETE", "url": "Encounter/ven-1"}}]}"""


@pytest.fixture
def url(backend: str, new_small: Callable[[str], str]) -> str:
    return new_small(backend)


def _write(url: str, *statements: str) -> None:
    with writing(url) as connection:
        for statement in statements:
            connection.execute(text(statement))


async def test_the_first_message_comes_at_once_with_the_present_revisions(url: str) -> None:
    async with running_server(url) as address, watching(address) as stub:
        first = await told(stub.WatchExports(request()))
        assert set(first) == set(ALL)
        # They are those of exports.
        export = await stub.ExportPatients(ExportPatientsRequest(ej_id=1))
        assert export.snapshot.revision == first[PATIENTS]


async def test_plain_sql_of_another_program_is_told(url: str) -> None:
    async with running_server(url) as address, watching(address) as stub:
        watch = stub.WatchExports(request())
        first = await told(watch)
        await asyncio.to_thread(_write, url, UPDATE)
        news = await told(watch)
        assert set(news) == {PATIENTS}
        assert news[PATIENTS] != first[PATIENTS]
        # An export with the token contains the write.
        consistency = Consistency(at_least=news[PATIENTS])
        export = await stub.ExportPatients(ExportPatientsRequest(ej_id=1, consistency=consistency))
        assert "DURAND" in export.json
        assert export.snapshot.revision == news[PATIENTS]


async def test_what_is_rolled_back_is_not_told(url: str) -> None:
    async with running_server(url) as address, watching(address) as stub:
        watch = stub.WatchExports(request())
        await told(watch)
        with pytest.raises(ZeroDivisionError), writing(url) as connection:
            connection.execute(text(UPDATE))
            raise ZeroDivisionError
        # What comes next is this, and nothing before it.
        await asyncio.to_thread(_write, url, "UPDATE venue SET nda = 'N1' WHERE id = 1")
        assert set(await told(watch)) == {VENUES}


async def test_what_is_not_committed_yet_is_not_told(new_small: Callable[[str], str]) -> None:
    url = new_small("postgresql")
    async with running_server(url) as address, watching(address) as stub:
        watch = stub.WatchExports(request())
        await told(watch)
        async with await psycopg.AsyncConnection.connect(url) as connection:
            await connection.execute(UPDATE)
            await asyncio.to_thread(_write, url, "UPDATE venue SET nda = 'N1' WHERE id = 1")
            assert set(await told(watch)) == {VENUES}
            await connection.commit()
        assert set(await told(watch)) == {PATIENTS}


async def test_an_import_is_told_with_the_revision_that_it_answers(url: str) -> None:
    async with (
        running_server(url) as address,
        watching(address) as stub,
        grpc.aio.insecure_channel(address) as channel,
    ):
        watch = stub.WatchExports(request())
        await told(watch)
        imports = ImportServiceStub(channel)
        answer = await imports.ImportBundle(
            ImportBundleRequest(options=ImportOptions(ej_id=1), bundle=DELETE)
        )
        assert answer.summary.deleted_count == 1
        (made,) = answer.summary.revisions
        assert await told(watch) == {VENUES: made.revision}


async def test_an_invalidation_is_told(url: str) -> None:
    async with (
        running_server(url) as address,
        watching(address) as stub,
        grpc.aio.insecure_channel(address) as channel,
    ):
        watch = stub.WatchExports(request())
        await told(watch)
        await CacheAdminStub(channel).Invalidate(InvalidateRequest(pattern="fhir:export:patients:ej:1"))
        assert set(await told(watch)) == {PATIENTS}
        await CacheAdminStub(channel).Flush(FlushRequest())
        assert set(await until(watch, ALL)) == set(ALL)


async def test_changes_of_one_transaction_are_one_message(url: str) -> None:
    async with running_server(url) as address, watching(address) as stub:
        watch = stub.WatchExports(request())
        await told(watch)
        await asyncio.to_thread(
            _write, url, UPDATE, "UPDATE venue SET nda = 'N1'", "UPDATE venue SET nda = 'N2'"
        )
        assert set(await told(watch)) == {PATIENTS, VENUES}


async def test_a_watcher_that_comes_back_misses_nothing_and_is_told_nothing_twice(url: str) -> None:
    async with running_server(url) as address, watching(address) as stub:
        watch = stub.WatchExports(request())
        known = await told(watch)
        watch.cancel()
        await asyncio.to_thread(_write, url, UPDATE)
        again = stub.WatchExports(request(after=known))
        missed = await told(again)
        assert set(missed) == {PATIENTS}
        again.cancel()
        # With all that there is, the first message is empty, and comes all the same.
        third = stub.WatchExports(request(after=known | missed))
        assert await told(third) == {}
        await asyncio.to_thread(_write, url, "UPDATE venue SET nda = 'N1'")
        assert set(await told(third)) == {VENUES}


async def test_each_watcher_is_told_of_what_it_watches(url: str) -> None:
    await asyncio.to_thread(_write, url, "INSERT INTO ej (id, finess, name) VALUES (2, '750712184', 'AP')")
    async with running_server(url) as address, watching(address) as stub:
        others = stub.WatchExports(request([(2, "patients"), VENUES]))
        ours = stub.WatchExports(request([PATIENTS]))
        for watch in (others, ours):
            await told(watch)
        await asyncio.to_thread(_write, url, UPDATE)
        assert set(await told(ours)) == {PATIENTS}
        await asyncio.to_thread(_write, url, "INSERT INTO patient (ej_id) VALUES (2)")
        assert set(await told(others)) == {(2, "patients")}


async def test_an_ej_that_does_not_exist_is_not_found_at_once_or_once_it_is_gone(url: str) -> None:
    await asyncio.to_thread(_write, url, "INSERT INTO ej (id, finess, name) VALUES (2, '750712184', 'AP')")
    async with running_server(url) as address, watching(address) as stub:
        watch = stub.WatchExports(request([(2, "structure")]))
        other = stub.WatchExports(request([PATIENTS]))
        for call in (watch, other):
            await told(call)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await told(stub.WatchExports(request([PATIENTS, (9, "venues")])))
        assert (refused(caught.value).code, refused(caught.value).reason) == ("NOT_FOUND", "EJ_NOT_FOUND")
        assert refused(caught.value).metadata == {"ej_id": "9"}
        await asyncio.to_thread(_write, url, "DELETE FROM ej WHERE id = 2")
        assert await ended(watch) is grpc.StatusCode.NOT_FOUND
        await asyncio.to_thread(_write, url, UPDATE)
        assert set(await told(other)) == {PATIENTS}


async def test_what_is_no_watch_is_refused_with_each_field(url: str) -> None:
    async with running_server(url) as address, watching(address) as stub:
        known = await told(stub.WatchExports(request()))
        wrong = request([(0, "venues"), PATIENTS, PATIENTS, VENUES])
        wrong.exports[1].after_revision = known[VENUES]
        wrong.exports[3].after_revision = "nonsense"
        wrong.exports.add(ej_id=1)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await told(stub.WatchExports(wrong))
        found = refused(caught.value)
        assert (found.code, found.reason) == ("INVALID_ARGUMENT", "INVALID_FIELD")
        assert list(found.violations) == [
            "exports[0].ej_id",
            "exports[1].after_revision",
            "exports[2]",
            "exports[3].after_revision",
            "exports[4].dataset",
        ]
        for empty in (WatchExportsRequest(), request((n, "venues") for n in range(1, 302))):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await told(stub.WatchExports(empty))
            assert list(refused(caught.value).violations) == ["exports"]


async def test_the_largest_watch_that_may_be_works(url: str) -> None:
    _write(url, *(f"INSERT INTO ej (id, finess, name) VALUES ({n}, '{n:09}', 'X')" for n in range(2, 101)))
    every = [(ej_id, name) for ej_id in range(1, 101) for _, name in ALL]
    async with running_server(url) as address, watching(address) as stub:
        watch = stub.WatchExports(request(every))
        known = await told(watch)
        assert len(known) == 300
        assert await told(stub.WatchExports(request(every, known))) == {}


async def test_every_process_tells_what_another_one_imported(url: str) -> None:
    async with (
        running_server(url) as one,
        running_server(url) as other,
        watching(one) as stub,
        grpc.aio.insecure_channel(other) as channel,
    ):
        watch = stub.WatchExports(request([VENUES]))
        await told(watch)
        answer = await ImportServiceStub(channel).ImportBundle(
            ImportBundleRequest(options=ImportOptions(ej_id=1), bundle=DELETE)
        )
        assert await told(watch) == {VENUES: answer.summary.revisions[0].revision}


async def test_of_many_writes_the_last_is_told_last(url: str) -> None:
    async with running_server(url) as address, watching(address) as stub:
        watch = stub.WatchExports(request([PATIENTS]))
        await told(watch)
        for number in range(50):
            await asyncio.to_thread(_write, url, f"UPDATE patient SET used_family = 'D{number}'")
        export = await stub.ExportPatients(ExportPatientsRequest(ej_id=1))
        while (await told(watch))[PATIENTS] != export.snapshot.revision:
            pass

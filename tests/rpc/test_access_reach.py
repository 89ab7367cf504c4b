"""Shows what somebody sees and touches whose rights are to some EJs: those, and nothing else."""

import asyncio
from pathlib import Path
from typing import Any

import grpc
import pytest
from fhirexport.v1 import types_pb2 as types
from fhirexport.v1.cache_admin_pb2 import (
    FlushRequest,
    GetStatsRequest,
    InvalidateRequest,
    ListEntriesRequest,
    WarmRequest,
)
from fhirexport.v1.export_service_pb2 import (
    ExportPatientsRequest,
    ExportStructureRequest,
    ListLegalEntitiesRequest,
)
from fhirexport.v1.import_service_pb2 import ImportBundleRequest
from fhirexport_server.app import App
from sqlalchemy import text
from support.admin import kept
from support.callers import Caller, Guarded
from support.certificates import Site
from support.rows import writing
from support.server import PATIENCE
from support.status import refused
from support.valkey import Valkey


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


async def _listed(caller: Caller, size: int = 0, finess: str = "") -> list[list[int]]:
    """Returns the pages of EJs."""
    pages, token = [], None
    while token != "":
        page = await caller.exports.ListLegalEntities(
            ListLegalEntitiesRequest(page_size=size, page_token=token or "", finess=finess)
        )
        pages.append([entity.ej_id for entity in page.legal_entities])
        token = page.next_page_token
    return pages


async def test_the_list_of_entities_has_those_that_anything_may_be_exported_of(
    sixty_url: str, site: Site
) -> None:
    callers = {
        "all": ["export:venues:*"],
        "two": ["export:venues:ej:id:3", "export:patients:ej:id:1", "export:patients:ej:id:999", "import:*"],
        "none": ["export:venues:ej:id:999", "watch:*:*"],
    }
    guarded = Guarded(site, callers)
    async with guarded.running(sixty_url) as app:
        async with guarded.caller(app, "all") as everything:
            (every,) = await _listed(everything)
            assert every[:3] == [1, 2, 3]
            numbers = await everything.exports.ListLegalEntities(ListLegalEntitiesRequest())
            finess = {entity.ej_id: entity.finess for entity in numbers.legal_entities}
        async with guarded.caller(app, "two") as caller:
            assert await _listed(caller) == [[1, 3]]
            assert await _listed(caller, size=1) == [[1], [3]]
            assert await _listed(caller, finess=finess[3]) == [[3]]
            assert (
                await _listed(caller, finess=finess[2]) == await _listed(caller, finess="999999999") == [[]]
            )
        async with guarded.caller(app, "none") as caller:
            assert await _listed(caller) == [[]]


async def test_a_right_by_finess_is_to_the_ej_that_has_the_number_now(sixty_url: str, site: Site) -> None:
    with writing(sixty_url) as connection:
        former, other = connection.execute(text("SELECT finess FROM ej WHERE id < 3 ORDER BY id")).scalars()
    guarded = Guarded(site, {"a": [f"export:structure:ej:{former}"]})
    async with guarded.running(sixty_url) as app, guarded.caller(app, "a") as caller:
        assert await _listed(caller) == [[1]]
        with writing(sixty_url) as connection:
            connection.execute(text("UPDATE ej SET finess = '999999999' WHERE id = 1"))
            connection.execute(text(f"UPDATE ej SET finess = '{former}' WHERE id = 2"))
            connection.execute(text(f"UPDATE ej SET finess = '{other}' WHERE id = 1"))
        async with asyncio.timeout(PATIENCE):
            while await _listed(caller) != [[2]]:
                await asyncio.sleep(0.05)
        await caller.exports.ExportStructure(ExportStructureRequest(ej_id=2))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await caller.exports.ExportStructure(ExportStructureRequest(ej_id=1))
        assert refused(caught.value).reason == "ACCESS_DENIED"


async def _filled(app: App, guarded: Guarded, valkey: Valkey) -> None:
    async with guarded.caller(app, "reader") as caller:
        for ej_id in (1, 2):
            await caller.exports.ExportPatients(ExportPatientsRequest(ej_id=ej_id))
    await kept(valkey, 2)


CACHES = {
    "reader": ["export:*:*"],
    "all": ["cache:admin"],
    "one": ["cache:admin:ej:id:1"],
    "looks": ["cache:read:ej:id:2"],
}


async def _entries(caller: Caller) -> list[int]:
    found: list[int] = []
    token = None
    while token != "":
        page = await caller.admin.ListEntries(ListEntriesRequest(page_token=token or ""))
        found += [entry.ej_id for entry in page.entries]
        token = page.next_page_token
    return sorted(found)


async def test_entries_and_figures_are_those_of_ones_own_ejs(
    sixty_url: str, valkey: Valkey, site: Site
) -> None:
    guarded = Guarded(site, CACHES)
    async with guarded.running(sixty_url, redis_url=valkey.url) as app:
        await _filled(app, guarded, valkey)
        seen: dict[str, Any] = {}
        for name in ("all", "one", "looks"):
            async with guarded.caller(app, name) as caller:
                stats = await caller.admin.GetStats(GetStatsRequest())
                seen[name] = await _entries(caller), [one.entry_count for one in stats.datasets]
                # What is of all EJs together tells of the others.
                for field in ("keyspace_hits", "keyspace_misses", "hit_rate", "total_commands"):
                    assert stats.HasField(field) == (name == "all")
                assert all(one.HasField("hits") == (name == "all") for one in stats.datasets)
        assert seen == {"all": ([1, 2], [0, 2, 0]), "one": ([1], [0, 1, 0]), "looks": ([2], [0, 1, 0])}


async def test_an_invalidation_touches_ones_own_ejs_alone(sixty_url: str, valkey: Valkey, site: Site) -> None:
    guarded = Guarded(site, CACHES)
    async with guarded.running(sixty_url, redis_url=valkey.url) as app:
        await _filled(app, guarded, valkey)
        async with guarded.caller(app, "one") as caller, guarded.caller(app, "reader") as reader:
            preview = await caller.admin.Invalidate(InvalidateRequest(pattern="fhir:*", dry_run=True))
            assert (preview.matched_count, list(preview.sample_keys)) == (1, ["fhir:export:patients:ej:1"])
            done = await caller.admin.Invalidate(InvalidateRequest(pattern="fhir:*", reason="a test"))
            assert (done.matched_count, done.deleted_count) == (1, 1)
            sources = {}
            for ej_id in (1, 2):
                found = await reader.exports.ExportPatients(ExportPatientsRequest(ej_id=ej_id))
                sources[ej_id] = found.snapshot.source
            assert sources == {1: types.Snapshot.SOURCE_DATABASE, 2: types.Snapshot.SOURCE_CACHE}
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await caller.admin.Flush(FlushRequest(reason="a test"))
            assert refused(caught.value).reason == "ACCESS_DENIED"
    with writing(sixty_url) as connection:
        audited = connection.execute(text("SELECT action, matched, actor FROM cache_audit")).all()
    who = "certificate:CN=fhirexport demo authority#one.test"
    assert [tuple(row) for row in audited] == [("invalidate", 3, who)]


async def test_warming_is_of_ones_own_ejs_and_shows_no_content(
    sixty_url: str, valkey: Valkey, site: Site
) -> None:
    guarded = Guarded(site, CACHES)
    async with guarded.running(sixty_url, redis_url=valkey.url) as app, guarded.caller(app, "one") as caller:
        request = WarmRequest(datasets=[types.DATASET_PATIENTS])
        reports = [report async for report in caller.admin.Warm(request)]
        assert [(report.entry.ej_id, report.total_count) for report in reports] == [(1, 1)]
        assert not reports[0].HasField("error")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            request.ej_ids.extend([1, 2])
            [report async for report in caller.admin.Warm(request)]
        assert refused(caught.value).reason == "ACCESS_DENIED"
        for called in (
            caller.exports.ExportPatients(ExportPatientsRequest(ej_id=1)),
            caller.exports.ListLegalEntities(ListLegalEntitiesRequest()),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await called
            assert refused(caught.value).reason == "ACCESS_DENIED"


async def test_an_import_that_names_no_ej_takes_the_right_to_every_ej(small_url: str, site: Site) -> None:
    guarded = Guarded(site, {"all": ["import:*"], "one": ["import:ej:id:1"]})
    reasons = {}
    async with guarded.running(small_url) as app:
        for name in ("all", "one"):
            async with guarded.caller(app, name) as caller:
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await caller.imports.ImportBundle(
                        ImportBundleRequest(bundle='{"resourceType": "Bundle", "type": "batch"}')
                    )
                reasons[name] = refused(caught.value).reason
    assert reasons == {"all": "INVALID_FIELD", "one": "ACCESS_DENIED"}

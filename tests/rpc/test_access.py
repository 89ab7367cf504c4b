"""Shows over real mTLS who may call what, and that what is not one's own looks like what is not there."""

import asyncio
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import grpc
import pytest
from fhirexport.v1 import types_pb2 as types
from fhirexport.v1.cache_admin_pb2 import (
    FlushRequest,
    InvalidateRequest,
    WarmRequest,
)
from fhirexport.v1.export_service_pb2 import (
    ExportPatientsRequest,
    ExportStructureRequest,
    ExportVenuesRequest,
    StreamExportRequest,
    WatchExportsRequest,
)
from fhirexport.v1.import_service_pb2 import ImportBundleRequest, ImportOptions
from fhirexport_server.app import App
from fhirexport_server.rpc.access.call_rights import ACTIONS
from fhirexport_server.rpc.server import SERVICES
from support.admin import kept
from support.callers import Caller, Guarded
from support.certificates import Site
from support.every_method import BUNDLE, RPCS, TIMEOUT, lines, streamed
from support.metrics import read
from support.status import refused
from support.valkey import Valkey

NOWHERE = 999_999


EVERYTHING = ("export:*:*", "watch:*:*", "import:*", "cache:read", "cache:admin")
RIGHTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "ListLegalEntities": ("export:venues:{}", ("watch:*:*", "import:*", "cache:admin")),
    "ExportStructure": (
        "export:structure:{}",
        ("export:patients:*", "export:venues:*", "watch:*:*", "import:*", "cache:admin"),
    ),
    "ExportPatients": (
        "export:patients:{}",
        ("export:structure:*", "export:venues:*", "watch:*:*", "import:*", "cache:admin"),
    ),
    "ExportVenues": (
        "export:venues:{}",
        ("export:structure:*", "export:patients:*", "watch:*:*", "import:*", "cache:admin"),
    ),
    "StreamExport": (
        "export:patients:{}",
        ("export:structure:*", "export:venues:*", "watch:*:*", "import:*", "cache:admin"),
    ),
    "WatchExports": (
        "watch:patients:{}",
        ("watch:structure:*", "export:structure:*", "export:venues:*", "import:*", "cache:admin"),
    ),
    "ImportBundle": ("import:{}", ("export:*:*", "watch:*:*", "cache:admin")),
    "ImportResources": ("import:{}", ("export:*:*", "watch:*:*", "cache:admin")),
    "GetStats": ("cache:read:{}", ("export:*:*", "watch:*:*", "import:*")),
    "GetHealth": ("cache:read:{}", ("export:*:*", "watch:*:*", "import:*")),
    "ListEntries": ("cache:read:{}", ("export:*:*", "watch:*:*", "import:*")),
    "Invalidate": ("cache:admin:{}", ("export:*:*", "watch:*:*", "import:*", "cache:read")),
    "Flush": ("cache:admin", ("export:*:*", "watch:*:*", "import:*", "cache:read")),
    "Warm": ("cache:admin:{}", ("export:*:*", "watch:*:*", "import:*", "cache:read")),
}
"""The right that each method takes, and rights that are not enough, all together."""
LISTING = frozenset({"ListLegalEntities", "GetStats", "GetHealth", "ListEntries", "Invalidate"})
"""Who has a right to one EJ may call these: to it, there is nothing else."""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


async def _outcome(answer: Awaitable[Any]) -> str:
    """Returns how a call ended: OK, or the reason."""
    try:
        await asyncio.wait_for(answer, TIMEOUT)
    except grpc.aio.AioRpcError as error:
        found = refused(error)
        assert (found.code == "PERMISSION_DENIED") == (found.reason == "ACCESS_DENIED")
        return found.reason
    return "OK"


def test_every_method_needs_a_right_and_has_a_row_here() -> None:
    methods = {f"{service.full_name}/{method.name}" for service in SERVICES for method in service.methods}
    assert methods == ACTIONS.keys()
    assert {method.rpartition("/")[2] for method in methods} == RPCS.keys() == RIGHTS.keys()


async def test_every_method_with_the_right_another_ejs_another_role_and_none(
    sixty_url: str, valkey: Valkey, site: Site
) -> None:
    callers: dict[str, tuple[str, ...]] = {"nothing": ()}
    for name, (right, others) in RIGHTS.items():
        callers[f"{name}-right"] = (right.format("ej:id:1"),)
        callers[f"{name}-ej"] = (right.format("ej:id:2"),) if "{}" in right else (f"{right}:ej:id:1",)
        callers[f"{name}-role"] = others
    guarded = Guarded(site, callers)
    async with guarded.running(sixty_url, redis_url=valkey.url) as app:
        for name, called in RPCS.items():
            outcomes = {}
            for kind in (f"{name}-right", f"{name}-ej", f"{name}-role", "nothing", "unknown"):
                async with guarded.caller(app, kind) as caller:
                    outcomes[kind.removeprefix(f"{name}-")] = await _outcome(called(caller, 1))
            assert outcomes == {
                "right": "OK",
                "ej": "OK" if name in LISTING else "ACCESS_DENIED",
                "role": "ACCESS_DENIED",
                "nothing": "ACCESS_DENIED",
                "unknown": "ACCESS_DENIED",
            }, name


def _asked(caller: Caller, ej_id: int) -> dict[str, Awaitable[Any]]:
    """Calls each method that names an EJ, with one request id."""
    same: Any = {"metadata": (("x-request-id", "6fc13d5c-7bd4-4a09-8d1a-0a4fe7f8a5ac"),)}
    exports, imports = caller.exports, caller.imports
    stream = StreamExportRequest(ej_id=ej_id, dataset=types.DATASET_VENUES)
    watched = WatchExportsRequest.WatchedExport(ej_id=ej_id, dataset=types.DATASET_PATIENTS)
    options = ImportOptions(ej_id=ej_id)
    return {
        "ExportStructure": exports.ExportStructure(ExportStructureRequest(ej_id=ej_id), **same),
        "ExportPatients": exports.ExportPatients(ExportPatientsRequest(ej_id=ej_id), **same),
        "ExportVenues": exports.ExportVenues(ExportVenuesRequest(ej_id=ej_id), **same),
        "StreamExport": streamed(exports.StreamExport(stream, **same)),
        "WatchExports": streamed(exports.WatchExports(WatchExportsRequest(exports=[watched]), **same)),
        "ImportBundle": imports.ImportBundle(ImportBundleRequest(bundle=BUNDLE, options=options), **same),
        "ImportResources": imports.ImportResources(lines(ej_id), **same),
        "Warm": streamed(caller.admin.Warm(WarmRequest(ej_ids=[ej_id]), **same)),
    }


async def _refusals(caller: Caller, ej_id: int) -> dict[str, object]:
    """Returns all that callers see of their refusals."""
    found: dict[str, object] = {}
    for name, answer in _asked(caller, ej_id).items():
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await asyncio.wait_for(answer, TIMEOUT)
        error = caught.value
        initial, trailing = (
            tuple(one or ()) for one in (error.initial_metadata(), error.trailing_metadata())
        )
        assert error.code() is grpc.StatusCode.PERMISSION_DENIED, name
        found[name] = error.code(), error.details(), initial, trailing
    return found


async def test_what_is_not_ones_own_and_what_is_not_there_are_the_same_byte_for_byte(
    sixty_url: str, valkey: Valkey, site: Site
) -> None:
    own = [right.format("ej:id:1") for right, _ in RIGHTS.values() if "{}" in right]
    guarded = Guarded(site, {"all": EVERYTHING, "one": dict.fromkeys(own)})
    async with (
        guarded.running(sixty_url, redis_url=valkey.url, metrics_address="127.0.0.1:0") as app,
        guarded.caller(app, "all") as everything,
        guarded.caller(app, "one") as caller,
    ):
        for dataset in types.Dataset.values()[1:]:
            await streamed(everything.exports.StreamExport(StreamExportRequest(ej_id=2, dataset=dataset)))
        await kept(valkey, 3)
        before = await _settled(app, valkey)
        assert await _refusals(caller, 2) == await _refusals(caller, NOWHERE)
        assert await _traces(app, valkey) == before
        for ej_id in (2, NOWHERE):
            found = await caller.admin.Invalidate(InvalidateRequest(pattern=f"fhir:export:*:ej:{ej_id}"))
            assert (found.matched_count, found.deleted_count, list(found.sample_keys)) == (0, 0, [])
        assert await _traces(app, valkey) == before
        # To who may see all, they are two.
        await everything.exports.ExportPatients(ExportPatientsRequest(ej_id=2))
        with pytest.raises(grpc.aio.AioRpcError) as missing:
            await everything.exports.ExportPatients(ExportPatientsRequest(ej_id=NOWHERE))
        assert refused(missing.value).reason == "EJ_NOT_FOUND"


LOOKED_AT = (
    "fhirexport_revision_lookup_seconds_count",
    "fhirexport_watch_lookup_seconds_count",
    "fhirexport_memory_lookups_total",
    "fhirexport_memory_entries",
    "fhirexport_full_renderings_total",
    "fhirexport_cache_claims_total",
    "fhirexport_imported_resources_total",
)


async def _settled(app: App, valkey: Valkey) -> object:
    """Returns the traces once nothing adds to them any more: the server counts a moment after it answers."""
    former, traces = None, await _traces(app, valkey)
    async with asyncio.timeout(TIMEOUT):
        while traces != former:
            await asyncio.sleep(0.5)
            former, traces = traces, await _traces(app, valkey)
    return traces


async def _traces(app: App, valkey: Valkey) -> object:
    """Returns what a look-up, a rendering, an import or an invalidation would change."""
    page = await read(app.metrics_address)
    counted = {series: value for series, value in page.series.items() if series[0] in LOOKED_AT}
    assert {name for name, _ in counted} == set(LOOKED_AT)
    with valkey.client() as client:
        # Leases and the key of the health check come and go by themselves.
        found = [key for key in client.scan_iter() if b":ej:" in key and b":lease:" not in key]
        return sorted(found), counted


async def test_a_refusal_says_what_to_do_and_is_counted(small_url: str, site: Site) -> None:
    guarded = Guarded(site, {"a": ["export:patients:ej:id:1"]})
    async with (
        guarded.running(small_url, metrics_address="127.0.0.1:0") as app,
        guarded.caller(app, "a") as caller,
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await caller.exports.ExportVenues(ExportVenuesRequest(ej_id=1))
        found = refused(caught.value)
        assert (found.code, found.reason, found.metadata) == ("PERMISSION_DENIED", "ACCESS_DENIED", {})
        assert "docs/security.md" in found.message
        with pytest.raises(grpc.aio.AioRpcError):
            await caller.admin.Flush(FlushRequest())
        denied = (await read(app.metrics_address)).counted("fhirexport_access_denied_total", "action")
        assert denied == {("export",): 1, ("cache_admin",): 1}


@pytest.mark.parametrize(
    "request_",
    [ExportPatientsRequest(ej_id=-1), ExportPatientsRequest(ej_id=2, format=types.Format.ValueType(99))],
)
async def test_a_request_that_is_wrong_is_told_so_before_rights_to_who_has_any(
    request_: ExportPatientsRequest, small_url: str, site: Site
) -> None:
    guarded = Guarded(site, {"a": ["export:patients:ej:id:1"], "b": ["import:*"]})
    async with guarded.running(small_url) as app:
        for name, reason in {"a": "INVALID_FIELD", "b": "ACCESS_DENIED", "c": "ACCESS_DENIED"}.items():
            async with guarded.caller(app, name) as caller:
                assert await _outcome(caller.exports.ExportPatients(request_)) == reason

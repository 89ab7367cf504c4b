"""Shows that a policy counts from one moment on, for every call and for watches that are under way."""

import asyncio
from pathlib import Path
from typing import Any

import grpc
import pytest
from fhirexport.v1 import types_pb2 as types
from fhirexport.v1.export_service_pb2 import ExportStructureRequest, WatchExportsRequest
from fhirexport_server.access import kept_policy
from fhirexport_server.access.policy_file import PolicyError
from fhirexport_server.app import App
from support.callers import Caller, Guarded
from support.certificates import Site
from support.metrics import read
from support.server import PATIENCE
from support.status import refused

SWAPS = 100


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_policy, "CHECK_SECONDS", 0.01)


async def _until(app: App, name: str, expected: float, **labels: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while app.registry.get_sample_value(name, labels) != expected:
            await asyncio.sleep(0.005)


async def _exported(caller: Caller) -> bool:
    code = await caller.exports.ExportStructure(ExportStructureRequest(ej_id=1), timeout=PATIENCE).code()
    assert code in {grpc.StatusCode.OK, grpc.StatusCode.PERMISSION_DENIED}
    return code is grpc.StatusCode.OK


@pytest.mark.long
async def test_a_policy_is_replaced_a_hundred_times_under_load_and_every_call_is_decided_rightly(
    small_url: str, site: Site
) -> None:
    """`always` has a right in every policy and `never` in none; `sometimes` is asked after each swap."""
    rights: dict[str, list[str]] = {"always": ["export:structure:ej:id:1"], "never": [], "sometimes": []}
    guarded = Guarded(site, rights)
    counts = {"always": 0, "never": 0}
    wrong: list[str] = []
    async with guarded.running(small_url) as app:
        is_over = False

        async def load(name: str) -> None:
            async with guarded.caller(app, name) as caller:
                while not is_over:
                    counts[name] += 1
                    if await _exported(caller) != (name == "always"):
                        wrong.append(name)

        loads = [asyncio.create_task(load(name)) for name in ("always", "always", "never")]
        async with guarded.caller(app, "sometimes") as sometimes:
            for swap in range(1, SWAPS + 1):
                is_granted = swap % 2 == 1
                other = f"export:venues:ej:id:{swap}"
                rights["sometimes"] = ["export:structure:*"] if is_granted else [other]
                # By an id and for every EJ in turn: the load's right comes from another line each time.
                rights["always"] = ["export:*:*"] if is_granted else ["export:structure:ej:id:1"]
                guarded.write(rights)
                await _until(app, "fhirexport_policy_loads_total", swap, outcome="loaded")
                if await _exported(sometimes) != is_granted:
                    wrong.append(f"swap {swap}")
        is_over = True
        await asyncio.gather(*loads)
    assert wrong == []
    assert min(counts.values()) > SWAPS / 2


async def test_a_wrong_policy_changes_nothing_and_is_told(small_url: str, site: Site) -> None:
    guarded = Guarded(site, {"a": ["export:structure:ej:id:1"]})
    async with (
        guarded.running(small_url, metrics_address="127.0.0.1:0") as app,
        guarded.caller(app, "a") as caller,
    ):
        good = guarded.path.read_text()
        guarded.path.write_text(good.replace("a.test", "b.test") + "rights = 1\n")
        await _until(app, "fhirexport_policy_loads_total", 1, outcome="refused")
        assert (await read(app.metrics_address)).value("fhirexport_policy_refused") == 1
        assert await _exported(caller)
        guarded.path.write_text(good)
        await _until(app, "fhirexport_policy_refused", 0)
        assert await _exported(caller)


async def test_a_server_does_not_start_with_a_wrong_policy(small_url: str, site: Site) -> None:
    guarded = Guarded(site, {"a": ["everything"]})
    with pytest.raises(PolicyError, match="must begin with export:"):
        async with guarded.running(small_url):
            pass


def _watched(*datasets: int) -> WatchExportsRequest:
    return WatchExportsRequest(
        exports=[WatchExportsRequest.WatchedExport(ej_id=1, dataset=dataset) for dataset in datasets]  # type: ignore[arg-type]  # numbers of the enum
    )


async def test_a_watch_ends_when_the_right_to_one_of_its_datasets_is_taken_away(
    small_url: str, site: Site
) -> None:
    guarded = Guarded(site, {"a": ["watch:*:ej:id:1"], "b": ["export:patients:*"]})
    async with (
        guarded.running(small_url) as app,
        guarded.caller(app, "a") as one,
        guarded.caller(app, "b") as other,
    ):
        both = one.exports.WatchExports(_watched(types.DATASET_PATIENTS, types.DATASET_VENUES))
        patients = one.exports.WatchExports(_watched(types.DATASET_PATIENTS))
        others = other.exports.WatchExports(_watched(types.DATASET_PATIENTS))
        watches: list[Any] = [both, patients, others]
        for watch in watches:
            await asyncio.wait_for(watch.read(), PATIENCE)
        guarded.write({"a": ["watch:patients:ej:id:1"], "b": ["export:patients:ej:id:1"]})
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await asyncio.wait_for(both.read(), PATIENCE)
        assert refused(caught.value).reason == "ACCESS_DENIED"
        for watch in (patients, others):
            assert not watch.done()
            watch.cancel()


async def test_a_watch_of_datasets_of_which_one_is_not_ones_own_does_not_begin(
    small_url: str, site: Site
) -> None:
    guarded = Guarded(site, {"a": ["watch:patients:ej:id:1"]})
    async with guarded.running(small_url) as app, guarded.caller(app, "a") as caller:
        watch = caller.exports.WatchExports(_watched(types.DATASET_PATIENTS, types.DATASET_VENUES))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await asyncio.wait_for(watch.read(), PATIENCE)
        assert refused(caught.value).reason == "ACCESS_DENIED"
        assert app.registry.get_sample_value("fhirexport_watched_exports") == 0

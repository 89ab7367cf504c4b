"""Shows that a caller who asks for everything does not keep the others waiting for all of it."""

import asyncio
import hashlib
import secrets
from contextlib import AsyncExitStack
from pathlib import Path

import grpc
import pytest
from fhirexport.v1.export_service_pb2 import StreamExportRequest
from fhirexport.v1.export_service_pb2_grpc import ExportServiceStub
from fhirexport.v1.types_pb2 import (
    DATASET_STRUCTURE,
    DATASET_VENUES,
    FORMAT_BUNDLE,
    FORMAT_NDJSON,
    FORMAT_TRANSACTION,
)
from fhirexport_server.app import running
from fhirexport_server.runtime.fairness.fair_places import FairPlaces, work_for
from support.locks import locked, until_waiting
from support.metrics import read
from support.server import PATIENCE, settings

EXPORTS = [
    StreamExportRequest(ej_id=1, dataset=dataset, format=layout)
    for dataset in (DATASET_STRUCTURE, DATASET_VENUES)
    for layout in (FORMAT_BUNDLE, FORMAT_NDJSON, FORMAT_TRANSACTION)
]


class _Worker:
    """Somebody who takes one place after the other, and says in which order they were granted."""

    def __init__(self, places: FairPlaces, granted: list[str]) -> None:
        self._places, self._granted = places, granted
        self.leave = asyncio.Event()

    async def work(self, caller: str, seconds: float = PATIENCE) -> None:
        """Hold a place until everybody may leave."""
        work_for(caller)
        async with self._places.place(seconds):
            self._granted.append(caller)
            await self.leave.wait()

    async def visit(self, caller: str) -> None:
        """Hold a place for a moment."""
        work_for(caller)
        async with self._places.place(PATIENCE):
            self._granted.append(caller)
            await asyncio.sleep(0)


async def test_who_has_fewest_is_next_and_of_these_who_has_waited_longest() -> None:
    places, granted = FairPlaces(2), list[str]()
    worker, first = _Worker(places, granted), _Worker(places, [])
    async with asyncio.TaskGroup() as group:
        for one, caller in ((worker, "a"), (first, "z")):
            group.create_task(one.work(caller))
            await asyncio.sleep(0)
        for caller in "aabac":
            group.create_task(worker.visit(caller))
            await asyncio.sleep(0)
        first.leave.set()
        async with asyncio.timeout(PATIENCE):
            while len(granted) < 6:
                await asyncio.sleep(0)
        worker.leave.set()
    assert granted == ["a", "b", "c", "a", "a", "a"]


async def test_the_last_place_is_for_who_has_none() -> None:
    granted: list[str] = []
    worker = _Worker(FairPlaces(3, reserved=1), granted)
    async with asyncio.TaskGroup() as group:
        for caller in "aaaa":
            group.create_task(worker.work(caller))
        await asyncio.sleep(0.01)
        assert granted == ["a", "a"]
        group.create_task(worker.work("b"))
        await asyncio.sleep(0.01)
        assert granted == ["a", "a", "b"]
        worker.leave.set()
    assert granted == ["a", "a", "b", "a", "a"]


async def test_a_single_place_is_never_reserved() -> None:
    worker = _Worker(FairPlaces(1, reserved=1), [])
    async with asyncio.timeout(PATIENCE):
        await worker.visit("a")


@pytest.mark.parametrize("reserved", [0, 1])
async def test_who_waits_too_long_or_leaves_takes_no_place(reserved: int) -> None:
    places, granted = FairPlaces(2, reserved=reserved), list[str]()
    worker = _Worker(places, granted)
    holders = [asyncio.create_task(worker.work(caller)) for caller in "ab"]
    await asyncio.sleep(0)
    with pytest.raises(TimeoutError):
        await worker.work("c", seconds=0.01)
    leaving = asyncio.create_task(worker.work("d"))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    worker.leave.set()
    await asyncio.gather(*holders)
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(worker.visit("e"), worker.visit("f"))
    assert granted == ["a", "b", "e", "f"]


async def test_who_leaves_in_the_moment_in_which_it_is_granted_gives_the_place_back() -> None:
    places, granted = FairPlaces(1), list[str]()
    worker = _Worker(places, granted)
    async with places.place(PATIENCE):
        waiting = asyncio.create_task(worker.work("b"))
        await asyncio.sleep(0)
    waiting.cancel()  # it has its place, and does not know it yet
    await asyncio.gather(waiting, return_exceptions=True)
    async with asyncio.timeout(PATIENCE):
        await worker.visit("c")
    assert granted == ["c"]


async def test_a_caller_who_asks_for_everything_leaves_a_rendering_to_the_others(
    lockable_url: str, tmp_path: Path
) -> None:
    tokens = {name: secrets.token_urlsafe(32) for name in ("greedy", "modest")}
    file = tmp_path / "tokens.toml"
    file.write_text(
        "\n".join(
            f'{name} = "sha256:{hashlib.sha256(token.encode()).hexdigest()}"'
            for name, token in tokens.items()
        )
    )
    given = settings(lockable_url, tokens_file=file, max_renderings=4, metrics_address="127.0.0.1:0")
    async with running(given) as app, AsyncExitStack() as stack:

        async def renderings() -> float:
            page = await read(app.metrics_address)
            return sum(page.counted("fhirexport_renderings_in_progress", "type").values())

        async def export(name: str, request: StreamExportRequest) -> grpc.StatusCode:
            channel = await stack.enter_async_context(grpc.aio.insecure_channel(app.address))
            metadata = (("authorization", f"Bearer {tokens[name]}"),)
            call = ExportServiceStub(channel).StreamExport(request, metadata=metadata)
            async for _ in call:
                pass
            return await call.code()

        async with asyncio.timeout(PATIENCE), locked(lockable_url, "org_unit"):
            *all_but_one, last = EXPORTS
            greedy = [asyncio.create_task(export("greedy", request)) for request in all_but_one]
            await until_waiting(lockable_url)
            while await renderings() < 3:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.3)
            assert await renderings() == 3
            modest = asyncio.create_task(export("modest", last))
            while await renderings() < 4:
                await asyncio.sleep(0.01)
        assert await modest is grpc.StatusCode.OK
        await asyncio.gather(*greedy)

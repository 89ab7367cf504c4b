"""Shows in which order a hub looks revisions up and tells of them, with look-ups that a test holds up."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager

import pytest
from fhirexport_server.domain.changes import Notice, Revisions
from fhirexport_server.domain.datasets import Dataset, EjDataset
from fhirexport_server.domain.errors import (
    ChangesUntrackedError,
    DatabaseUnavailableError,
    EjNotFoundError,
    Fault,
    FhirExportError,
)
from fhirexport_server.domain.revision import Revision, Token
from fhirexport_server.telemetry.watch_metrics import WatchMetrics
from fhirexport_server.watches.hub import WatchHub
from fhirexport_server.watches.watch import Watch
from prometheus_client import CollectorRegistry
from support.server import PATIENCE

PATIENTS, VENUES = EjDataset(1, Dataset.PATIENTS), EjDataset(1, Dataset.VENUES)


class Held:
    """Look-ups that answer when they are told to, with what was there when they began."""

    def __init__(self) -> None:
        self.numbers = {PATIENTS: 1, VENUES: 1}
        self.refused: Mapping[Dataset, FhirExportError] = {}
        self.asked: list[set[EjDataset]] = []
        """What each look-up was asked for."""
        self.goes_on = asyncio.Event()
        self.goes_on.set()
        self.error: Exception | None = None

    async def revisions(self, exports: Collection[EjDataset]) -> Revisions:
        """Look up: the state is of the beginning, the answer comes at the end."""
        self.asked.append(set(exports))
        found = {
            export: Revision("x", self.numbers[export], 0) for export in exports if export in self.numbers
        }
        await self.goes_on.wait()
        if self.error is not None:
            raise self.error
        served = {
            export: revision for export, revision in found.items() if export.dataset not in self.refused
        }
        return Revisions(served, self.refused)

    async def until_asked(self, times: int) -> None:
        """Wait until there were so many look-ups."""
        async with asyncio.timeout(PATIENCE):
            while len(self.asked) < times:
                await asyncio.sleep(0.001)


@asynccontextmanager
async def _running(held: Held, *, interval: float = 3600, patience: float = 3600) -> AsyncIterator[WatchHub]:
    hub = WatchHub(
        held, WatchMetrics(CollectorRegistry()), interval=interval, longest=3600, patience=patience
    )
    task = asyncio.create_task(hub.run())
    try:
        yield hub
    finally:
        task.cancel()
        await asyncio.wait({task})


async def _told(batches: AsyncIterator[tuple[Notice, ...]]) -> dict[EjDataset, int]:
    async with asyncio.timeout(PATIENCE):
        return {notice.export: Token.decode(notice.revision).revision.n for notice in await anext(batches)}


def _token(export: EjDataset, number: int) -> str:
    return Token(*export, Revision("x", number, 0)).encode()


async def _failed(watch: Watch) -> Exception:
    async with asyncio.timeout(PATIENCE):
        try:
            async for _ in watch.batches():
                pass
        except Exception as error:  # noqa: BLE001 - what it ended with
            return error
    raise AssertionError("it has ended without an error")


async def test_a_watch_is_told_by_a_look_up_that_began_after_it() -> None:
    held = Held()
    held.goes_on.clear()
    async with _running(held) as hub, hub.watching({PATIENTS: ""}) as early:
        await held.until_asked(1)
        # It is under way, and has seen the former state, when this commit and this watch come.
        held.numbers[PATIENTS] = 2
        async with hub.watching({PATIENTS: ""}) as late:
            held.goes_on.set()
            assert await _told(early.batches()) == {PATIENTS: 1}
            assert await _told(late.batches()) == {PATIENTS: 2}


async def test_watches_that_come_meanwhile_share_the_next_look_up() -> None:
    held = Held()
    held.goes_on.clear()
    async with _running(held) as hub, hub.watching({PATIENTS: ""}) as first:
        await held.until_asked(1)
        async with hub.watching({PATIENTS: ""}) as second, hub.watching({VENUES: ""}) as third:
            held.goes_on.set()
            for watch in (first, second, third):
                await _told(watch.batches())
    assert held.asked == [{PATIENTS}, {PATIENTS, VENUES}]


async def test_a_watch_that_comes_does_not_wait_for_the_interval_and_tells_the_others_too() -> None:
    held = Held()
    async with _running(held) as hub, hub.watching({PATIENTS: ""}) as first:
        batches = first.batches()
        assert await _told(batches) == {PATIENTS: 1}
        held.numbers[PATIENTS] = 2
        async with hub.watching({VENUES: ""}) as second:
            assert await _told(second.batches()) == {VENUES: 1}
            assert await _told(batches) == {PATIENTS: 2}
    assert len(held.asked) == 2


async def test_what_nobody_watches_any_more_is_not_asked_for_and_is_new_again_later() -> None:
    held = Held()
    async with _running(held) as hub:
        async with hub.watching({PATIENTS: ""}) as watch:
            await _told(watch.batches())
        async with hub.watching({VENUES: ""}) as watch:
            await _told(watch.batches())
        held.numbers[PATIENTS] = 2
        async with hub.watching({PATIENTS: _token(PATIENTS, 1)}) as watch:
            assert await _told(watch.batches()) == {PATIENTS: 2}
    assert held.asked == [{PATIENTS}, {VENUES}, {PATIENTS}]


async def test_a_look_up_that_fails_for_a_while_ends_only_those_that_begin() -> None:
    held = Held()
    async with _running(held) as hub, hub.watching({PATIENTS: ""}) as old:
        batches = old.batches()
        await _told(batches)
        held.error = DatabaseUnavailableError()
        async with hub.watching({PATIENTS: _token(PATIENTS, 1)}) as new:
            assert isinstance(await _failed(new), DatabaseUnavailableError)
        held.error = None
        held.numbers[PATIENTS] = 2
        async with hub.watching({PATIENTS: ""}) as new:
            await _told(new.batches())
            assert await _told(batches) == {PATIENTS: 2}


async def test_one_that_fails_for_too_long_ends_all() -> None:
    held = Held()
    async with (
        _running(held, interval=0.05, patience=0.2) as hub,
        hub.watching({PATIENTS: ""}) as one,
        hub.watching({VENUES: ""}) as other,
    ):
        for watch in (one, other):
            await _told(watch.batches())
        held.error = DatabaseUnavailableError()
        for watch in (one, other):
            assert isinstance(await _failed(watch), DatabaseUnavailableError)


async def test_a_bug_ends_all_and_not_the_hub() -> None:
    held = Held()
    async with _running(held) as hub, hub.watching({PATIENTS: ""}) as old:
        await _told(old.batches())
        held.error = ZeroDivisionError()
        async with hub.watching({VENUES: ""}):
            assert isinstance(await _failed(old), ZeroDivisionError)
        held.error = None
        async with hub.watching({VENUES: ""}) as new:
            assert await _told(new.batches()) == {VENUES: 1}


async def test_what_is_refused_or_not_there_ends_those_who_watch_it() -> None:
    held = Held()
    held.refused = {Dataset.VENUES: ChangesUntrackedError(Fault.TRIGGER_OFF, "venue_revision_insert")}
    async with (
        _running(held) as hub,
        hub.watching({PATIENTS: "", VENUES: ""}) as untracked,
        hub.watching({PATIENTS: "", EjDataset(9, Dataset.PATIENTS): ""}) as absent,
        hub.watching({PATIENTS: ""}) as whole,
    ):
        assert isinstance(await _failed(untracked), ChangesUntrackedError)
        assert isinstance(await _failed(absent), EjNotFoundError)
        assert await _told(whole.batches()) == {PATIENTS: 1}


async def test_while_it_drains_a_watch_has_its_first_batch() -> None:
    held = Held()
    async with _running(held) as hub:
        hub.drain()
        async with hub.watching({PATIENTS: ""}) as watch:
            batches = watch.batches()
            assert await _told(batches) == {PATIENTS: 1}
            with pytest.raises(StopAsyncIteration):
                await _told(batches)

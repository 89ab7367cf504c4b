"""Shows what one watch has to tell, whatever the order of news, readers and ends."""

import asyncio
from datetime import UTC, datetime

import pytest
from fhirexport_server.domain.changes import Notice
from fhirexport_server.domain.datasets import Dataset, EjDataset
from fhirexport_server.domain.errors import EjNotFoundError
from fhirexport_server.watches.watch import Watch
from support.server import PATIENCE

PATIENTS, VENUES = EjDataset(1, Dataset.PATIENTS), EjDataset(1, Dataset.VENUES)


def _notice(export: EjDataset, revision: str) -> Notice:
    return Notice(export, revision, datetime.now(UTC))


async def _next(batches: object) -> dict[EjDataset, str]:
    async with asyncio.timeout(PATIENCE):
        notices = await anext(batches)  # type: ignore[call-overload]  # of the generator below
    return {notice.export: notice.revision for notice in notices}


async def test_the_first_batch_has_what_the_caller_does_not_know() -> None:
    watch = Watch({PATIENTS: "a", VENUES: ""})
    watch.begin([_notice(PATIENTS, "a"), _notice(VENUES, "b")])
    assert await _next(watch.batches()) == {VENUES: "b"}


async def test_the_first_batch_may_be_empty_and_comes_all_the_same() -> None:
    watch = Watch({PATIENTS: "a"})
    watch.begin([_notice(PATIENTS, "a")])
    assert await _next(watch.batches()) == {}


async def test_of_what_changes_while_nobody_reads_the_latest_is_told() -> None:
    watch = Watch({PATIENTS: "", VENUES: ""})
    watch.begin([_notice(PATIENTS, "a"), _notice(VENUES, "b")])
    batches = watch.batches()
    await _next(batches)
    for revision in "cde":
        watch.tell(_notice(PATIENTS, revision))
    assert await _next(batches) == {PATIENTS: "e"}


async def test_what_is_as_it_was_told_last_is_not_told() -> None:
    watch = Watch({PATIENTS: "", VENUES: ""})
    watch.begin([_notice(PATIENTS, "a"), _notice(VENUES, "b")])
    batches = watch.batches()
    await _next(batches)
    watch.tell(_notice(PATIENTS, "c"))
    watch.tell(_notice(PATIENTS, "a"))
    watch.tell(_notice(VENUES, "d"))
    assert await _next(batches) == {VENUES: "d"}


async def test_it_ends_once_all_is_told() -> None:
    watch = Watch({PATIENTS: ""})
    watch.end()
    watch.begin([_notice(PATIENTS, "a")])
    batches = watch.batches()
    assert await _next(batches) == {PATIENTS: "a"}
    watch.tell(_notice(PATIENTS, "b"))
    assert await _next(batches) == {PATIENTS: "b"}
    with pytest.raises(StopAsyncIteration):
        await _next(batches)


async def test_an_end_before_the_beginning_waits_for_it() -> None:
    watch = Watch({PATIENTS: "a"})
    watch.end()
    first = asyncio.create_task(_next(watch.batches()))
    await asyncio.sleep(0.05)
    assert not first.done()
    watch.begin([_notice(PATIENTS, "a")])
    assert await first == {}


async def test_an_error_ends_it_before_anything_else_is_told() -> None:
    watch = Watch({PATIENTS: ""})
    watch.begin([_notice(PATIENTS, "a")])
    watch.fail(EjNotFoundError(1))
    with pytest.raises(EjNotFoundError):
        await _next(watch.batches())

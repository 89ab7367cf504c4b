"""Shows that a spool hands out what was put in, whoever is faster, and gives its space back."""

import asyncio
import tempfile
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fhirexport_server.domain.errors import EjNotFoundError, SpoolFullError, TemporaryStorageError
from fhirexport_server.domain.segments import Chunk, Totals
from fhirexport_server.exports import spool as spool_module
from fhirexport_server.exports.rendering import ContentSource, Snapshot
from fhirexport_server.exports.spool import Spool
from fhirexport_server.runtime.spool_space import SpoolSpace

SNAPSHOT = Snapshot("e", "r", datetime(2026, 1, 1, tzinfo=UTC), ContentSource.DATABASE)
TOTALS = Totals(resource_count=3, size_bytes=30, sha256="0" * 64)
PLENTY = 64 * 1024 * 1024
PATIENCE = 60.0


def _chunk(number: int, size: int = 100) -> Chunk:
    return Chunk(bytes([number % 256]) * size, size * 2, number)


async def _read(spool: Spool) -> list[Chunk]:
    return [chunk async for chunk in spool.chunks(PATIENCE)]


async def test_chunks_come_in_order_from_memory_and_then_from_disk() -> None:
    size = spool_module.MEMORY_BYTES // 3
    chunks = [_chunk(number, size) for number in range(10)]
    space = SpoolSpace(PLENTY)
    spool = Spool(space)

    def write() -> None:
        spool.start(SNAPSHOT)
        for chunk in chunks:
            spool.append(chunk)
        spool.finish(TOTALS)

    thread = threading.Thread(target=write)
    thread.start()
    assert await spool.started(PATIENCE) == SNAPSHOT
    assert await _read(spool) == chunks
    assert spool.totals == TOTALS
    assert await _read(spool) == chunks
    thread.join()
    spool.close()
    space.take(PLENTY)


async def test_a_reader_waits_for_each_chunk() -> None:
    spool = Spool(SpoolSpace(PLENTY))
    spool.start(SNAPSHOT)
    reader = asyncio.create_task(_read(spool))
    for number in range(3):
        await asyncio.sleep(0.01)
        spool.append(_chunk(number))
    assert not reader.done()
    spool.finish(TOTALS)
    assert await reader == [_chunk(number) for number in range(3)]


async def test_a_failure_reaches_the_reader_after_what_was_there_before_it() -> None:
    spool = Spool(SpoolSpace(PLENTY))
    spool.start(SNAPSHOT)
    spool.append(_chunk(1))
    spool.fail(EjNotFoundError(1))
    spool.fail(ValueError("a later one"))
    chunks = spool.chunks(PATIENCE)
    assert await anext(chunks) == _chunk(1)
    with pytest.raises(EjNotFoundError):
        await anext(chunks)


async def test_a_failure_before_the_start_reaches_whoever_waits_for_it() -> None:
    spool = Spool(SpoolSpace(PLENTY))
    waiting = asyncio.create_task(spool.started(PATIENCE))
    await asyncio.sleep(0)
    spool.fail(EjNotFoundError(1))
    with pytest.raises(EjNotFoundError):
        await waiting


async def test_a_writer_that_does_nothing_is_not_waited_for_longer_than_one_has_patience() -> None:
    spool = Spool(SpoolSpace(PLENTY))
    with pytest.raises(TimeoutError):
        await spool.started(0.01)


async def test_what_spools_may_take_together_is_bounded_and_given_back() -> None:
    space = SpoolSpace(250)
    first, second = Spool(space), Spool(space)
    first.append(_chunk(1))
    second.append(_chunk(2))
    with pytest.raises(SpoolFullError) as full:
        first.append(_chunk(3))
    assert full.value.limit_bytes == 250
    second.close()
    first.append(_chunk(3))


async def test_a_disk_that_takes_no_more_is_told_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "MEMORY_BYTES", 0)
    full = open("/dev/full", "wb", buffering=0)  # noqa: SIM115, PTH123, ASYNC230 - the spool closes it
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: full)
    spool = Spool(SpoolSpace(PLENTY))
    with pytest.raises(TemporaryStorageError, match="ENOSPC"):
        spool.append(_chunk(1))
    spool.close()


async def test_a_directory_that_is_not_there_is_told_as_that(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(spool_module, "MEMORY_BYTES", 0)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    spool = Spool(SpoolSpace(PLENTY))
    with pytest.raises(TemporaryStorageError, match="ENOENT"):
        spool.append(_chunk(1))
    spool.close()


async def test_hundreds_of_readers_leave_the_loop_time_for_others() -> None:
    spool = Spool(SpoolSpace(PLENTY))
    at_once, told = 0, 0

    async def read() -> None:
        nonlocal told
        await spool.started(PATIENCE)
        told += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(300):
            group.create_task(read())
        await asyncio.sleep(0)
        # Watched from before it starts: on a busy machine all are told before its thread is seen to end.
        starting = group.create_task(asyncio.to_thread(spool.start, SNAPSHOT))
        async with asyncio.timeout(PATIENCE):
            while told < 300 or not starting.done():
                before = told
                await asyncio.sleep(0)
                at_once = max(at_once, told - before)
    assert 0 < at_once <= 8


async def test_a_reader_that_leaves_keeps_none_waiting() -> None:
    spool = Spool(SpoolSpace(PLENTY))
    readers = [asyncio.create_task(spool.started(PATIENCE)) for _ in range(20)]
    await asyncio.sleep(0)
    for reader in readers[:10]:
        reader.cancel()
    spool.start(SNAPSHOT)
    async with asyncio.timeout(PATIENCE):
        assert await asyncio.gather(*readers[10:]) == [SNAPSHOT] * 10

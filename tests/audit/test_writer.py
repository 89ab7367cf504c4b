"""Shows that every line is written, in its order, whoever waits for it."""

import asyncio
import random
import time
from collections.abc import Sequence
from pathlib import Path

from fhirexport_server.audit.line_chain import LineChain
from fhirexport_server.audit.writer import AuditWriter, Waiter, WriterEvents
from support.server import PATIENCE
from support.trails import BIG, NAME, assert_sound, events

LINES = 600


def _writer(directory: Path) -> AuditWriter:
    loop = asyncio.get_running_loop()

    def told(waiters: Sequence[Waiter], is_written: bool) -> None:  # noqa: FBT001 - the writer's signature
        assert is_written
        for waiter in waiters:
            loop.call_soon_threadsafe(waiter.set_result, None)

    return AuditWriter(LineChain(directory, NAME, BIG), {}, WriterEvents(lambda *_: None, lambda: None, told))


def _calls(directory: Path) -> list[object]:
    return [event["call"] for event in events(directory) if "call" in event]


async def test_lines_are_written_in_their_order_whoever_waits_for_them(
    tmp_path: Path,
) -> None:
    writer, drawn = _writer(tmp_path), random.Random(1)
    writer.start()
    waiters = []
    for number in range(LINES):
        waiter = asyncio.get_running_loop().create_future() if drawn.random() < 0.3 else None
        writer.put({"time": "t", "event": "begun", "call": number}, waiter)
        if waiter is not None:
            waiters.append(waiter)
            if drawn.random() < 0.1:
                await asyncio.wait_for(waiter, PATIENCE)
                assert number in _calls(tmp_path)
    await asyncio.wait_for(asyncio.gather(*waiters), PATIENCE)
    writer.stop()
    assert _calls(tmp_path) == list(range(LINES))
    assert_sound(tmp_path)


async def test_a_line_that_nobody_waits_for_is_written_without_another(tmp_path: Path) -> None:
    writer = _writer(tmp_path)
    writer.start()
    for number in range(5):
        writer.put({"time": "t", "event": "ended", "call": number})
        writer.put({"time": "t", "event": "ended", "call": number + 100})  # while the thread may linger
        until = time.monotonic() + PATIENCE
        while number + 100 not in _calls(tmp_path):
            assert time.monotonic() < until
            await asyncio.sleep(0.01)
    writer.stop()

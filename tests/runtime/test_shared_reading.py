"""Shows that whoever asks shares one reading, and that there are not many."""

import asyncio

from fhirexport_server.runtime.reading.shared_reading import SharedReading


async def test_many_who_ask_at_once_share_one_reading() -> None:
    readings, go = 0, asyncio.Event()

    async def read() -> None:
        nonlocal readings
        readings += 1
        await go.wait()

    shared = SharedReading(read, apart_seconds=3600)
    asking = [asyncio.create_task(shared.ask()) for _ in range(100)]
    await asyncio.sleep(0)
    asking[0].cancel()  # the reading goes on for the others
    await asyncio.sleep(0.01)
    assert (readings, [task.done() for task in asking[1:]]) == (1, [False] * 99)
    go.set()
    await asyncio.gather(*asking[1:])
    await shared.ask()
    assert readings == 1
    await shared.read()
    assert readings == 2


async def test_who_asks_while_it_is_read_has_it_read_again() -> None:
    readings, go = 0, asyncio.Event()

    async def read() -> None:
        nonlocal readings
        readings += 1
        await go.wait()

    shared = SharedReading(read, apart_seconds=0.01)
    first = asyncio.create_task(shared.ask())
    await asyncio.sleep(0.001)
    # What it has asked for may have come after the first reading looked.
    others = [asyncio.create_task(shared.ask()) for _ in range(10)]
    await asyncio.sleep(0.001)
    go.set()
    await asyncio.gather(first, *others)
    assert readings == 2


async def test_after_a_while_it_is_read_again() -> None:
    readings = 0

    async def read() -> None:
        nonlocal readings
        readings += 1

    shared = SharedReading(read, apart_seconds=0.0)
    for _ in range(3):
        await shared.ask()
    assert readings == 3

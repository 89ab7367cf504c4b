"""Runs what is asynchronous beside tests: a fixture of a module outlives the event loops of its tests."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, contextmanager
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def beside(context: AbstractAsyncContextManager[T]) -> Iterator[T]:
    """Enter a context in a thread with an event loop of its own, and leave it there at the end."""
    entered: Future[tuple[T, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def hold() -> None:
        over = asyncio.Event()
        async with context as value:
            entered.set_result((value, asyncio.get_running_loop(), over))
            await over.wait()

    ended: Future[None] = Future()

    def run() -> None:
        try:
            asyncio.run(hold())
            ended.set_result(None)
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is raised where somebody waits
            (ended if entered.done() else entered).set_exception(error)

    Thread(target=run, name="beside", daemon=True).start()
    value, loop, over = entered.result()
    try:
        yield value
    finally:
        loop.call_soon_threadsafe(over.set)
        ended.result()

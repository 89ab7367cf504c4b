"""Tasks: how they are ended."""

import asyncio
from collections.abc import Coroutine
from typing import Any


def heard(future: "asyncio.Future[Any]") -> None:
    """Count an error of a future as retrieved: its waiter may be cancelled in the moment in which it comes.

    asyncio logs an error that nobody has retrieved.
    """
    future.add_done_callback(lambda done: done.cancelled() or done.exception())


async def cancelled(task: "asyncio.Task[object]") -> None:
    """Cancel a task that may have ended, wait for it, and raise the error it failed with."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.result()


async def together(*works: Coroutine[Any, Any, None]) -> None:
    """Run some works until all have ended or one fails; then cancel the others, and raise its error."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

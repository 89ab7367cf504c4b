"""Ends a call for good, whatever its peer does.

gRPC for Python keeps a call, and the response that its peer has not read, until the peer ends it: the status
waits behind the response. A server has no method to cancel a call. But gRPC releases the call, and resets the
stream, when the task is cancelled that waits for the peer's end. That is the task which starts the one that
handles the call. Source: grpc.aio, `_schedule_rpc_coro`.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import Any, Final, NamedTuple, cast

_SWEEP_SECONDS: Final = 0.5
_ANSWERS: Final = "_handle_exceptions"
_KEEPER: ContextVar[asyncio.Task[Any] | None] = ContextVar("keeper", default=None)


@contextmanager
def kept() -> Iterator[None]:
    """Make the running loop record which task keeps each call, for servers that are started in it."""
    loop = asyncio.get_running_loop()
    before = loop.get_task_factory()
    loop.set_task_factory(cast("Any", _recording))  # the stubs have no options
    try:
        yield
    finally:
        loop.set_task_factory(before)


def keeper() -> asyncio.Task[Any] | None:
    """Return the task that keeps the call of the running task; None where it was not recorded."""
    return _KEEPER.get()


def _recording(
    loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, Any], **options: Any
) -> asyncio.Task[Any]:
    if getattr(coro, "__name__", "") == _ANSWERS:
        context = options["context"] = copy_context()
        context.run(_KEEPER.set, asyncio.current_task(loop))
    return asyncio.Task(coro, loop=loop, **options)


class Sweeper:
    """Ends calls whose peers do not read the response. It belongs to one event loop."""

    def __init__(self) -> None:
        self._due: dict[asyncio.Task[Any], _Due] = {}
        self._timer: asyncio.TimerHandle | None = None

    def end(self, kept: asyncio.Task[Any], seconds: float, on_cut: Callable[[], None]) -> None:
        """End the call that the running task has handled, unless it ends by itself in time.

        Args:
            kept: The task that keeps it.
            seconds: How long its peer may take.
            on_cut: Called if the call is cut off.
        """
        answering = asyncio.current_task()
        if answering is None:
            raise RuntimeError("no task is running")
        loop = asyncio.get_running_loop()
        self._due[kept] = _Due(loop.time() + seconds, answering, on_cut)
        kept.add_done_callback(self._forget)
        if seconds <= 0:
            self.cut(kept)
        elif self._timer is None:
            self._timer = loop.call_later(_SWEEP_SECONDS, self._sweep)

    def cut(self, kept: asyncio.Task[Any]) -> None:
        """End a call now, unless it has ended already."""
        due = self._due.pop(kept, None)
        if due is not None:
            # Once the peer has left, the task waits for the other one alone. gRPC logs what ends that wait.
            waits_for_answer = getattr(kept, "_fut_waiter", None) is due.answering
            due.answering.cancel()
            if not waits_for_answer:
                kept.cancel()
            due.on_cut()

    def _forget(self, kept: asyncio.Task[Any]) -> None:
        self._due.pop(kept, None)

    def _sweep(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        now = loop.time()
        for kept in [kept for kept, due in self._due.items() if due.time <= now]:
            self.cut(kept)
        if self._due:
            self._timer = loop.call_later(_SWEEP_SECONDS, self._sweep)


class _Due(NamedTuple):
    """A call that has its response."""

    time: float
    answering: asyncio.Task[Any]
    on_cut: Callable[[], None]

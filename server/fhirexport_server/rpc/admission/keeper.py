"""Ending a call for good, whatever its peer does.

gRPC for Python keeps a call, and the answer that its peer has not taken, until the peer ends it: a status
waits behind the answer. It has no word to cancel a call of a server. But it lets go of the call, which
resets the stream, once the task is cancelled that waits for the peer's end: the task that starts the one
which answers. Source: grpc.aio, `_schedule_rpc_coro`.
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
    """Makes the running loop note which task keeps each call, for servers that are started in it."""
    loop = asyncio.get_running_loop()
    before = loop.get_task_factory()
    loop.set_task_factory(cast("Any", _noting))  # the stubs know of no options
    try:
        yield
    finally:
        loop.set_task_factory(before)


def keeper() -> asyncio.Task[Any] | None:
    """Returns the task that keeps the call which the running task answers; None where it was not noted."""
    return _KEEPER.get()


def _noting(
    loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, Any], **options: Any
) -> asyncio.Task[Any]:
    if getattr(coro, "__name__", "") == _ANSWERS:
        context = options["context"] = copy_context()
        context.run(_KEEPER.set, asyncio.current_task(loop))
    return asyncio.Task(coro, loop=loop, **options)


class Sweeper:
    """Ends the calls that are answered and whose peers do not take it. Belongs to one event loop."""

    def __init__(self) -> None:
        self._due: dict[asyncio.Task[Any], _Due] = {}
        self._timer: asyncio.TimerHandle | None = None

    def end(self, kept: asyncio.Task[Any], seconds: float, on_cut: Callable[[], None]) -> None:
        """Ends the call that the running task has answered, unless it ends by itself in time.

        Args:
            kept: the task that keeps it.
            seconds: how long its peer has.
            on_cut: is called where the call is cut off.
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
        """Ends a call now; one that has ended already is left alone."""
        due = self._due.pop(kept, None)
        if due is not None:
            due.answering.cancel()
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
    """A call that is answered."""

    time: float
    answering: asyncio.Task[Any]
    on_cut: Callable[[], None]

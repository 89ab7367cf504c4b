"""An event loop whose time callers share fairly."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextvars import Context, ContextVar, copy_context
from heapq import heappop, heappush
from time import monotonic
from typing import Final, TypeVarTuple, Unpack

Ts = TypeVarTuple("Ts")
_CALLER: ContextVar[str] = ContextVar("turns_of", default="")
_CREDIT_SECONDS: Final = 0.02
"""How far a caller who has used little may go ahead of the others."""
_ROUND_SECONDS: Final = 0.000_1
"""For how long steps of callers run before the loop sees what else has become ready.

A call that arrives takes half a dozen rounds of the loop until it is known whose it is.
"""
_KNOWN: Final = 4096
"""Of how many callers it is known what they have used."""


def take_turns_as(caller: str) -> None:
    """Say whose the steps of the running task are, and those of every task that it starts from now on.

    Args:
        caller: The key of a caller: all that have the same key share its turns.
    """
    _CALLER.set(caller)


async def turn() -> None:
    """Wait for the turn of the running task's caller, where others wait for theirs."""
    loop = asyncio.get_running_loop()
    if isinstance(loop, FairEventLoop) and loop.is_contended:
        await asyncio.sleep(0)


def for_all() -> Context:
    """Return the running task's context, but that steps in it are nobody's: for what several wait for."""
    context = copy_context()
    context.run(_CALLER.set, "")
    return context


class FairEventLoop(asyncio.SelectorEventLoop):
    """Runs the steps of that caller next who has used the least of its time.

    asyncio runs steps in the order in which they become ready, so that behind a caller with a thousand calls,
    each step of another's call waits for a thousand. What is nobody's comes first: timers, sockets, and calls
    that arrive. While nothing else is ready, a step runs at once, and is not counted, so that a lone call
    hardly waits longer than in asyncio's own loop.
    """

    _ready: deque[asyncio.Handle]
    """What asyncio runs next. It is asyncio's own: nothing public says whether anything else is ready."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        """Make a loop in which nobody has used any time.

        Args:
            clock: The time in seconds, by which it is known what is used.
        """
        super().__init__()
        self._clock = clock
        self._shares: dict[str, _Share] = {}
        self._waiting: list[tuple[float, int, _Share]] = []
        """A heap of the shares that have steps: who has used least first, then who has waited longest."""
        self._pushed = 0
        self._least = 0.0
        """What a caller has used at least who is not in credit."""
        self._is_scheduled = False
        self._nobody = Context()

    @property
    def is_contended(self) -> bool:
        """Whether callers wait for their turns."""
        return bool(self._waiting)

    @property
    def callers_known(self) -> int:
        """Of how many callers it is known what they have used: those who wait, and 4,096 others at most."""
        return len(self._shares)

    def call_soon(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """Let a step run in the turn of its caller, which the context tells, or soon where it is nobody's."""
        caller = _CALLER.get() if context is None else context.get(_CALLER, "")
        is_first = not (self._ready or self._is_scheduled)
        if not caller or is_first or self.get_debug():
            return super().call_soon(callback, *args, context=context)
        step = asyncio.Handle(callback, args, self, context)
        share = self._shares.get(caller) or self._new(caller)
        share.steps.append(step)
        if len(share.steps) == 1:
            share.used = max(share.used, self._least - _CREDIT_SECONDS)
            self._push(share)
        if not self._is_scheduled:
            self._schedule()
        return step

    def _new(self, caller: str) -> "_Share":
        if len(self._shares) >= _KNOWN:
            self._shares = {key: share for key, share in self._shares.items() if share.steps}
        # It has no credit: callers who come anew all the time are not ahead of those who stay.
        share = self._shares[caller] = _Share(self._least)
        return share

    def _push(self, share: "_Share") -> None:
        self._pushed += 1
        heappush(self._waiting, (share.used, self._pushed, share))

    def _schedule(self) -> None:
        super().call_soon(self._run_steps, context=self._nobody)
        self._is_scheduled = True

    def _run_steps(self) -> None:
        clock, waiting = self._clock, self._waiting
        first = begun = clock()
        try:
            while waiting:
                used, _, share = heappop(waiting)
                self._least = max(self._least, used)
                step = share.steps[0]  # it stays there while it runs: the share is not pushed meanwhile
                try:
                    if not step.cancelled():
                        step._run()  # noqa: SLF001 - it is for event loops, and nothing else runs a handle
                finally:
                    now = clock()
                    share.used, begun = used + now - begun, now
                    share.steps.popleft()
                    if share.steps:
                        self._push(share)
                if now - first >= _ROUND_SECONDS:
                    break
        finally:
            self._is_scheduled = False
            if waiting:
                self._schedule()


class _Share:
    """The steps of a caller that are ready, and what it has used of the loop's time, in seconds."""

    __slots__ = ("steps", "used")

    def __init__(self, used: float) -> None:
        self.used = used
        self.steps: deque[asyncio.Handle] = deque()

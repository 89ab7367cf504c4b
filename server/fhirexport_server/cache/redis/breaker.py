"""Owns whether Redis is used: what its failures mean, and the state that they lead to."""

import asyncio
from collections.abc import Callable
from enum import StrEnum

import structlog
from redis import exceptions

_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

_NOT_WRITABLE = ("OOM", "MISCONF", "NOREPLICAS", "READONLY")
_NOT_WRITABLE_ERRORS = (exceptions.OutOfMemoryError, exceptions.ReadOnlyError)


class State(StrEnum):
    """How much of Redis can be used."""

    AVAILABLE = "available"
    READ_ONLY = "read_only"
    """It answers, and refuses to write: it is full, cannot save, or is a replica."""
    UNAVAILABLE = "unavailable"


def meaning(error: BaseException) -> State:
    """Returns the state that a failure tells of."""
    if isinstance(error, _NOT_WRITABLE_ERRORS):
        return State.READ_ONLY
    # What has no class of its own, and what Redis 6 wraps into a text about the script that met it.
    if isinstance(error, exceptions.ResponseError) and any(word in str(error) for word in _NOT_WRITABLE):
        return State.READ_ONLY
    return State.UNAVAILABLE


def reason(error: BaseException) -> str:
    """Returns what to log of a failure: its kind and Redis's code for it, never a text."""
    # The driver wraps what it met: what it met says more.
    while isinstance(inner := error.__cause__ or error.__context__, exceptions.RedisError | OSError):
        error = inner
    code = str(error).partition(" ")[0]
    known = isinstance(error, exceptions.ResponseError) and code.isascii() and code.isupper()
    return f"{type(error).__name__} {code}" if known else type(error).__name__


class Breaker:
    """Remembers whether Redis works, so that only the first request waits for one that does not.

    One failure opens it: a cache that has not answered in its whole budget is no use to the next request
    either, and the probe closes it as soon as Redis answers. Requests never probe.
    """

    def __init__(self, changed: Callable[[State], None], shown: str) -> None:
        """Starts unavailable, until the first probe.

        Args:
            changed: is told of every change of state.
            shown: where Redis is, for the log.
        """
        self._shown = shown
        self._changed = changed
        self._told = False
        self.state = State.UNAVAILABLE
        self.why = "not connected yet"
        self.moved = asyncio.Event()
        """Set by the next change of state, which has another."""
        self.failure = asyncio.Event()
        """Set by each failure: the probe need not wait for its next turn."""

    @property
    def readable(self) -> bool:
        """Whether to read."""
        return self.state is not State.UNAVAILABLE

    @property
    def writable(self) -> bool:
        """Whether to write."""
        return self.state is State.AVAILABLE

    def failed(self, error: BaseException) -> None:
        """Takes note of a failure."""
        state = meaning(error)
        if self.state is State.UNAVAILABLE and state is State.READ_ONLY:
            return  # of a request that began before: the probe knows better
        self._move(state, reason(error))
        self.failure.set()

    def probed(self, state: State, why: str) -> None:
        """Takes note of what the probe found."""
        self._move(state, why)

    def _move(self, state: State, why: str) -> None:
        first, self._told = not self._told, True
        if state is self.state and not first:
            return
        self.state, self.why = state, why
        self.moved.set()
        self.moved = asyncio.Event()
        self._changed(state)
        if state is State.AVAILABLE:
            _log.info("cache_available", redis=self._shown)
        elif state is State.READ_ONLY:
            _log.warning(
                "cache_read_only", redis=self._shown, reason=why, effect="nothing new is kept in Redis"
            )
        else:
            _log.warning(
                "cache_unavailable",
                redis=self._shown,
                reason=why,
                effect="exports are read from the database",
            )

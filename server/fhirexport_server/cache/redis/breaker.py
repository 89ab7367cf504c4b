"""The circuit breaker before Redis: what failures mean, and the state that they lead to."""

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
    """It answers but refuses writes: it is full, cannot save, or is a replica."""
    UNAVAILABLE = "unavailable"


def meaning(error: BaseException) -> State:
    """Return the state that a failure indicates."""
    if isinstance(error, _NOT_WRITABLE_ERRORS):
        return State.READ_ONLY
    # Errors without a class of their own, and those that Redis 6 wraps in a message about the script.
    if isinstance(error, exceptions.ResponseError) and any(word in str(error) for word in _NOT_WRITABLE):
        return State.READ_ONLY
    return State.UNAVAILABLE


def reason(error: BaseException) -> str:
    """Return what to log of a failure: its type and Redis's error code, never its message."""
    # The driver wraps errors; the innermost says most.
    while isinstance(inner := error.__cause__ or error.__context__, exceptions.RedisError | OSError):
        error = inner
    code = str(error).partition(" ")[0]
    has_code = isinstance(error, exceptions.ResponseError) and code.isascii() and code.isupper()
    return f"{type(error).__name__} {code}" if has_code else type(error).__name__


class Breaker:
    """Remembers whether Redis works, so that only the first request waits for one that does not.

    One failure opens it: a cache that has not answered within its budget is of no use to the next request
    either. The probe closes it as soon as Redis answers. Requests never probe.
    """

    def __init__(self, changed: Callable[[State], None], shown: str) -> None:
        """Make a breaker in state UNAVAILABLE, until the first probe.

        Args:
            changed: Called on every change of state.
            shown: The URL of Redis as it may be logged.
        """
        self._shown = shown
        self._changed = changed
        self._announced = False
        self.state = State.UNAVAILABLE
        self.why = "not connected yet"
        self.moved = asyncio.Event()
        """Set at the next change of state, which makes a new event."""
        self.failure = asyncio.Event()
        """Set by each failure, so that the probe runs at once."""

    @property
    def readable(self) -> bool:
        """Whether Redis can be read."""
        return self.state is not State.UNAVAILABLE

    @property
    def writable(self) -> bool:
        """Whether Redis can be written."""
        return self.state is State.AVAILABLE

    def failed(self, error: BaseException) -> None:
        """Record a failure."""
        state = meaning(error)
        if self.state is State.UNAVAILABLE and state is State.READ_ONLY:
            return  # from a request that began before the probe, which knows better
        self._move(state, reason(error))
        self.failure.set()

    def probed(self, state: State, why: str) -> None:
        """Record the result of a probe."""
        if state is self.state:
            # What keeps Redis away may change: nobody listened, and now it reads its file.
            self.why = why
        self._move(state, why)

    def _move(self, state: State, why: str) -> None:
        first, self._announced = not self._announced, True
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

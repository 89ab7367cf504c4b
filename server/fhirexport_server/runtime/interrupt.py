"""Interrupts: how a read is ended from another thread."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

from fhirexport_server.domain.errors import DatabaseUnavailableError


class Interrupt:
    """Ends a read from another thread: at its next check, or at once by cutting its connection."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._cut: Callable[[], None] | None = None
        self._set = False

    def check(self) -> None:
        """Raise DatabaseUnavailableError once `set` was called."""
        if self._set:
            raise DatabaseUnavailableError

    def set(self) -> None:
        """Ask the reader to end: its next `check`, and every later read, raises DatabaseUnavailableError."""
        self._set = True

    def cut(self) -> None:
        """End the read at once, by cutting its connection."""
        with self._lock:
            self._set = True
            if self._cut is not None:
                self._cut()

    @contextmanager
    def over(self, cut: Callable[[], None]) -> Iterator[None]:
        """Register what ends the read at once: `cut`, which another thread calls while the read waits."""
        with self._lock:
            if self._set:
                raise DatabaseUnavailableError
            self._cut = cut
        try:
            yield
        finally:
            with self._lock:
                self._cut = None

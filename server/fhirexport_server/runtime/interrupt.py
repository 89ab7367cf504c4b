"""How a read is ended from another thread."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

from fhirexport_server.domain.errors import DatabaseUnavailableError


class Interrupt:
    """A way to end a read from another thread: politely, or though it waits for a server that is gone."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._cut: Callable[[], None] | None = None
        self._set = False

    def check(self) -> None:
        """Raises DatabaseUnavailableError once `set` was called."""
        if self._set:
            raise DatabaseUnavailableError

    def set(self) -> None:
        """Asks the reader to end: its next `check`, and every later read, is a DatabaseUnavailableError."""
        self._set = True

    def cut(self) -> None:
        """Ends the read at once, and its connection with it."""
        with self._lock:
            self._set = True
            if self._cut is not None:
                self._cut()

    @contextmanager
    def over(self, cut: Callable[[], None]) -> Iterator[None]:
        """Make `cut` what ends the read: it is called from another thread, while the read waits."""
        with self._lock:
            if self._set:
                raise DatabaseUnavailableError
            self._cut = cut
        try:
            yield
        finally:
            with self._lock:
                self._cut = None

"""The temporary space of a process: the number of bytes that all its spools may take together."""

from threading import Lock

from fhirexport_server.domain.errors import SpoolFullError


class SpoolSpace:
    """The bytes that all spools of a process take, and their limit. Safe to use from threads."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit = limit_bytes
        self._used = 0
        self._lock = Lock()

    def take(self, size: int) -> None:
        """Take this many bytes, or raise SpoolFullError."""
        with self._lock:
            if self._used + size > self.limit:
                raise SpoolFullError(self.limit)
            self._used += size

    @property
    def used(self) -> int:
        """How many bytes are taken."""
        return self._used

    def give_back(self, size: int) -> None:
        """Give bytes back."""
        with self._lock:
            self._used -= size

"""Temporary files of NDJSON lines, each with its line number."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from struct import Struct
from typing import IO, Final

from fhirexport_server.domain.errors import TemporaryStorageError
from fhirexport_server.runtime.spool_space import SpoolSpace

Line = tuple[int, bytes]
"""The number of a line, from 0, and its content."""
MEMORY_BYTES: Final = 1 << 20
_HEAD: Final = Struct("<QI?")


@contextmanager
def _as_storage_errors() -> Iterator[None]:
    """Raise an OSError as TemporaryStorageError.

    Raises:
        TemporaryStorageError: The disk is full, or cannot be used.
    """
    try:
        yield
    except OSError as error:
        raise TemporaryStorageError.of(error) from error


class LineFile:
    """Lines, in memory as long as they are few, then on disk."""

    def __init__(self, space: SpoolSpace, stack: ExitStack, memory_bytes: int | None = None) -> None:
        """Create an empty file.

        Args:
            space: The space that counts its bytes.
            stack: The stack that closes it.
            memory_bytes: How many bytes stay in memory; MEMORY_BYTES by default.
        """
        self._space = space
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(memory_bytes or MEMORY_BYTES)  # noqa: SIM115 - the stack closes it
        stack.callback(self._close)
        self.size = 0
        """The size in bytes."""
        self.count = 0
        """The number of lines."""
        stack.callback(self._give_back)

    def append(self, place: int, content: bytes, *, begins: bool = False) -> None:
        """Add a line; `begins` says whether it begins a stay.

        Raises:
            SpoolFullError: There is no space for it.
            TemporaryStorageError: The disk is full, or cannot be used.
        """
        length = _HEAD.size + len(content)
        self._space.take(length)
        self.size += length
        self.count += 1
        try:
            self._file.write(_HEAD.pack(place, len(content), begins))
            self._file.write(content)
        except OSError as error:
            raise TemporaryStorageError.of(error) from error

    def read(self) -> Iterator[Line]:
        """Yield every line with its place."""
        return ((place, content) for place, content, _ in self.records())

    def records(self) -> Iterator[tuple[int, bytes, bool]]:
        """Yield every line with its place, and whether it begins a stay."""
        # Seeking flushes what was written last, so the disk may only fail here.
        with _as_storage_errors():
            self._file.seek(0)
        while head := self._read(_HEAD.size):
            place, length, begins = _HEAD.unpack(head)
            yield place, self._read(length), begins

    def _read(self, size: int) -> bytes:
        with _as_storage_errors():
            return self._file.read(size)

    def _close(self) -> None:
        # If the disk is full, closing fails to flush what nobody will read.
        with suppress(OSError):
            self._file.close()

    def _give_back(self) -> None:
        self._space.give_back(self.size)

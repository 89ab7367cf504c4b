"""Temporary files of NDJSON lines, each with its line number.

They are sealed, in blocks, with a key that is in memory alone, so that the disk never holds a patient's data
that somebody can read.
"""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from struct import Struct
from typing import IO, Final

from fhirexport_server.domain.errors import TemporaryStorageError
from fhirexport_server.runtime.spool_space import SpoolSpace
from fhirexport_server.sealing.ephemeral_key import EphemeralKey

Line = tuple[int, bytes]
"""The number of a line, from 0, and its content."""
MEMORY_BYTES: Final = 1 << 20
BLOCK_BYTES: Final = 64 * 1024
"""How many bytes of lines are sealed together at least, but for the last: blocks end between lines."""
_HEAD: Final = Struct("<QI?")
_BLOCK: Final = Struct("<I")


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
        memory_bytes = memory_bytes or MEMORY_BYTES
        self._space = space
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(memory_bytes)  # noqa: SIM115 - the stack closes it
        self._key = EphemeralKey()
        self._block_bytes = min(BLOCK_BYTES, memory_bytes // 4)
        self._open, self._blocks = bytearray(), 0
        stack.callback(self._close)
        self.size = 0
        """The size of the lines in bytes; sealing adds less than one in a hundred."""
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
        self._open += _HEAD.pack(place, len(content), begins)
        self._open += content
        if len(self._open) >= self._block_bytes:
            self._seal()

    def read(self) -> Iterator[Line]:
        """Yield every line with its place."""
        return ((place, content) for place, content, _ in self.records())

    def records(self) -> Iterator[tuple[int, bytes, bool]]:
        """Yield every line with its place, and whether it begins a stay."""
        if self._open:
            self._seal()
        # Seeking flushes what was written last, so the disk may only fail here.
        with _as_storage_errors():
            self._file.seek(0)
        for number in range(self._blocks):
            block = self._block(number)
            start = 0
            while start < len(block):
                place, length, begins = _HEAD.unpack_from(block, start)
                start += _HEAD.size + length
                yield place, block[start - length : start], begins

    def _seal(self) -> None:
        sealed = self._key.seal(self._blocks, bytes(self._open))
        with _as_storage_errors():
            self._file.write(_BLOCK.pack(len(sealed)))
            self._file.write(sealed)
        self._open.clear()
        self._blocks += 1

    def _block(self, number: int) -> bytes:
        with _as_storage_errors():
            head = self._file.read(_BLOCK.size).ljust(_BLOCK.size, b"\0")
            return self._key.unseal(number, self._file.read(*_BLOCK.unpack(head)))

    def _close(self) -> None:
        # If the disk is full, closing fails to flush what nobody will read.
        with suppress(OSError):
            self._file.close()

    def _give_back(self) -> None:
        self._space.give_back(self.size)

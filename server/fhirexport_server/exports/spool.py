"""Spools hold the bytes between a rendering and its readers: written at its pace, read at theirs.

A spool keeps its first MiB in memory and the rest in an unnamed file, so that a slow reader does not hold up
the database, and a large export does not fill the memory. The file is sealed with a key that is in memory
alone, so that the disk never holds a patient's data that somebody can read.
"""

import asyncio
import os
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from threading import Lock
from typing import IO, NamedTuple

from fhirexport_server.cache.entry import Base, Description
from fhirexport_server.domain.errors import TemporaryStorageError
from fhirexport_server.domain.segments import Chunk, Manifest, Segment, Totals
from fhirexport_server.exports.rendering import Snapshot
from fhirexport_server.runtime.spool_space import SpoolSpace
from fhirexport_server.sealing.ephemeral_key import EphemeralKey

MEMORY_BYTES = 1024 * 1024
"""How many bytes of a spool stay in memory: compressed, so some fourteen times as much of a rendering."""

_TOLD_AT_ONCE = 2
"""How many readers are woken in one iteration of the event loop. Hundreds may wait for one rendering, and if
all went on at once, the loop would do nothing else meanwhile."""


class Stored(NamedTuple):
    """Where a chunk is: in memory, or sealed in the file, `length` bytes from `offset` on."""

    frame: bytes | None
    offset: int
    length: int
    size: int
    resource_count: int
    segment: Segment | None


class Spool:
    """The chunks of one rendering. One thread writes them; readers are on the event loop that made it."""

    def __init__(self, space: SpoolSpace) -> None:
        """Make an empty spool whose bytes count in `space`."""
        self._space = space
        self.on_complete: Callable[[], None] = lambda: None
        """Called on the loop once the last chunk is there, before readers see it."""
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[asyncio.Future[None]] = deque()
        """Readers who have seen all that is there: the longest waiting first."""
        self._untold = 0
        """How many of them have waited since before the last change."""
        self._is_telling = False
        self._lock = Lock()
        self._chunks: list[Stored] = []
        self._taken = 0
        self._in_memory = 0
        self._file: IO[bytes] | None = None
        self._key = EphemeralKey()
        self._file_size = 0
        self._snapshot: Snapshot | None = None
        self._base: Base | None = None
        self._totals: Totals | None = None
        self._error: BaseException | None = None

    # --- the writer's side, in its thread ---

    def start(self, snapshot: Snapshot, base: Base | None = None) -> None:
        """Set the description of the snapshot, and what a later rendering can start from."""
        self._base = base
        self._snapshot = snapshot
        self._wake()

    def append(self, chunk: Chunk) -> None:
        """Add the next chunk.

        Raises:
            SpoolFullError: The spools of this process are full.
            TemporaryStorageError: The disk is full, or cannot be written.
        """
        self._chunks.append(self.put(chunk))
        self._wake()

    def put(self, chunk: Chunk) -> Stored:
        """Store a chunk, out of order: `arrange` says where it belongs. It raises as `append`."""
        frame, length = chunk.frame, len(chunk.frame)
        self._space.take(length)
        self._taken += length
        described = (chunk.size, chunk.resource_count, chunk.segment)
        if self._in_memory + length <= MEMORY_BYTES:
            self._in_memory += length
            return Stored(frame, 0, length, *described)
        offset = self._file_size
        sealed = self._key.seal(offset, frame)
        try:
            self._write(sealed)
        except OSError as error:
            raise TemporaryStorageError.of(error) from error
        return Stored(None, offset, len(sealed), *described)

    def refer(self, chunk: Chunk) -> Stored:
        """Refer to a chunk that memory holds anyway, so that it takes no room here."""
        return Stored(chunk.frame, 0, len(chunk.frame), chunk.size, chunk.resource_count, chunk.segment)

    def arrange(self, chunks: Iterable[Stored]) -> None:
        """Set all chunks, in order."""
        self._chunks[:] = chunks
        self._wake()

    def finish(self, totals: Totals) -> None:
        """Set the totals, after the last chunk."""
        self._wake(totals)

    def fail(self, error: BaseException) -> None:
        """End the spool with an error. Readers see the first one."""
        with self._lock:
            if self._error is None and self._totals is None:
                self._error = error
        self._wake()

    def _write(self, sealed: bytes) -> None:
        if self._file is None:
            # It has no name: it is gone with the process, and nobody else can open it.
            self._file = tempfile.TemporaryFile(prefix="fhirexport-", buffering=0)  # noqa: SIM115 - closed by close()
        view = memoryview(sealed)
        while view:
            written = os.pwrite(self._file.fileno(), view, self._file_size)
            self._file_size += written
            view = view[written:]

    def _wake(self, totals: Totals | None = None) -> None:
        try:
            self._loop.call_soon_threadsafe(self._notify, totals)
        except RuntimeError:
            # The loop is closed, so there is no reader any more.
            return

    # --- the readers' side, on the loop ---

    @property
    def totals(self) -> Totals | None:
        """The totals; None until the last chunk is there."""
        return self._totals

    @property
    def error(self) -> BaseException | None:
        """The error that the writer ended with."""
        return self._error

    @property
    def size(self) -> int:
        """The size of the frames, in bytes."""
        return self._taken

    def description(self) -> Description | None:
        """Return the description of the rendering; None until it is complete."""
        if self._snapshot is None or self._totals is None:
            return None
        snapshot = self._snapshot
        segments = tuple(stored.segment for stored in self._chunks if stored.segment is not None)
        return Description(
            snapshot.etag, snapshot.revision, snapshot.read_time, self._totals, Manifest(segments), self._base
        )

    def kept(self) -> Iterator[Chunk]:
        """Return the chunks that are there."""
        return map(self.chunk, self._chunks)

    async def started(self, patience: float) -> Snapshot:
        """Wait for the description of the snapshot.

        Raises:
            TimeoutError: There was no progress for `patience` seconds.
            BaseException: The error that the writer ended with.
        """
        while self._snapshot is None:
            await self._progress(patience)
        return self._snapshot

    async def chunks(self, patience: float) -> AsyncIterator[Chunk]:
        """Yield the chunks from the first on, each as soon as it is there; raise as `started`."""
        index = 0
        while True:
            while index < len(self._chunks):
                yield self.chunk(self._chunks[index])
                index += 1
            if self._totals is not None and index == len(self._chunks):
                return
            await self._progress(patience)

    async def _progress(self, patience: float) -> None:
        if self._error is not None:
            raise self._error
        news = self._loop.create_future()
        self._waiting.append(news)
        async with asyncio.timeout(patience):
            await news

    def _notify(self, totals: Totals | None) -> None:
        if totals is not None and self._error is None:
            self._totals = totals
            self.on_complete()
        self._untold = len(self._waiting)
        if not self._is_telling:
            self._tell()

    def _tell(self) -> None:
        """Wake some of the readers who wait; the others in the next iterations of the loop."""
        for _ in range(min(self._untold, _TOLD_AT_ONCE)):
            self._untold -= 1
            news = self._waiting.popleft()
            if not news.done():  # or the reader has left
                news.set_result(None)
        self._is_telling = self._untold > 0
        if self._is_telling:
            self._loop.call_soon(self._tell)

    def chunk(self, stored: Stored) -> Chunk:
        """Return a chunk that was stored."""
        frame = stored.frame
        if frame is None:
            if self._file is None:
                raise RuntimeError("read from a closed spool")
            try:
                sealed = os.pread(self._file.fileno(), stored.length, stored.offset)
                frame = self._key.unseal(stored.offset, sealed)
            except OSError as error:
                raise TemporaryStorageError.of(error) from error
        return Chunk(frame, stored.size, stored.resource_count, stored.segment)

    def close(self) -> None:
        """Release everything: after the writer has ended, or before `start`, to begin anew."""
        self._chunks.clear()
        self._space.give_back(self._taken)
        self._taken = self._in_memory = self._file_size = 0
        if self._file is not None:
            self._file.close()
            self._file, self._key = None, EphemeralKey()

"""Owns the bytes between a rendering and its readers: made at the renderer's pace, read at theirs.

A spool keeps its first MiB in memory and the rest in an unnamed file, so that neither a slow
reader nor a large export holds up the database or fills the process.
"""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from threading import Lock
from typing import IO, NamedTuple

from fhirexport_server.cache.entry import Description, Entry
from fhirexport_server.domain.chunks import Chunk, Totals
from fhirexport_server.domain.errors import TemporaryStorageError
from fhirexport_server.exports.rendering import Snapshot
from fhirexport_server.runtime.spool_space import SpoolSpace

MEMORY_BYTES = 1024 * 1024
"""How much of one spool stays in memory: of a rendering, some fourteen times as much."""


class _Kept(NamedTuple):
    """Where one chunk is: in memory, or so many bytes from `offset` on in the file."""

    frame: bytes | None
    offset: int
    length: int
    size: int
    resource_count: int


class Spool:
    """One rendering on its way. Written by one thread, read on the event loop that made it."""

    def __init__(self, space: SpoolSpace) -> None:
        """Make an empty spool, whose bytes are counted in `space`."""
        self._space = space
        self.on_complete: Callable[[], None] = lambda: None
        """Is called on the loop once the last chunk is there, before any reader knows."""
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._lock = Lock()
        self._chunks: list[_Kept] = []
        self._taken = 0
        self._in_memory = 0
        self._file: IO[bytes] | None = None
        self._file_size = 0
        self._snapshot: Snapshot | None = None
        self._totals: Totals | None = None
        self._error: BaseException | None = None

    # --- the writer's side, in its thread ---

    def start(self, snapshot: Snapshot) -> None:
        """Says what is being rendered."""
        self._snapshot = snapshot
        self._wake()

    def append(self, chunk: Chunk) -> None:
        """Keeps the next chunk.

        Raises:
            SpoolFullError: there is no space for it.
            TemporaryStorageError: the disk is full, or cannot be written.
        """
        length = len(chunk.frame)
        self._space.take(length)
        self._taken += length
        if self._in_memory + length <= MEMORY_BYTES:
            self._in_memory += length
            kept = _Kept(chunk.frame, 0, length, chunk.size, chunk.resource_count)
        else:
            kept = _Kept(None, self._file_size, length, chunk.size, chunk.resource_count)
            try:
                self._write(chunk.frame)
            except OSError as error:
                raise TemporaryStorageError.of(error) from error
        self._chunks.append(kept)
        self._wake()

    def finish(self, totals: Totals) -> None:
        """Says that the last chunk is there."""
        self._wake(totals)

    def fail(self, error: BaseException) -> None:
        """Says that there will be no more; the first failure is the one that readers see."""
        with self._lock:
            if self._error is None and self._totals is None:
                self._error = error
        self._wake()

    def _write(self, frame: bytes) -> None:
        if self._file is None:
            # Nameless from the start: it is gone with the process, and nobody else can open it.
            self._file = tempfile.TemporaryFile(prefix="fhirexport-", buffering=0)  # noqa: SIM115 - closed by close()
        view = memoryview(frame)
        while view:
            written = os.pwrite(self._file.fileno(), view, self._file_size)
            self._file_size += written
            view = view[written:]

    def _wake(self, totals: Totals | None = None) -> None:
        try:
            self._loop.call_soon_threadsafe(self._notify, totals)
        except RuntimeError:
            # The loop is closed: nobody is left to read.
            return

    # --- the readers' side, on the loop ---

    @property
    def totals(self) -> Totals | None:
        """The totals, once the last chunk is there."""
        return self._totals

    @property
    def error(self) -> BaseException | None:
        """What the writer failed with."""
        return self._error

    @property
    def size(self) -> int:
        """How many bytes the chunks take, as they are kept."""
        return self._taken

    def description(self) -> Description | None:
        """Returns what is known of the rendering, once it is complete."""
        if self._snapshot is None or self._totals is None:
            return None
        snapshot = self._snapshot
        return Description(snapshot.etag, snapshot.revision, snapshot.read_time, self._totals)

    def kept(self) -> Iterator[Chunk]:
        """Yields the chunks that are there."""
        return map(self._read, self._chunks)

    def entry(self, largest: int) -> Entry | None:
        """Returns the whole rendering as something to keep; None while it is not complete, or too large."""
        description = self.description()
        if description is None or self._taken > largest:
            return None
        return Entry(description, tuple(self.kept()))

    async def started(self, patience: float) -> Snapshot:
        """Waits for the description of what is being rendered.

        Raises:
            TimeoutError: nothing happened for `patience` seconds.
            BaseException: what the writer failed with.
        """
        while self._snapshot is None:
            await self._news(patience)
        return self._snapshot

    async def chunks(self, patience: float) -> AsyncIterator[Chunk]:
        """Yields the chunks from the first on, each as soon as it is there; raises as `started`."""
        index = 0
        while True:
            while index < len(self._chunks):
                yield self._read(self._chunks[index])
                index += 1
            if self._totals is not None and index == len(self._chunks):
                return
            await self._news(patience)

    async def _news(self, patience: float) -> None:
        if self._error is not None:
            raise self._error
        async with asyncio.timeout(patience):
            await self._changed.wait()

    def _notify(self, totals: Totals | None) -> None:
        if totals is not None and self._error is None:
            self._totals = totals
            self.on_complete()
        # Each event stands for one change: whoever waits has seen the state before it.
        self._changed.set()
        self._changed = asyncio.Event()

    def _read(self, kept: _Kept) -> Chunk:
        frame = kept.frame
        if frame is None:
            if self._file is None:
                raise RuntimeError("read from a closed spool")
            try:
                frame = os.pread(self._file.fileno(), kept.length, kept.offset)
            except OSError as error:
                raise TemporaryStorageError.of(error) from error
        return Chunk(frame, kept.size, kept.resource_count)

    def close(self) -> None:
        """Gives everything back. Only once the writer has ended, or to begin anew before `start`."""
        self._chunks.clear()
        self._space.give_back(self._taken)
        self._taken = self._in_memory = self._file_size = 0
        if self._file is not None:
            self._file.close()
            self._file = None

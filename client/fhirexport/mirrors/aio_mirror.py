"""Mirrors, for asyncio programs."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import grpc

from fhirexport._internal.calls import Calls
from fhirexport._internal.mirroring.differences import Differences
from fhirexport._internal.mirroring.folder import MirrorFolder
from fhirexport._internal.mirroring.manifest import MirroredExport
from fhirexport._internal.mirroring.session import Session
from fhirexport._internal.reader import cache_status
from fhirexport._internal.requests import OnProgress
from fhirexport._internal.resources import Resource, resources
from fhirexport.errors import IncompleteError, from_rpc
from fhirexport.mirrors.mirror_models import Change, MirrorUpdate
from fhirexport.models import Snapshot

if TYPE_CHECKING:
    from fhirexport.v1.export_service_pb2_grpc import ExportServiceAsyncStub  # exists for type checkers only

T = TypeVar("T")
_BATCH = 100
"""How many changes are read at once."""


class AsyncChanges:
    """What an update of a mirror changes; see `Mirror.changes`."""

    def __init__(self, differences: Differences, update: MirrorUpdate, disk: "_Disk") -> None:
        self._differences = differences
        self._disk = disk
        self.update = update
        """What the update takes."""
        self.whole = differences.whole
        """Whether there is nothing to compare with: all resources come, and whoever has others is to delete
        those."""
        self.taken = not update.changed
        """Whether all have been taken."""

    async def __aiter__(self) -> AsyncIterator[Change]:
        """Yield the changes in the order of the export; what is gone comes where it was."""
        async for batch in self._disk.batches(iter(self._differences), _BATCH):
            for change in batch:
                yield change
        self.taken = True


class AsyncMirror:
    """A copy of an export in a folder, as NDJSON, which an update brings up to date for what has changed.

    One program at a time may update it, whether or not others read it.
    """

    def __init__(
        self,
        stub: "ExportServiceAsyncStub",
        calls: Calls,
        export: MirroredExport,
        path: Path,
        on_progress: OnProgress | None,
    ) -> None:
        self._stub = stub
        self._calls = calls
        self._export = export
        self._folder = MirrorFolder(path)
        self.path = path
        """The folder."""
        self.on_progress = on_progress
        """Called as an update goes on, with how far it has come."""

    async def update(self) -> MirrorUpdate:
        """Bring the copy up to date; return what that took.

        Raises:
            ExportError: it failed; the copy is as it was, and what has come is there for the next update.
            BlockingIOError: another program does it.
            OSError: the folder cannot be used; FileExistsError where it is the mirror of another export.
        """
        async with self._session() as (session, disk):
            await self._transfer(session, disk)
            await disk.run(session.commit)
            return session.result()

    @asynccontextmanager
    async def changes(self) -> AsyncIterator[AsyncChanges]:
        """Bring the copy up to date, and offer what that changes.

        The copy is brought up to date when the block ends well and all changes were taken. Else it is as it
        was, and the next update offers them again: none is lost when a program fails.

        Raises:
            ExportError: it failed, as an update does.
            BlockingIOError: another program does it.
            OSError: the folder cannot be used; FileExistsError where it is the mirror of another export.
        """
        async with self._session() as (session, disk):
            await self._transfer(session, disk)
            changes = AsyncChanges(await disk.run(session.differences), session.result(), disk)
            yield changes
            if changes.taken:
                await disk.run(session.commit)

    async def snapshot(self) -> Snapshot:
        """Return the state of the data that the copy shows.

        Raises:
            FileNotFoundError: there is no copy yet.
            IncompleteError: it is damaged.
        """
        return (await asyncio.to_thread(self._folder.read_manifest)).snapshot

    async def __aiter__(self) -> AsyncIterator[Resource]:
        """Yield the resources of the copy one by one, in constant memory.

        Raises:
            FileNotFoundError: there is no copy yet.
            IncompleteError: it is damaged; what was yielded so far is not all of it.
        """
        async with aclosing(self.chunks()) as chunks:
            async for content in chunks:
                for resource in resources(content):
                    yield resource

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the copy, which is NDJSON, in runs of whole lines. Each of them has been verified.

        Raises:
            FileNotFoundError: there is no copy yet.
            IncompleteError: it is damaged; what was yielded so far is not all of it.
        """
        async with _disk() as disk:
            texts = self._folder.texts()
            try:
                async for batch in disk.batches(texts, 1):
                    for content in batch:
                        yield content
            finally:
                await disk.run(texts.close)

    async def read(self) -> bytes:
        """Return the whole copy as bytes: for those that fit into memory."""
        return b"".join([content async for content in self.chunks()])

    async def verify(self) -> bool:
        """Read the whole copy; return whether it is as it came. The next update mends what is not.

        Raises:
            FileNotFoundError: there is no copy yet.
        """
        try:
            return await asyncio.to_thread(self._folder.is_intact)
        except IncompleteError:
            return False

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[tuple[Session, "_Disk"]]:
        async with _disk() as disk:
            session = Session(self._folder, self._export, self.on_progress)
            try:
                yield session, disk
            finally:
                await disk.run(session.close)

    async def _transfer(self, session: Session, disk: "_Disk") -> None:
        transfer = await disk.run(session.begin)
        arguments = self._calls.attempts()
        while not transfer.finished:
            call = self._stub.StreamExport(transfer.attempt(), **arguments())
            try:
                cache = cache_status(await call.initial_metadata())
                async for event in call:
                    piece = transfer.accept(event, cache)
                    if piece is not None:
                        await disk.run(partial(session.take, piece))
                    if transfer.asks_again:
                        break
                else:
                    transfer.ended()
            except grpc.aio.AioRpcError as error:
                await asyncio.sleep(transfer.delay(from_rpc(error)))
            finally:
                call.cancel()


class _Disk:
    """A thread that waits for the disk: what it is given is done one by one, also after a cancellation."""

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        self._executor = executor

    async def run(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, function)

    async def batches(self, values: Iterator[T], size: int) -> AsyncIterator[list[T]]:
        while batch := await self.run(lambda: list(islice(values, size))):
            yield batch


@asynccontextmanager
async def _disk() -> AsyncIterator[_Disk]:
    executor = ThreadPoolExecutor(1, "fhirexport-mirror")
    try:
        yield _Disk(executor)
    finally:
        executor.shutdown(wait=False)

"""Mirrors, for programs without an event loop."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
from fhirexport.v1.export_service_pb2_grpc import ExportServiceStub


class Changes:
    """What an update of a mirror changes; see `Mirror.changes`."""

    def __init__(self, differences: Differences, update: MirrorUpdate) -> None:
        self._differences = differences
        self.update = update
        """What the update takes."""
        self.whole = differences.whole
        """Whether there is nothing to compare with: all resources come, and whoever has others is to delete
        those."""
        self.taken = not update.changed
        """Whether all have been taken."""

    def __iter__(self) -> Iterator[Change]:
        """Yield the changes in the order of the export; what is gone comes where it was."""
        yield from self._differences
        self.taken = True


class Mirror:
    """A copy of an export in a folder, as NDJSON, which an update brings up to date for what has changed.

    One program at a time may update it, whether or not others read it.
    """

    def __init__(
        self,
        stub: ExportServiceStub,
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

    def update(self) -> MirrorUpdate:
        """Bring the copy up to date; return what that took.

        Raises:
            ExportError: it failed; the copy is as it was, and what has come is there for the next update.
            BlockingIOError: another program does it.
            OSError: the folder cannot be used; FileExistsError where it is the mirror of another export.
        """
        with Session(self._folder, self._export, self.on_progress) as session:
            self._transfer(session)
            session.commit()
            return session.result()

    @contextmanager
    def changes(self) -> Iterator[Changes]:
        """Bring the copy up to date, and offer what that changes.

        The copy is brought up to date when the block ends well and all changes were taken. Else it is as it
        was, and the next update offers them again: none is lost when a program fails.

        Raises:
            ExportError: it failed, as an update does.
            BlockingIOError: another program does it.
            OSError: the folder cannot be used; FileExistsError where it is the mirror of another export.
        """
        with Session(self._folder, self._export, self.on_progress) as session:
            self._transfer(session)
            changes = Changes(session.differences(), session.result())
            yield changes
            if changes.taken:
                session.commit()

    def snapshot(self) -> Snapshot:
        """Return the state of the data that the copy shows.

        Raises:
            FileNotFoundError: there is no copy yet.
            IncompleteError: it is damaged.
        """
        return self._folder.read_manifest().snapshot

    def __iter__(self) -> Iterator[Resource]:
        """Yield the resources of the copy one by one, in constant memory.

        Raises:
            FileNotFoundError: there is no copy yet.
            IncompleteError: it is damaged; what was yielded so far is not all of it.
        """
        for content in self.chunks():
            yield from resources(content)

    def chunks(self) -> Iterator[bytes]:
        """Yield the copy, which is NDJSON, in runs of whole lines. Each of them has been verified.

        Raises:
            FileNotFoundError: there is no copy yet.
            IncompleteError: it is damaged; what was yielded so far is not all of it.
        """
        yield from self._folder.texts()

    def read(self) -> bytes:
        """Return the whole copy as bytes: for those that fit into memory."""
        return b"".join(self.chunks())

    def verify(self) -> bool:
        """Read the whole copy; return whether it is as it came. The next update mends what is not.

        Raises:
            FileNotFoundError: there is no copy yet.
        """
        try:
            return self._folder.is_intact()
        except IncompleteError:
            return False

    def _transfer(self, session: Session) -> None:
        transfer = session.begin()
        arguments = self._calls.attempts()
        while not transfer.finished:
            call = self._stub.StreamExport(transfer.attempt(), **arguments())
            try:
                for event in call:
                    piece = transfer.accept(event, cache_status(call.initial_metadata()))
                    if piece is not None:
                        session.take(piece)
                    if transfer.asks_again:
                        break
                else:
                    transfer.ended()
            except grpc.RpcError as error:
                time.sleep(transfer.delay(from_rpc(error)))
            finally:
                call.cancel()

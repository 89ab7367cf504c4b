"""One update of a mirror, from the lock to the new manifest: what is done on the disk between the calls."""

import errno
import logging
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import Self

from fhirexport._internal.mirroring.differences import Differences
from fhirexport._internal.mirroring.folder import MirrorFolder, damaged
from fhirexport._internal.mirroring.manifest import (
    CopyManifest,
    DamagedManifestError,
    ForeignFormatError,
    MirroredExport,
)
from fhirexport._internal.mirroring.segment_files import DamagedSegmentError, SegmentPart
from fhirexport._internal.mirroring.transfer import Piece, Transfer
from fhirexport._internal.requests import ExportQuery
from fhirexport.cache_models import DATASETS
from fhirexport.mirrors.mirror_models import Mended, MirrorUpdate
from fhirexport.models import Progress, Snapshot

LOG = logging.getLogger("fhirexport.mirror")

_SAYS: dict[Mended, str] = {
    "damaged": "it was damaged",
    "format": "it was written by another release",
    "other_database": "it was of another database",
}


class Session:
    """An update. Its methods wait for the disk, and are called one at a time.

    Use: inside `with Session(…) as session`, `begin`, `take` each piece of the transfer, then `commit`,
    perhaps after a look at `differences`. A session that is left before has changed nothing of the copy; what
    has come is there for the next one.
    """

    def __init__(
        self, folder: MirrorFolder, export: MirroredExport, on_progress: Callable[[Progress], None] | None
    ) -> None:
        self._folder = folder
        self._export = export
        self._on_progress = on_progress
        self._stack = ExitStack()
        self._base: CopyManifest | None = None
        self._is_intact = False
        self._mended: Mended | None = None
        self._part: SegmentPart | None = None
        self._transfer: Transfer | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Let others have the mirror."""
        try:
            self._discard()
        finally:
            self._stack.close()

    def begin(self) -> Transfer:
        """Have the mirror for oneself, look at what is there, and return what is to be transferred.

        Raises:
            OSError: the folder cannot be used; BlockingIOError where another program uses it, FileExistsError
                where it is the mirror of another export.
        """
        self._stack.enter_context(self._folder.updating())
        try:
            self._base = self._folder.manifest()
        except ForeignFormatError:
            self._mended = "format"
        except DamagedManifestError:
            self._mended = "damaged"
        files, base = self._folder.files, self._base
        if base is not None and base.export != self._export:
            # Whoever applies what changes would delete all that it has of the other one.
            message = f"is a mirror of {base.export}: give another folder, or remove it"
            raise FileExistsError(errno.EEXIST, message, str(self._folder.path))
        there = files.listed()
        ours = {} if base is None else {segment.digest: segment for segment in base.segments}
        self._is_intact = base is not None and there.issuperset(ours)
        # What an update that broke off has left, or one that could not clean up.
        others = [segment for digest in there - ours.keys() if (segment := files.identify(digest))]
        query = ExportQuery(DATASETS[self._export.dataset], self._export.ej_id, self._export.movements)
        if base is not None and self._is_intact:
            query = replace(query, if_none_match=base.etag)
        if base is not None and not self._is_intact:
            self._mended = "damaged"
            others += [segment for digest, segment in ours.items() if digest in there]
        self._transfer = Transfer(
            query.stream("ndjson"), base if self._is_intact else None, others, self._on_progress
        )
        return self._transfer

    def take(self, piece: Piece) -> None:
        """Keep a piece of the transfer."""
        if piece.starts:
            self._discard()
        if self._part is None:
            self._part = self._folder.files.new()
        self._part.write(piece.frame)
        if piece.segment is not None:
            self._part.keep(piece.segment.digest)
            self._part = None

    def differences(self) -> Differences:
        """Return what the new state changes.

        Raises:
            IncompleteError: what came is no longer there.
        """
        transfer = self._finished()
        old = None if self._base is None else self._base.segments
        try:
            return Differences(old, transfer.segments, self._folder.files, self._folder.path)
        except DamagedSegmentError:
            raise damaged() from None

    def result(self) -> MirrorUpdate:
        """Return what the update takes."""
        transfer, base = self._finished(), self._base
        return MirrorUpdate(
            snapshot=self._snapshot(),
            changed=base is None or base.segments != transfer.segments,
            segments=len(transfer.segments),
            received_segments=len(transfer.received),
            received_bytes=transfer.received_bytes,
            mended=self._mended or _mismatch(base, self._snapshot().incarnation),
        )

    def commit(self) -> None:
        """Make the new state the mirror's."""
        transfer, snapshot, manifest = self._finished(), self._snapshot(), self._base
        if not transfer.not_modified:
            manifest = CopyManifest(
                self._export,
                snapshot.etag,
                snapshot.revision,
                snapshot.incarnation,
                snapshot.read_time,
                transfer.segments,
            )
            synced = set(self._base.segments) if self._base is not None and self._is_intact else set()
            new = (segment for segment in transfer.segments if segment not in synced)
            self._folder.replace(manifest, new)
        if manifest is not None:
            # Also where nothing has changed: a reader may have been in the way of the last update's, and what
            # it left is of patients who may be gone.
            with suppress(OSError):  # the copy is what it must be; the next update does it
                self._folder.clean(manifest)
        mended = self.result().mended
        if mended is not None:
            LOG.warning("%s: %s; it is mended", self._folder.path, _SAYS[mended])

    def _finished(self) -> Transfer:
        if self._transfer is None or not self._transfer.finished:
            raise RuntimeError("the transfer is not finished")
        return self._transfer

    def _snapshot(self) -> Snapshot:
        snapshot = self._finished().snapshot
        if snapshot is None:
            raise RuntimeError("a transfer that is finished has a snapshot")
        return snapshot

    def _discard(self) -> None:
        part, self._part = self._part, None
        if part is not None:
            part.discard()


def _mismatch(base: CopyManifest | None, incarnation: str) -> Mended | None:
    return "other_database" if base is not None and base.incarnation != incarnation else None

"""The files of a mirror's segments: each is named by its digest, and holds what came, compressed."""

import hashlib
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import zstandard

from fhirexport._internal.files import sync_folder
from fhirexport._internal.mirroring.manifest import CopiedSegment

_SUFFIX = ".ndjson.zst"
_NAME = re.compile(r"([0-9a-f]{64})\.ndjson\.zst")
_PART_PREFIX, _PART_SUFFIX = ".fhirexport-", ".part"
_RUN_BYTES = 1 << 20
_IN_MEMORY_BYTES = 8 << 20
"""A segment whose text is larger is read twice: its digest first."""


class DamagedSegmentError(Exception):
    """A segment's file is missing, or holds something else."""


class SegmentFiles:
    """The files of segments in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def listed(self) -> set[bytes]:
        """Return the digests that there are files of, whatever these hold. Remove parts of them."""
        digests = set()
        with os.scandir(self._folder) as entries:
            for entry in entries:
                if match := _NAME.fullmatch(entry.name):
                    digests.add(bytes.fromhex(match[1]))
                elif entry.name.startswith(_PART_PREFIX) and entry.name.endswith(_PART_SUFFIX):
                    Path(entry.path).unlink(missing_ok=True)
        return digests

    def new(self) -> "SegmentPart":
        """Return a new segment to write."""
        return SegmentPart(self._folder)

    def sync(self, segments: Iterable[CopiedSegment]) -> None:
        """Wait until files are on the disk, under their names."""
        for segment in segments:
            descriptor = os.open(self._path(segment.digest), os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        sync_folder(self._folder)

    def remove(self, digest: bytes) -> None:
        """Remove a file."""
        self._path(digest).unlink(missing_ok=True)

    def identify(self, digest: bytes) -> CopiedSegment | None:
        """Return the segment in a file that no manifest lists; None where it is damaged, and is removed."""
        size = resource_count = 0
        hashed = hashlib.sha256()
        try:
            for run in self._runs(digest):
                hashed.update(run)
                size += len(run)
                resource_count += run.count(b"\n")
        except DamagedSegmentError:
            pass
        if hashed.digest() == digest:
            return CopiedSegment(digest, size, resource_count)
        self.remove(digest)
        return None

    def texts(self, segment: CopiedSegment) -> Iterator[bytes]:
        """Yield the text of a segment in runs of whole lines. Nothing is yielded that was not verified.

        Raises:
            DamagedSegmentError: it is not there, or is damaged. A damaged file is removed.
        """
        if segment.size <= _IN_MEMORY_BYTES:
            if text := b"".join(self._verified(segment)):
                yield text
            return
        for _ in self._verified(segment):
            pass
        yield from _whole_lines(self._runs(segment.digest))

    def _verified(self, segment: CopiedSegment) -> Iterator[bytes]:
        """Yield the text of a segment; raise at its end, at the latest, where it is another one."""
        hashed, size, read = hashlib.sha256(), 0, self._status(segment.digest)
        with suppress(DamagedSegmentError):
            for run in self._runs(segment.digest):
                hashed.update(run)
                size += len(run)
                if size > segment.size:
                    break
                yield run
        if hashed.digest() != segment.digest:
            # Its name says that it holds something else. The next update fetches it, unless one just has.
            now = self._status(segment.digest)
            if read is not None and now is not None and os.path.samestat(read, now):
                with suppress(OSError):
                    self.remove(segment.digest)
            raise DamagedSegmentError

    def _runs(self, digest: bytes) -> Iterator[bytes]:
        try:
            file = self._path(digest).open("rb")
        except FileNotFoundError:
            raise DamagedSegmentError from None
        with file:
            reader = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
            try:
                while run := reader.read(_RUN_BYTES):
                    yield run
            except zstandard.ZstdError:
                raise DamagedSegmentError from None

    def _status(self, digest: bytes) -> os.stat_result | None:
        try:
            return self._path(digest).stat()
        except OSError:
            return None

    def _path(self, digest: bytes) -> Path:
        return self._folder / f"{digest.hex()}{_SUFFIX}"


class SegmentPart:
    """A segment that is being written; it has no name until it is complete."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        descriptor, name = tempfile.mkstemp(_PART_SUFFIX, _PART_PREFIX, folder)
        self._file = os.fdopen(descriptor, "wb")
        self._path = Path(name)

    def write(self, frame: bytes) -> None:
        """Add a frame."""
        self._file.write(frame)

    def keep(self, digest: bytes) -> None:
        """Give it its name."""
        self._file.close()
        self._path.replace(self._folder / f"{digest.hex()}{_SUFFIX}")

    def discard(self) -> None:
        """Remove it."""
        # On a full disk it cannot even be closed: what it holds back has no place.
        with suppress(OSError):
            self._file.close()
        self._path.unlink(missing_ok=True)


def _whole_lines(runs: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for run in runs:
        lines, newline, after = run.rpartition(b"\n")
        if newline:
            yield rest + lines + newline
            rest = after
        else:
            rest += run
    if rest:
        yield rest

"""A mirror on the disk: its manifest, the files of its segments, and who may change them."""

import errno
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fhirexport._internal.files import whole_file
from fhirexport._internal.mirroring.locks import LockedError, exclusive, shared
from fhirexport._internal.mirroring.manifest import (
    CopiedSegment,
    CopyManifest,
    DamagedManifestError,
    ForeignFormatError,
)
from fhirexport._internal.mirroring.segment_files import DamagedSegmentError, SegmentFiles
from fhirexport.errors import IncompleteError

_MANIFEST = "manifest.json"
_SEGMENTS = "segments"
_UPDATE_LOCK, _READ_LOCK = "update.lock", "read.lock"
_MODE = 0o700
"""It is health data."""


class MirrorFolder:
    """The folder of a mirror."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files = SegmentFiles(path / _SEGMENTS)

    @contextmanager
    def updating(self) -> Iterator[None]:
        """Be the one who changes it, until the end of the context. Make it where it is not there.

        Raises:
            BlockingIOError: somebody else changes it.
            OSError: it cannot be changed, or is a folder of something else.
        """
        self._make()
        try:
            with exclusive(self.path / _UPDATE_LOCK):
                (self.path / _SEGMENTS).mkdir(_MODE, exist_ok=True)
                yield
        except LockedError:
            message = "another program brings this mirror up to date"
            raise BlockingIOError(errno.EWOULDBLOCK, message, str(self.path)) from None

    def texts(self) -> Generator[bytes, None, None]:
        """Yield the copy in runs of whole lines, each of them verified.

        Raises:
            FileNotFoundError: there is none.
            IncompleteError: it is damaged. What was yielded so far is not the whole copy.
            OSError: it cannot be read.
        """
        self.read_manifest()
        # As long as it is held, the files stay that the manifest lists.
        with shared(self.path / _READ_LOCK):
            for segment in self.read_manifest().segments:
                try:
                    yield from self.files.texts(segment)
                except DamagedSegmentError:
                    raise damaged() from None

    def is_intact(self) -> bool:
        """Read all of the copy; return whether it is whole. What is damaged of it is removed."""
        self.read_manifest()
        with shared(self.path / _READ_LOCK):
            # All of them are looked at, so that one update mends all.
            return sum(not self._is_intact(segment) for segment in self.read_manifest().segments) == 0

    def _is_intact(self, segment: CopiedSegment) -> bool:
        try:
            for _ in self.files.texts(segment):
                pass
        except DamagedSegmentError:
            return False
        return True

    def read_manifest(self) -> CopyManifest:
        """Return the manifest of a copy that is to be read.

        Raises:
            FileNotFoundError: there is none.
            IncompleteError: it is damaged.
            OSError: it cannot be read.
        """
        try:
            manifest = self.manifest()
        except DamagedManifestError:
            raise damaged() from None
        if manifest is None:
            message = "there is no copy yet: bring the mirror up to date first"
            raise FileNotFoundError(errno.ENOENT, message, str(self.path))
        return manifest

    def manifest(self) -> CopyManifest | None:
        """Return the manifest; None where there is none.

        Raises:
            DamagedManifestError: it is damaged.
            OSError: it cannot be read.
        """
        try:
            content = (self.path / _MANIFEST).read_bytes()
        except FileNotFoundError:
            return None
        return CopyManifest.from_json(content)

    def replace(self, manifest: CopyManifest, new: Iterable[CopiedSegment]) -> None:
        """Put a manifest in the other's place, once the files of new segments are on the disk."""
        self.files.sync(new)
        with whole_file(self.path / _MANIFEST) as file:
            file.write(manifest.to_json())

    def clean(self, manifest: CopyManifest) -> None:
        """Remove the files that a manifest does not list, unless somebody is reading."""
        try:
            with exclusive(self.path / _READ_LOCK):
                for digest in self.files.listed() - {segment.digest for segment in manifest.segments}:
                    self.files.remove(digest)
        except LockedError:
            pass  # the next update does it

    def _make(self) -> None:
        self.path.mkdir(_MODE, parents=True, exist_ok=True)
        names = {path.name for path in self.path.iterdir()}
        # The lock is the first that an update makes. Others have files of the manifest's name.
        if names and _UPDATE_LOCK not in names and not self._has_manifest():
            message = "is not a mirror: give a folder that is new or empty"
            raise OSError(errno.ENOTEMPTY, message, str(self.path))

    def _has_manifest(self) -> bool:
        try:
            return self.manifest() is not None
        except ForeignFormatError:
            return True
        except DamagedManifestError:
            return False


def damaged() -> IncompleteError:
    """Return the error of a copy that is not what its manifest says."""
    return IncompleteError("the mirror is damaged; the next time that it is brought up to date mends it")

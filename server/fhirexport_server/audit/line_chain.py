"""The chain that a server appends to: one file after the other, never changed, each line synced."""

import errno
import fcntl
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from fhirexport_server.audit import files
from fhirexport_server.audit.lines import BEFORE_THE_FIRST, ChainLink, Fields, now, sealed

_MODE: Final = 0o600
_MOST_TORN: Final = 64
"""How many unfinished lines a line tells of. There are several only where a disk was full again and again."""
_APPEND: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


class ChainInUseError(OSError):
    """Another server appends to the chain."""


class LineChain:
    """Appends lines. Every method but `head` may block on the disk; none may run beside another.

    What was written is never cut off or changed, so that files may have the attribute `append only`. A line
    that was not written to its end stays, and the line after it says so.
    """

    def __init__(self, directory: Path, name: str, file_bytes: int) -> None:
        """Make it. Nothing is opened before `open`.

        Args:
            directory: Where its files are.
            name: Its name, which begins theirs.
            file_bytes: From which size on a file is followed by a new one.
        """
        self._directory = directory
        self._name = name
        self._file_bytes = file_bytes
        self._lock: int | None = None
        self._head_file: int | None = None
        self._file: int | None = None
        self._path = directory
        self._size = 0
        self._before = b""
        self._is_suspect = False
        self.head = BEFORE_THE_FIRST
        """The last line that is on the disk for certain."""

    def open(self, fields: Fields) -> None:
        """Go on with the chain, and write a line that says so.

        Args:
            fields: What the line says besides what was found. Its event becomes `recovered` where the end of
                the chain is not as it was left.

        Raises:
            ChainInUseError: Another server has it.
            OSError: It cannot be written.
        """
        self._close_file()
        self._take_lock()
        found = files.files_of(self._directory, self._name)
        wrong: dict[str, object] = {}
        head, last = self._known_head(wrong), _last_line(found)
        if head.sequence > last.sequence:
            wrong["missing"] = {"first": last.sequence + 1, "last": head.sequence}
        self.head = _later(head, last)
        path = self._directory / files.file_name(self._name, self.head.sequence + 1)
        if found and (found[-1] == path or not self._is_suspect) and (end := files.tail(found[-1])).size:
            self._go_on(found[-1], end, wrong)
        else:
            self._begin_file(found[-1].name if found else "")
        event = {"event": "recovered"} if wrong else {}
        self.append([{**fields, **event, **wrong}])
        self._is_suspect = False

    def append(self, lines: Sequence[Fields]) -> Sequence[ChainLink]:
        """Write lines, and wait until they are on the disk. Return the place of each.

        Raises:
            OSError: They are not on the disk for certain. `open` has to be called before the next ones.
        """
        if not self._is_in_place():
            raise FileNotFoundError(errno.ENOENT, "the file is gone")
        if self._size >= self._file_bytes:
            former = self._path.name
            self._close_file()
            self._begin_file(former)
        links = self._written(lines)
        if self._head_file is not None:
            # After the sync, so that a head is never ahead of its file unless lines were lost.
            os.pwrite(self._head_file, files.written_head(self.head), 0)
        return links

    def close(self) -> None:
        """Give everything back. It may be opened again."""
        self._close_file()
        for descriptor in (self._head_file, self._lock):
            if descriptor is not None:
                os.close(descriptor)
        self._head_file = self._lock = None

    def _written(self, lines: Sequence[Fields]) -> Sequence[ChainLink]:
        if self._file is None:
            raise OSError(errno.EBADF, "no file is open")
        texts, links, last = [], [], self.head
        for fields in lines:
            text, last = sealed(fields, last)
            texts.append(text)
            links.append(last)
        rest = memoryview(self._before + b"".join(texts))
        self._before = b""
        self._size += len(rest)
        while rest:
            rest = rest[os.write(self._file, rest) :]
        try:
            os.fdatasync(self._file)
        except OSError:
            # What the system then holds for written may not be: nothing more goes into this file.
            self._is_suspect = True
            raise
        self.head = last
        return links

    def _take_lock(self) -> None:
        path = self._directory / f"{self._name}.lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, _MODE)
        if self._lock is not None:
            if os.path.sameopenfile(descriptor, self._lock):
                os.close(descriptor)
                return
            self.close()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise ChainInUseError(errno.EAGAIN, "another server writes this chain") from None
        self._lock = descriptor
        head = files.head_path(self._directory, self._name)
        self._head_file = os.open(head, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, _MODE)

    def _known_head(self, wrong: dict[str, object]) -> ChainLink:
        """Return the last line that is known of: by this process, or by the file of the head."""
        try:
            kept = files.read_head(files.head_path(self._directory, self._name))
        except ValueError:
            wrong["head"] = "unreadable"
            kept = None
        return _later(self.head, kept)

    def _go_on(self, path: Path, end: files.Tail, wrong: dict[str, object]) -> None:
        """Open the last file. What was not written to its end is ended, and told of."""
        self._file, self._path, self._size = os.open(path, _APPEND, _MODE), path, end.size
        self._before = b"" if end.is_ended else b"\n"
        if end.torn:
            wrong["torn"] = [fingerprint(line) for line in end.torn[:_MOST_TORN]]

    def _begin_file(self, former: str) -> None:
        """Begin a new file with a line that names the one before."""
        path = self._directory / files.file_name(self._name, self.head.sequence + 1)
        self._file, self._path, self._size, self._before = os.open(path, _APPEND, _MODE), path, 0, b""
        directory = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
        self._written([{"time": now(), "event": "opened", "chain": self._name, "former": former}])

    def _is_in_place(self) -> bool:
        """Return whether the open file is still the one of its name, and not deleted or moved away."""
        if self._file is None:
            return False
        try:
            return os.path.samestat(self._path.stat(), os.fstat(self._file))
        except OSError:
            return False

    def _close_file(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def fingerprint(torn: bytes) -> dict[str, object]:
    """Return what tells an unfinished line from others, without what it holds."""
    return {"bytes": len(torn), "sha256": hashlib.sha256(torn).hexdigest()}


def _last_line(found: Sequence[Path]) -> ChainLink:
    """Return the place of the last line of some files that agrees with its hash."""
    for path in reversed(found):
        if (last := files.tail(path).last) is not None:
            return last.link
    return BEFORE_THE_FIRST


def _later(one: ChainLink, other: ChainLink | None) -> ChainLink:
    return one if other is None or other.sequence < one.sequence else other

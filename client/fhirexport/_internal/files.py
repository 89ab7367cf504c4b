"""Write a file that is whole or not there; what is no regular file is written through."""

import asyncio
import errno
import os
import re
import secrets
import stat
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_MODE = 0o600
_PREFIX, _SUFFIX = ".fhirexport-", ".part"
_NAMELESS = getattr(os, "O_TMPFILE", 0)
_OPEN_FILES = "/proc/self/fd"
# Linux resolves these to the file behind them, which may be one that a shell has opened to append to.
_DESCRIPTOR = re.compile(r"/(?:dev|proc/self)/fd/(\d+)|/dev/(stdout|stderr)", re.ASCII)
_STANDARD = {"stdout": 1, "stderr": 2}

Write = Callable[[bytes], Awaitable[object]]


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Offer a file to write to, which takes `path`'s place when the block ends well.

    A link is followed, and stays. A file that was there keeps its permissions, and its owner where that is
    permitted; a new one is readable by its owner only (it is health data). A device, a pipe and anything
    else that is no regular file is written to as it is.

    Raises:
        OSError: the file cannot be written; `filename` is `path`. What was there is there still.
    """
    try:
        with _open(path) as file:
            yield file
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise


@asynccontextmanager
async def whole_file_async(path: Path) -> AsyncIterator[Write]:
    """Do the same for asyncio: offer a coroutine function that writes. The disk is waited for in a thread."""
    context = whole_file(path)
    file = await asyncio.to_thread(context.__enter__)
    try:
        yield lambda content: asyncio.to_thread(file.write, content)
    except BaseException as error:
        await asyncio.to_thread(context.__exit__, type(error), error, error.__traceback__)
        raise
    await asyncio.to_thread(context.__exit__, None, None, None)


def is_replaced(path: Path) -> bool:
    """Return whether `whole_file` replaces what is at a path: what is written then can be thrown away."""
    return _descriptor(path) is None and _is_regular(_status(path))


@contextmanager
def _open(path: Path) -> Iterator[BinaryIO]:
    if (descriptor := _descriptor(path)) is not None:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            yield file
        return
    status = _status(path)
    if _is_regular(status):
        with _replacing(Path(os.path.realpath(path)), status) as file:
            yield file
        return
    with os.fdopen(os.open(path, os.O_WRONLY | getattr(os, "O_NOCTTY", 0)), "wb") as file:
        yield file


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:  # also a link to a file that is not there yet
        return None


def _is_regular(status: os.stat_result | None) -> bool:
    return status is None or stat.S_ISREG(status.st_mode)


def _descriptor(path: Path) -> int | None:
    """Return which of this process's open files a path means; None for any other path."""
    match = _DESCRIPTOR.fullmatch(str(path))
    if match is None:
        return None
    return _STANDARD[match[2]] if match[2] else int(match[1])


@contextmanager
def _replacing(target: Path, status: os.stat_result | None) -> Iterator[BinaryIO]:
    if status is not None and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    descriptor, part = _part(target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            if status is not None:
                _keep_permissions(descriptor, status)
            os.fsync(descriptor)
            if part is None:
                part = target.parent / f"{_PREFIX}{secrets.token_hex(8)}{_SUFFIX}"
                # `src_dir_fd` counts for nothing with an absolute path, but has Python follow the link.
                os.link(f"{_OPEN_FILES}/{descriptor}", part, src_dir_fd=descriptor, follow_symlinks=True)
        part.replace(target)
    except BaseException:
        if part is not None:
            part.unlink(missing_ok=True)
        raise
    sync_folder(target.parent)


def _part(folder: Path) -> tuple[int, Path | None]:
    """Create the file to write to first; return its descriptor, and its name if it has one.

    Where the system can do without one, nothing is left of it when the process is killed.
    """
    if _NAMELESS and Path(_OPEN_FILES).is_dir():
        with suppress(OSError):  # not on every file system; what else is wrong comes up again
            return os.open(folder, os.O_WRONLY | _NAMELESS, _MODE), None
    descriptor, name = tempfile.mkstemp(_SUFFIX, _PREFIX, folder)
    return descriptor, Path(name)


def _keep_permissions(descriptor: int, status: os.stat_result) -> None:
    if not hasattr(os, "fchown"):
        return
    mode = stat.S_IMODE(status.st_mode)
    current = os.fstat(descriptor)
    if (current.st_uid, current.st_gid) != (status.st_uid, status.st_gid):
        try:
            os.fchown(descriptor, status.st_uid, status.st_gid)
        except PermissionError:
            # What was granted to that owner and group is not for ours.
            mode &= stat.S_IRWXU | stat.S_IRWXO
    os.fchmod(descriptor, mode)


def sync_folder(folder: Path) -> None:
    """Make the new name last through a power cut, where the system lets one do so."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

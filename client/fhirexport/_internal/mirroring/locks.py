"""Locks on files, between processes and within one: the system gives them back when a process ends."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # not a POSIX system
    fcntl = None  # type: ignore[assignment]

_MODE = 0o600


class LockedError(Exception):
    """Somebody else has the lock."""


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold a lock that nobody else may hold, nor share.

    Raises:
        LockedError: somebody does.
    """
    with _locked(path, is_shared=False):
        yield


@contextmanager
def shared(path: Path) -> Iterator[None]:
    """Hold a lock that others may share. Wait for whoever holds it alone."""
    with _locked(path, is_shared=True):
        yield


@contextmanager
def _locked(path: Path, *, is_shared: bool) -> Iterator[None]:
    if fcntl is None:
        raise OSError(errno.ENOTSUP, "mirrors need a system with file locks, as POSIX has", str(path))
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LockedError from None
        yield
    finally:
        os.close(descriptor)

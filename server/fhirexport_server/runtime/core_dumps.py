"""Keeps what a process holds of patients out of core dumps, and its environment from other processes."""

import ctypes
import resource
import sys
from typing import Final

import structlog

_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

_PR_SET_DUMPABLE: Final = 4


def forbid() -> None:
    """Have this process, and those that it forks, never be dumped.

    A limit of 0 is for files of core dumps. A handler that dumps are piped to (`systemd-coredump`, `apport`)
    does not heed it, so on Linux the process is not dumpable at all (prctl(2), PR_SET_DUMPABLE): only root
    reads its memory or environment in /proc, or attaches a debugger.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux" and ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0):
        _log.warning("core_dumps_possible", error=ctypes.get_errno())

"""Where the databases of the tests are: in memory, if this machine has room there."""

import os
import shutil
from pathlib import Path
from typing import Final

_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - only directories with random names are made there
_ROOM_BYTES: Final = 4 * 1024**3
"""More than the databases of all processes of a run take at once; containers often have 64 MiB."""


def in_memory() -> Path | None:
    """Return the directory to make others in; None for the system's usual one.

    To copy a database of PostgreSQL takes a quarter of the time there, and nothing waits for a disk.
    """
    if not (_MEMORY.is_dir() and os.access(_MEMORY, os.W_OK | os.X_OK)):
        return None
    return _MEMORY if shutil.disk_usage(_MEMORY).free >= _ROOM_BYTES else None

"""Ports for servers that keep theirs when they are started again, and name them to each other."""

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path

_LEAST, _MOST = 20_000, 32_000
"""Below the ports that the system gives to clients, so that none of them takes one meanwhile."""


def free_port() -> int:
    """Return a port that nobody listens on, and that nobody else is given while this process lives.

    Its server may start only later, or start again: to be free now is not enough.
    """
    directory = Path(tempfile.gettempdir(), f"fhirexport-ports-{os.getuid()}")
    directory.mkdir(exist_ok=True)
    while True:
        port = random.randrange(_LEAST, _MOST)
        # It is closed, and so the port given back, when the process ends.
        reserved = os.open(directory / str(port), os.O_CREAT | os.O_RDWR)
        try:
            fcntl.flock(reserved, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(reserved)
            continue
        if _is_free(port):
            return port
        os.close(reserved)


def _is_free(port: int) -> bool:
    with socket.socket() as one:
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True

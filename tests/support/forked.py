"""Runs our commands as processes that are forked from one that has loaded them (see `support.nursery`)."""

import asyncio
import functools
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL
from typing import NamedTuple


class Forked:
    """A command that runs, as `asyncio.subprocess.Process` has it."""

    def __init__(self, connection: socket.socket, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._status = asyncio.create_task(self._ended(connection))

    async def wait(self) -> int:
        """Wait for its end; return its exit status, or the signal that ended it, negative."""
        return await asyncio.shield(self._status)

    def send_signal(self, number: int) -> None:
        """Send a signal, where it still runs."""
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(SIGKILL)

    async def _ended(self, connection: socket.socket) -> int:
        with connection:
            status = await asyncio.get_running_loop().sock_recv(connection, 64)
        self.returncode = int(status)
        return self.returncode


async def fork(
    arguments: Sequence[str | Path],
    directory: Path,
    environment: Mapping[str, str],
    streams: Sequence[int | None],
    module: str = "",
) -> Forked:
    """Run a command.

    Args:
        arguments: What it is called by, and its arguments.
        directory: Where it runs.
        environment: Its variables.
        streams: The descriptors that are its standard input, output and errors; None, where one is closed.
        module: A module of the tests whose `main` is called in place of the command's.
    """
    request = {
        "arguments": [str(argument) for argument in arguments],
        "directory": str(directory),
        "environment": dict(environment),
        "module": module,
        "closed": [number for number, stream in enumerate(streams) if stream is None],
    }
    opened = [stream for stream in streams if stream is not None]
    nursery = await asyncio.to_thread(_nursery)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.setblocking(False)
    await asyncio.get_running_loop().sock_connect(connection, nursery.path)
    socket.send_fds(connection, [json.dumps(request).encode()], opened)
    return Forked(connection, int(await asyncio.get_running_loop().sock_recv(connection, 64)))


class _Nursery(NamedTuple):
    path: str
    """Where it listens."""
    process: "subprocess.Popen[bytes]"
    """It ends when its input does, with this process."""


@functools.cache
def _nursery() -> _Nursery:
    """Start it, once in a session."""
    path = str(Path(tempfile.mkdtemp(prefix="fhirexport-nursery-")) / "socket")
    process = subprocess.Popen(
        [sys.executable, "-P", Path(__file__).with_name("nursery.py"), path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return _Nursery(path, process)

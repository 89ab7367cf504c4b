"""Runs servers as their users do: by their command, of whichever tree, not forked as in the tests."""

import asyncio
import os
import socket
import sys
import tempfile
import time
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from support.server import NO_REDIS, wait_for_health


class Executed(NamedTuple):
    """A server that serves."""

    address: str
    pid: int
    seconds: float
    """From its start until it served."""


@asynccontextmanager
async def executed(directory: Path, url: str, tree: Path | None = None) -> AsyncIterator[Executed]:
    """Runs `fhirexport-server serve` without Redis, until the end of the context.

    Args:
        directory: Where a directory of its own is made.
        url: Its database.
        tree: Where its code is; None for what is installed.
    """
    address = f"127.0.0.1:{_free_port()}"
    own = tempfile.mkdtemp(dir=directory)
    variables = {"DATABASE_URL": url, "CACHE_ENABLED": "true", "REDIS_URL": NO_REDIS}
    variables |= {"METRICS_ADDRESS": "off", "LISTEN_ADDRESS": address, "DRAIN_DELAY": "0"}
    if tree is not None:
        variables["PYTHONPATH"] = f"{tree / 'server'}:{tree / 'client'}"
    command = Path(sys.executable).with_name("fhirexport-server")
    begun = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *(command, "serve"), env={**os.environ, **variables}, cwd=own, stderr=DEVNULL
    )
    try:
        await wait_for_health(address)
        yield Executed(address, process.pid, time.perf_counter() - begun)
    finally:
        process.terminate()
        await process.wait()


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port

"""The processes beside the server: attackers and well-behaved callers."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from verification.siege.plan import Given

PATIENCE = 60.0
"""How long a child may take to end once it is told to, in seconds."""


class ChildError(Exception):
    """A child has failed: what it said is on stderr."""


class Child:
    """A process that prints what it has seen, once its input has ended or its time is over."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def ready(self) -> None:
        """Wait until it says, by a line, that it has begun.

        Raises:
            ChildError: it has failed.
        """
        async with asyncio.timeout(PATIENCE):
            if self._process.stdout is None or not await self._process.stdout.readline():
                raise ChildError

    async def output(self, seconds: float = 0.0) -> bytes:
        """End its input, and return what it prints.

        Args:
            seconds: how long it has to go on by itself.

        Raises:
            ChildError: it has failed.
        """
        async with asyncio.timeout(seconds + PATIENCE):
            output, _ = await self._process.communicate(b"")
        if self._process.returncode:
            raise ChildError
        return output


@asynccontextmanager
async def child(module: str, plan: Given) -> AsyncIterator[Child]:
    """Run a module of ours with a plan; end it at the end, if it has not ended."""
    paths = (str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", ""))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    text = msgspec.json.encode(plan).decode()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, text, stdin=PIPE, stdout=PIPE, env=environment
    )
    try:
        yield Child(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()

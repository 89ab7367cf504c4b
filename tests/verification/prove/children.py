"""The processes that write and read: started together, told when to begin, and awaited."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from verification.prove.plan import Plan

PATIENCE = 60.0
"""How long a child may take to get ready, or to end after its time, in seconds."""


class ChildError(Exception):
    """A process of the run failed: what it said is on stderr."""


class Children:
    """Processes that are ready."""

    def __init__(self, processes: Sequence[Process]) -> None:
        self._processes = processes

    def begin(self, seconds: float) -> None:
        """Tells all of them to go on for so long."""
        for process in self._processes:
            if process.stdin is not None:
                process.stdin.write(f"{seconds}\n".encode())

    async def ended(self) -> None:
        """Waits until all have ended well."""
        async with asyncio.timeout(PATIENCE):
            for process in self._processes:
                if await process.wait():
                    raise ChildError


@asynccontextmanager
async def children(kinds: Sequence[tuple[str, Plan]]) -> AsyncIterator[Children]:
    """Starts processes by the names of their modules, and waits until they are ready."""
    processes: list[Process] = []
    try:
        for module, plan in kinds:
            text = msgspec.json.encode(plan).decode()
            processes.append(
                await asyncio.create_subprocess_exec(
                    sys.executable, "-m", module, text, stdin=PIPE, stdout=PIPE, env=_environment()
                )
            )
        async with asyncio.timeout(PATIENCE):
            for process in processes:
                if process.stdout is None or not await process.stdout.readline():
                    raise ChildError
        yield Children(processes)
    finally:
        for process in processes:
            if process.returncode is None:
                process.kill()
                await process.wait()


def _environment() -> dict[str, str]:
    """Returns this process's environment, in which the modules are found that it finds here."""
    paths = (str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", ""))
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}

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
    """A process of the run failed: what it said is on stderr, unless a signal has ended it."""

    def __init__(self, module: str, status: int) -> None:
        super().__init__(f"{module} has ended with {status}")


_EXPORTS_FIRST = ".importer"
"""It exports before it is ready. What is kept of that must have the first rows of all that write by
themselves, for who accepts an old answer may be given it."""


class Children:
    """Processes that are ready."""

    def __init__(self, processes: Sequence[tuple[str, Process]]) -> None:
        self._processes = processes

    def begin(self, seconds: float) -> None:
        """Tells all of them to go on for so long."""
        for _, process in self._processes:
            if process.stdin is not None:
                process.stdin.write(f"{seconds}\n".encode())

    async def ended(self) -> None:
        """Waits until all have ended.

        Raises:
            ChildError: One of them has not ended well.
        """
        async with asyncio.timeout(PATIENCE):
            statuses = [(module, await process.wait()) for module, process in self._processes]
        for module, status in statuses:
            if status:
                raise ChildError(module, status)


@asynccontextmanager
async def children(kinds: Sequence[tuple[str, Plan]]) -> AsyncIterator[Children]:
    """Starts processes by the names of their modules, and waits until they are ready."""
    processes: list[tuple[str, Process]] = []
    unready: list[tuple[str, Process]] = []
    try:
        for module, plan in kinds:
            if module.endswith(_EXPORTS_FIRST):
                await _ready(unready)
            text = msgspec.json.encode(plan).decode()
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", module, text, stdin=PIPE, stdout=PIPE, env=_environment()
            )
            processes.append((module, process))
            unready.append((module, process))
        await _ready(unready)
        yield Children(processes)
    finally:
        for _, process in processes:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def _ready(unready: list[tuple[str, Process]]) -> None:
    """Waits until processes are ready; then there is none in the list any more."""
    async with asyncio.timeout(PATIENCE):
        while unready:
            module, process = unready.pop(0)
            if process.stdout is None or not await process.stdout.readline():
                raise ChildError(module, await process.wait())


def _environment() -> dict[str, str]:
    """Returns this process's environment, in which the modules are found that it finds here."""
    paths = (str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", ""))
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}

"""Servers behind one target, restarted one after the other. Each keeps its address."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from time import monotonic

from support.server import PATIENCE, ServerProcess, server_process, wait_for_health


class Fleet:
    """The servers of a run."""

    def __init__(self, directory: Path, url: str, variables: Mapping[str, str], count: int) -> None:
        self._directory = directory
        self._url = url
        self._variables = variables
        self._stacks = [AsyncExitStack() for _ in range(count)]
        self._running: dict[int, ServerProcess] = {}
        self._addresses: dict[int, str] = {}
        self._starts = 0

    @property
    def target(self) -> str:
        """All of them, as clients name them."""
        return f"ipv4:{','.join(self._addresses.values())}"

    async def start(self, number: int) -> None:
        """Start one, and wait until it serves."""
        self._starts += 1
        directory = self._directory / f"server-{number}.{self._starts}"
        directory.mkdir()
        address = {"LISTEN_ADDRESS": self._addresses.get(number, "127.0.0.1:0")}
        server = server_process(
            directory, self._url, serving=True, module="", **{**self._variables, **address}
        )
        self._running[number] = await self._stacks[number].enter_async_context(server)
        self._addresses[number] = self._running[number].address

    async def end(self, number: int, number_of_signal: signal.Signals) -> int:
        """End one; return its exit status."""
        status = await self._running[number].stopped(send=number_of_signal)
        await self._stacks[number].aclose()
        return status

    async def roll(self, number: int) -> None:
        """Have one restart its workers."""
        server = self._running[number]
        before = _rolled(server)
        server.process.send_signal(signal.SIGHUP)
        async with asyncio.timeout(PATIENCE * 4):
            while _rolled(server) == before:
                await asyncio.sleep(0.1)
        await wait_for_health(server.address)

    async def close(self) -> None:
        """End all of them politely."""
        for stack in self._stacks:
            await stack.aclose()


def _rolled(server: ServerProcess) -> int:
    lines = [line for line in server.log().splitlines(keepends=True) if line.endswith("}\n")]
    events = [json.loads(line)["event"] for line in lines]
    if "rolling_restart_stopped" in events:
        raise AssertionError("a rolling restart did not come to its end")
    return events.count("rolled")


@asynccontextmanager
async def fleet(directory: Path, url: str, count: int, **variables: str) -> AsyncIterator[Fleet]:
    """Run servers until the end of the context."""
    servers = Fleet(directory, url, variables, count)
    try:
        for number in range(count):
            await servers.start(number)
        yield servers
    finally:
        await servers.close()


class Clock:
    """The time since it was made, in seconds."""

    def __init__(self) -> None:
        self._start = monotonic()

    def __call__(self) -> float:
        return monotonic() - self._start

"""Three servers on ports of the loopback, which keep them however often they are killed."""

import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from support.ports import free_port
from support.server import ServerProcess, server_process


class Servers:
    """Servers of one database, each with a way of its own to it."""

    def __init__(self, directory: Path, urls: Sequence[str], variables: Mapping[str, str]) -> None:
        """Make servers that are not started yet.

        Args:
            directory: Where their logs go.
            urls: The DATABASE_URL of each.
            variables: Their other settings.
        """
        self.addresses = [f"127.0.0.1:{free_port()}" for _ in urls]
        self._directory = directory
        self._urls = urls
        self._variables = variables
        self._stacks = [AsyncExitStack() for _ in urls]
        self._running: list[ServerProcess | None] = [None for _ in urls]
        self._starts = 0

    async def start(self, number: int) -> None:
        """Starts one, and waits until it serves."""
        self._starts += 1
        directory = self._directory / f"server-{number}.{self._starts}"
        directory.mkdir()
        # Every second one keeps nothing in memory, so that it takes everything from Redis.
        memory = {"CACHE_MEMORY": "1"} if number % 2 else {}
        variables = {**self._variables, **memory, "LISTEN_ADDRESS": self.addresses[number]}
        server = server_process(directory, self._urls[number], serving=True, **variables)
        self._running[number] = await self._stacks[number].enter_async_context(server)

    async def stop(self, number: int, *, send: signal.Signals) -> None:
        """Ends one by a signal."""
        server = self._running[number]
        if server is not None:
            await server.stopped(send=send)
            await self._stacks[number].aclose()
            self._running[number] = None

    def signal(self, number: int, what: signal.Signals) -> None:
        """Freezes one, or lets it go on."""
        server = self._running[number]
        if server is not None and server.process.pid is not None:
            os.kill(server.process.pid, what)

    async def close(self) -> None:
        """Ends all of them politely."""
        for stack in self._stacks:
            await stack.aclose()


@asynccontextmanager
async def running_servers(
    directory: Path, urls: Sequence[str], variables: Mapping[str, str]
) -> AsyncIterator[Servers]:
    """Runs servers until the end of the context."""
    servers = Servers(directory, urls, variables)
    try:
        for number in range(len(urls)):
            await servers.start(number)
        yield servers
    finally:
        await servers.close()

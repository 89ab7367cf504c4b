"""The servers of a run. Each keeps its address, however often it is killed."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from signal import SIGKILL

from support.server import ServerProcess, server_process
from verification.prove.comparing import HISTORY
from verification.prove.plan import server_socket


class Servers:
    """Servers that compare (`comparing.py`)."""

    def __init__(self, directory: Path, database_url: str, variables: Mapping[str, str], count: int) -> None:
        self._directory = directory
        self._database_url = database_url
        self._variables = variables
        self._stacks = [AsyncExitStack() for _ in range(count)]
        self._running: list[ServerProcess | None] = [None] * count
        self._starts = 0

    async def start(self, number: int) -> None:
        """Starts one, and waits until it serves."""
        self._starts += 1
        directory = self._directory / f"server-{number}.{self._starts}"
        directory.mkdir()
        address = {"LISTEN_ADDRESS": f"unix:{server_socket(self._directory, number)}"}
        # Every second one keeps nothing in memory, so that it takes everything from Redis.
        memory = {"CACHE_MEMORY": "1"} if number % 2 else {}
        variables = {**self._variables, **memory, **address, HISTORY: str(self._directory)}
        server = server_process(
            directory, self._database_url, serving=True, module="verification.prove.comparing", **variables
        )
        self._running[number] = await self._stacks[number].enter_async_context(server)

    async def kill(self, number: int) -> None:
        """Ends one as `kill -9` does."""
        server = self._running[number]
        if server is None:
            raise RuntimeError("this server was never started")
        await server.stopped(send=SIGKILL)
        await self._stacks[number].aclose()

    async def close(self) -> None:
        """Ends all of them politely."""
        for stack in self._stacks:
            await stack.aclose()


@asynccontextmanager
async def running_servers(
    directory: Path, database_url: str, *, count: int, **variables: str
) -> AsyncIterator[Servers]:
    """Runs servers until the end of the context.

    Args:
        directory: where their sockets and logs go.
        database_url: the DATABASE_URL of all of them.
        count: how many.
        variables: their other settings, by the names of their variables.
    """
    servers = Servers(directory, database_url, variables, count)
    try:
        for number in range(count):
            await servers.start(number)
        yield servers
    finally:
        await servers.close()

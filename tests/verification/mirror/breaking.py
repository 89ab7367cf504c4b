"""What breaks: servers that are killed, Redis that is flushed and restarted, connections that are cut."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from random import Random
from signal import SIGKILL

from support.listening import listening
from support.server import ServerProcess, server_process
from support.valkey import Valkey
from verification.mirror.tally import Tally

SERVERS = 2
BROKEN = 8
"""After how many syncs something is broken, at most."""


class Proxy:
    """Stands before the servers, and cuts connections after a number of bytes, or all at once."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._ports: dict[int, int] = {}
        self._open: set[asyncio.StreamWriter] = set()
        self.address = ""
        self.cuts = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Listens on a free port."""
        async with listening(self._accept) as port:
            self.address = f"127.0.0.1:{port}"
            yield

    def serve(self, number: int, address: str | None) -> None:
        """Says where a server is; None while it is dead."""
        self._ports.pop(number, None)
        if address is not None:
            self._ports[number] = int(address.rpartition(":")[2])

    def cut_all(self) -> None:
        """Cuts every connection."""
        for writer in tuple(self._open):
            self.cuts += 1
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            if not self._ports:
                return
            port = self._random.choice(list(self._ports.values()))
            there_reader, there = await asyncio.open_connection("127.0.0.1", port)
            self._open.add(there)
            try:
                most = None
                if self._random.random() < 0.3:
                    most = int(100 * 1.0 / (self._random.random() + 1e-4)) + self._random.randrange(40_000)
                up = asyncio.create_task(_pump(reader, there, None))
                down = asyncio.create_task(_pump(there_reader, writer, most))
                done, rest = await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
                if down in done and down.result():
                    self.cuts += 1
                for task in rest:
                    task.cancel()
                await asyncio.gather(*rest, return_exceptions=True)
            finally:
                self._open.discard(there)
                there.transport.abort()
        except OSError:
            pass
        finally:
            self._open.discard(writer)
            writer.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, most: int | None) -> bool:
    """Passes bytes on; returns whether it has stopped at the most that it may."""
    passed = 0
    with suppress(OSError):
        while content := await reader.read(16_384):
            if most is not None and passed + len(content) > most:
                writer.write(content[: most - passed])
                with suppress(OSError):
                    await writer.drain()
                return True
            passed += len(content)
            writer.write(content)
            await writer.drain()
    return False


class Breaker:
    """Breaks one thing after the other."""

    def __init__(self, proxy: Proxy, valkey: Valkey, directory: Path, url: str, random: Random) -> None:
        self._proxy = proxy
        self._valkey = valkey
        self._directory = directory
        self._url = url
        self._random = random
        self._stacks = [AsyncExitStack() for _ in range(SERVERS)]
        self._running: list[ServerProcess | None] = [None] * SERVERS
        self._starts = 0
        self.kills = self.flushes = 0

    async def start(self, number: int) -> None:
        """Starts a server, and has it served."""
        self._starts += 1
        directory = self._directory / f"server-{number}.{self._starts}"
        directory.mkdir()
        # Every second one keeps nothing in memory, so that it takes everything from Redis, and knows no root.
        memory = {"CACHE_MEMORY": "1"} if number % 2 else {}
        server = server_process(directory, self._url, serving=True, REDIS_URL=self._valkey.url, **memory)
        running = await self._stacks[number].enter_async_context(server)
        self._running[number] = running
        self._proxy.serve(number, running.address)

    async def run(self, tally: Tally) -> None:
        """Breaks things until it is cancelled, one after every few syncs."""
        victim = 0
        while True:
            await tally.further(self._random.randint(1, BROKEN))
            match self._random.choices(("cut", "flush", "restart", "kill"), (6, 3, 1, 3))[0]:
                case "cut":
                    self._proxy.cut_all()
                case "flush":
                    await asyncio.to_thread(self._flush)
                case "restart":
                    await asyncio.to_thread(self._restart)
                case "kill":
                    await self._kill(victim)
                    victim = (victim + 1) % SERVERS

    async def close(self) -> None:
        """Ends the servers."""
        for stack in self._stacks:
            await stack.aclose()

    async def _kill(self, number: int) -> None:
        server = self._running[number]
        if server is None:
            raise RuntimeError("this server was never started")
        self.kills += 1
        self._proxy.serve(number, None)
        await server.stopped(send=SIGKILL)
        await self._stacks[number].aclose()
        await self.start(number)

    def _flush(self) -> None:
        self.flushes += 1
        with self._valkey.client() as client:
            client.flushall()

    def _restart(self) -> None:
        self.flushes += 1
        self._valkey.kill()
        self._valkey.start()


@asynccontextmanager
async def breaking(
    directory: Path, url: str, valkey: Valkey, random: Random
) -> AsyncIterator[tuple[Proxy, Breaker]]:
    """Runs the servers behind a proxy; offers both, and what breaks them."""
    proxy = Proxy(random)
    breaker = Breaker(proxy, valkey, directory, url, random)
    try:
        async with proxy.open():
            for number in range(SERVERS):
                await breaker.start(number)
            yield proxy, breaker
    finally:
        await breaker.close()

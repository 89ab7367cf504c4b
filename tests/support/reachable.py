"""A database that goes away and comes back, as its server's machine would."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

Hand = Callable[[], Awaitable[None]]


@asynccontextmanager
async def reachable(url: str) -> AsyncIterator[tuple[str, Hand, Hand]]:
    """Offers a database of PostgreSQL on a port of the loopback, with what closes and opens that port."""
    socket = Path(url.partition("host=")[2]) / ".s.PGSQL.5432"
    open_writers: set[asyncio.StreamWriter] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_writers.add(writer)
        with suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        database = await asyncio.open_unix_connection(socket)
        await asyncio.gather(pump(reader, database[1]), pump(database[0], writer))

    server = await asyncio.start_server(serve, "127.0.0.1")
    port = server.sockets[0].getsockname()[1]

    async def close() -> None:
        server.close()
        for writer in open_writers:
            writer.close()

    async def reopen() -> None:
        nonlocal server
        server = await asyncio.start_server(serve, "127.0.0.1", port)

    name = url.partition("?")[0].rpartition("/")[2]
    try:
        yield f"postgresql://postgres@127.0.0.1:{port}/{name}", close, reopen
    finally:
        await close()

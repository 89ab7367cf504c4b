"""A database that goes away and comes back, as its server's machine would."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from support.listening import connected, listening, relay

Hand = Callable[[], Awaitable[None]]


@asynccontextmanager
async def reachable(url: str) -> AsyncIterator[tuple[str, Hand, Hand]]:
    """Offers a database of PostgreSQL on a port of the loopback, with what closes and opens that port."""
    socket = f"{url.partition('host=')[2]}/.s.PGSQL.5432"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await relay(reader, writer, await connected(socket))

    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(listening(serve))

        async def reopen() -> None:
            await stack.enter_async_context(listening(serve, port=port))

        name = url.partition("?")[0].rpartition("/")[2]
        yield f"postgresql://postgres@127.0.0.1:{port}/{name}", stack.aclose, reopen

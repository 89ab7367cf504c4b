"""Makes a rendering wait: locks a table of PostgreSQL for as long as a test needs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
from psycopg import sql

from support.server import PATIENCE


@asynccontextmanager
async def locked(url: str, table: str) -> AsyncIterator[None]:
    """Locks a table against readers, too."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        await connection.execute(sql.SQL("LOCK TABLE {}").format(sql.Identifier(table)))
        yield
        await connection.rollback()


async def until_waiting(url: str) -> None:
    """Waits until somebody waits for a lock."""
    async with (
        asyncio.timeout(PATIENCE),
        await psycopg.AsyncConnection.connect(url, autocommit=True) as watch,
    ):
        while True:
            found = await watch.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if await found.fetchone() != (0,):
                return
            await asyncio.sleep(0.02)

"""Exports through a server with a cache, and ways to wait for what happens after a response."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fhirexport import AsyncClient, AsyncExport, Snapshot
from sqlalchemy import text

from support.rows import writing
from support.server import NO_REDIS, running_server, wait_for_health
from support.valkey import Valkey

LITTLE = "1"
"""So much memory keeps nothing in a process: what is a hit is a hit in Redis."""


@asynccontextmanager
async def serving(url: str, valkey: Valkey | None, **settings: str) -> AsyncIterator[AsyncClient]:
    """Runs a server and offers a client of it."""
    redis = valkey.url if valkey else NO_REDIS
    overrides: dict[str, Any] = {"redis_url": redis, **settings}
    async with (
        running_server(url, **overrides) as address,
        AsyncClient(address) as client,
    ):
        await wait_for_health(address)
        yield client


def asked(client: AsyncClient, dataset: str, **options: object) -> AsyncExport:
    export: Callable[..., AsyncExport] = getattr(client, dataset)
    return export(1, **options)


async def answer(client: AsyncClient, dataset: str = "venues", **options: object) -> tuple[bytes, Snapshot]:
    export = asked(client, dataset, **options)
    content = await export.read()
    assert export.snapshot is not None
    return content, export.snapshot


async def status(client: AsyncClient, dataset: str = "venues", **options: object) -> str:
    return (await answer(client, dataset, **options))[1].cache_status


async def hit(client: AsyncClient) -> None:
    """Waits for a hit: the next request may still join the rendering of the last."""
    async with asyncio.timeout(30):
        while await status(client) != "fhirexport; hit":
            await asyncio.sleep(0.01)


async def published(valkey: Valkey, key: str) -> None:
    """Waits until a rendering is in Redis: it is put there after the answer has gone out."""
    async with asyncio.timeout(30):
        with valkey.client() as client:
            while not client.exists(key):
                await asyncio.sleep(0.01)


def change(url: str, mark: str = "changed") -> None:
    with writing(url) as connection:
        connection.execute(text("UPDATE venue SET nda = :mark WHERE id = 1"), {"mark": mark})

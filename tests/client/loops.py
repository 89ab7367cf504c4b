"""Loops over watches of either client, as tests use them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

from fhirexport import (
    AsyncClient,
    Client,
    ExportRevision,
)
from support.server import PATIENCE


class Loop(Protocol):
    """A loop over a watch, of either client."""

    async def next(self) -> ExportRevision:
        """Returns what it tells next."""

    def cancel(self) -> None:
        """Cancels the watch."""


Open = Callable[..., AbstractAsyncContextManager[Loop]]


class _Plain:
    def __init__(self, watch: Any) -> None:  # noqa: ANN401 - of either kind
        self._iterator: Iterator[ExportRevision] = iter(watch)
        self.cancel = watch.cancel

    async def next(self) -> ExportRevision:
        async with asyncio.timeout(PATIENCE):
            revision = await asyncio.to_thread(next, self._iterator, None)
        if revision is None:
            raise StopAsyncIteration
        return revision

    async def close(self) -> None:
        self._iterator.close()  # type: ignore[attr-defined]  # of a generator


class _Async:
    def __init__(self, watch: Any) -> None:  # noqa: ANN401 - as above
        self._iterator: AsyncIterator[ExportRevision] = aiter(watch)
        self.cancel = watch.cancel

    async def next(self) -> ExportRevision:
        async with asyncio.timeout(PATIENCE):
            return await anext(self._iterator)

    async def close(self) -> None:
        await self._iterator.aclose()  # type: ignore[attr-defined]  # of a generator


@asynccontextmanager
async def watched_sync(
    address: str, *arguments: Any, seconds: float | None = None, **options: Any
) -> AsyncIterator[Loop]:
    with Client(address, timeout=seconds) as client:
        loop = _Plain(client.watch(*arguments, **options))
        try:
            yield loop
        finally:
            await loop.close()


@asynccontextmanager
async def watched_async(
    address: str, *arguments: Any, seconds: float | None = None, **options: Any
) -> AsyncIterator[Loop]:
    async with AsyncClient(address, timeout=seconds) as client:
        loop = _Async(client.watch(*arguments, **options))
        try:
            yield loop
        finally:
            await loop.close()

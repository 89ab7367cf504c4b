"""The chunks of renderings too large for their head: written once, read in windows, never changed."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar, cast

from fhirexport_server.cache.port import CacheReadError
from fhirexport_server.cache.redis.connection import Link
from fhirexport_server.cache.redis.envelope import CorruptError, Piece
from fhirexport_server.domain.errors import CacheUnavailableError
from fhirexport_server.domain.segments import Chunk

T = TypeVar("T")

WINDOW_BYTES = 1024 * 1024
"""How many bytes are read or written at once."""


async def upload(link: Link, key: str, chunks: Iterable[Chunk], time_to_live: int) -> list[Piece]:
    """Write chunks, with a time to live in milliseconds; return the pieces for the head to list.

    Raises:
        CacheUnavailableError: Redis does not answer, or refuses.
    """

    async def write(frames: Mapping[str, bytes]) -> None:
        # In one transaction: a process that died in between would leave a key for ever.
        async with link.client.pipeline(transaction=True) as pipeline:
            pipeline.hset(key, mapping=cast("Any", frames))
            pipeline.pexpire(key, time_to_live)
            await pipeline.execute()

    pieces: list[Piece] = []
    for window in _windows(chunks, lambda chunk: len(chunk.frame)):
        await link.write(write, {str(index): c.frame for index, c in enumerate(window, len(pieces))})
        pieces += map(Piece.of, window)
    return pieces


async def download(link: Link, key: str, pieces: Sequence[Piece]) -> AsyncIterator[Chunk]:
    """Yield the chunks that a head lists, in order.

    Raises:
        CacheReadError: A chunk is missing or damaged, or Redis does not answer.
    """

    async def read(fields: list[str]) -> list[bytes | None]:
        return cast("list[bytes | None]", await link.client.hmget(key, fields))

    for window in _windows(list(enumerate(pieces)), lambda numbered: numbered[1].length):
        try:
            frames = await link.read(read, [str(index) for index, _ in window])
        except CacheUnavailableError as error:
            raise CacheReadError from error
        for (_, piece), frame in zip(window, frames, strict=True):
            if frame is None:
                raise CacheReadError("a chunk is missing")
            try:
                chunk = piece.chunk(frame)
            except CorruptError as error:
                raise CacheReadError("a chunk is damaged") from error
            yield chunk


def _windows(items: Iterable[T], length: Callable[[T], int]) -> Iterator[list[T]]:
    """Yield runs of items that fit into a window together, or a single larger item."""
    window: list[T] = []
    used = 0
    for item in items:
        size = length(item)
        if window and used + size > WINDOW_BYTES:
            yield window
            window, used = [], 0
        window.append(item)
        used += size
    if window:
        yield window

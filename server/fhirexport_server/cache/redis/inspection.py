"""Inspects Redis: which server it is, which renderings it holds. Deletes renderings, never other keys."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from fhirexport_server.cache import keys
from fhirexport_server.cache.entry import Variant
from fhirexport_server.cache.redis import envelope, lua_scripts
from fhirexport_server.cache.redis.connection import Link

SCAN_KEYS = 500
"""How many keys Redis scans in one step: some 0.2 ms, in which it serves no other client."""
DELETED_AT_ONCE = 100
"""How many deletions are sent together. Redis runs each as a step of its own."""

_DESCRIBED = (*envelope.FIELDS, envelope.SUM)


@dataclass(frozen=True)
class ServerFacts:
    """What Redis reports of itself."""

    name: str
    """`redis` or `valkey`."""
    version: str
    used_memory: str
    """Human-readable: `1.23M`."""
    max_memory: int
    """In bytes; 0 for no limit."""
    policy: str
    """Its eviction policy, such as `allkeys-lru`."""
    connections: int
    """How many it has accepted, from all applications."""
    commands: int
    """How many it has run, for all applications."""


@dataclass(frozen=True)
class EntryFacts:
    """What is known of one rendering in Redis."""

    key: str
    variant: Variant
    etag: str
    revision: str
    size: int
    """The size of its frames, in bytes."""
    seconds_left: float
    age_seconds: float
    """How long ago the database was read, by Redis's clock."""
    hits: int


class Inspector:
    """Inspects Redis in steps, none of which takes longer than the budget of one access."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._discard = link.client.register_script(lua_scripts.DISCARD)

    async def ping(self) -> None:
        """Check that Redis answers. One that cannot save refuses PING, so it is asked for the time.

        Raises:
            CacheUnavailableError: It does not. The other methods raise this as well.
        """
        await self._link.ask(self._link.client.time)

    async def server(self) -> ServerFacts:
        """Return which server it is, and how it is configured."""
        info: dict[str, Any] = await self._link.ask(self._link.client.info)
        valkey = "valkey_version" in info
        return ServerFacts(
            name="valkey" if valkey else "redis",
            version=str(info["valkey_version" if valkey else "redis_version"]),
            used_memory=str(info["used_memory_human"]),
            max_memory=int(info.get("maxmemory", 0)),
            policy=str(info.get("maxmemory_policy", "")),
            connections=int(info["total_connections_received"]),
            commands=int(info["total_commands_processed"]),
        )

    async def heads(self) -> AsyncIterator[str]:
        """Yield the keys of our renderings, each once; a scan may return a key twice."""
        cursor, seen = 0, set[str]()
        while True:
            cursor, page = await self.scan(cursor)
            for key in page:
                if key not in seen:
                    seen.add(key)
                    yield key
            if not cursor:
                return

    async def scan(self, cursor: int, count: int = SCAN_KEYS) -> tuple[int, list[str]]:
        """Run one step of a scan; return the next cursor, 0 after the last, and the keys."""
        return await self._scanned(cursor, f"{keys.PREFIX}*", count)

    async def describe(self, heads: Sequence[str]) -> list[EntryFacts]:
        """Describe renderings. Those that are gone or damaged are left out."""

        async def ask() -> list[Any]:
            async with self._link.client.pipeline(transaction=False) as pipeline:
                pipeline.time()
                for head in heads:
                    pipeline.hmget(head, [*_DESCRIBED, "hits"])
                    pipeline.pttl(head)
                return await pipeline.execute(raise_on_error=False)

        (seconds, _), *replies = await self._link.ask(ask)
        described = []
        for key, (values, left) in zip(heads, zip(replies[::2], replies[1::2], strict=True), strict=True):
            variant = keys.variant(key)
            if variant is None or isinstance(values, Exception) or isinstance(left, Exception):
                continue
            *fields, hits = values
            try:
                head = envelope.read(
                    dict(zip((*envelope.FIELDS, envelope.SUM), fields, strict=True)), variant
                )
            except envelope.CorruptError:
                continue
            described.append(
                EntryFacts(
                    key=key,
                    variant=variant,
                    etag=head.description.etag,
                    revision=head.description.revision,
                    size=sum(piece.length for piece in head.pieces),
                    seconds_left=max(0, left) / 1000,
                    age_seconds=max(0.0, seconds - head.description.read_time.timestamp()),
                    hits=int(hits or 0),
                )
            )
        return described

    async def delete(self, matches: Callable[[Variant], bool]) -> tuple[list[str], int]:
        """Delete the renderings that match; return their keys, and how many still existed."""
        matched: list[str] = []
        deleted = 0
        batch: list[str] = []
        async for key in self.heads():
            variant = keys.variant(key)
            if variant is not None and matches(variant):
                batch.append(key)
            if len(batch) == DELETED_AT_ONCE:
                deleted += await self._discarded(batch)
                matched += batch
                batch = []
        deleted += await self._discarded(batch)
        return [*matched, *batch], deleted

    async def sweep(self) -> None:
        """Delete every key that belongs to a head: chunks, leases, probes."""
        cursor = 0
        while True:
            cursor, page = await self._scanned(cursor, f"{{{keys.PREFIX}*", SCAN_KEYS)
            await self._unlinked(page)
            if not cursor:
                return

    async def _scanned(self, cursor: int, pattern: str, count: int) -> tuple[int, list[str]]:
        next_cursor, page = await self._link.ask(
            self._link.client.scan, cursor=cursor, match=pattern, count=count
        )
        return int(next_cursor), [cast("bytes", key).decode("utf-8", "replace") for key in page]

    async def _discarded(self, heads: Sequence[str]) -> int:
        async def discard() -> list[Any]:
            async with self._link.client.pipeline(transaction=False) as pipeline:
                for head in heads:
                    await self._discard(keys=[head], client=pipeline)
                return await pipeline.execute()

        return sum(map(int, await self._link.write(discard))) if heads else 0

    async def _unlinked(self, names: Sequence[str]) -> None:
        async def unlink() -> None:
            async with self._link.client.pipeline(transaction=False) as pipeline:
                for key in names:
                    pipeline.unlink(key)
                await pipeline.execute()

        if names:
            await self._link.write(unlink)

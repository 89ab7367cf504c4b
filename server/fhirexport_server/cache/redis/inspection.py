"""Owns looking into Redis: what it is, what of ours it holds, and deleting that. Never anybody else's."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from fhirexport_server.cache import keys
from fhirexport_server.cache.entry import Variant
from fhirexport_server.cache.redis import envelope, lua_scripts
from fhirexport_server.cache.redis.connection import Link

SCAN_KEYS = 500
"""How many keys Redis looks at in one step: some 0.2 ms, in which it answers nobody else."""
DELETED_AT_ONCE = 100
"""How many deletions travel together; each is a step of its own."""

_DESCRIBED = (*envelope.FIELDS, envelope.SUM)


@dataclass(frozen=True)
class ServerFacts:
    """What Redis says of itself."""

    name: str
    """`redis` or `valkey`."""
    version: str
    used_memory: str
    """For a person to read: `1.23M`."""
    max_memory: int
    """In bytes; 0 for no bound."""
    policy: str
    """What it evicts when it is full, such as `allkeys-lru`."""
    connections: int
    """How many it has accepted, of every application."""
    commands: int
    """How many it has run, of every application."""


@dataclass(frozen=True)
class EntryFacts:
    """What is known of one rendering in Redis."""

    key: str
    variant: Variant
    etag: str
    revision: str
    size: int
    """In bytes, as it is kept."""
    seconds_left: float
    age_seconds: float
    """How long ago the database was read, by Redis's clock."""
    hits: int


class Inspector:
    """Looks into Redis, step by step: none takes longer than the budget of one access."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._discard = link.client.register_script(lua_scripts.DISCARD)

    async def ping(self) -> None:
        """Asks for a sign of life.

        Raises:
            CacheUnavailableError: there is none; so do the others.
        """
        await self._link.ask(self._link.client.ping)

    async def server(self) -> ServerFacts:
        """Asks Redis what it is and how it is set up."""
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
        """Yields the keys of our renderings, each once, though Redis may tell of one twice."""
        cursor, seen = 0, set[str]()
        while True:
            cursor, found = await self.scan(cursor)
            for key in found:
                if key not in seen:
                    seen.add(key)
                    yield key
            if not cursor:
                return

    async def scan(self, cursor: int, count: int = SCAN_KEYS) -> tuple[int, list[str]]:
        """Takes one step of a scan; returns the cursor of the next, 0 after the last, and the keys found."""
        return await self._scanned(cursor, f"{keys.PREFIX}*", count)

    async def describe(self, heads: Sequence[str]) -> list[EntryFacts]:
        """Describes renderings; those that are gone, or damaged, are left out."""

        async def ask() -> list[Any]:
            async with self._link.client.pipeline(transaction=False) as pipeline:
                pipeline.time()
                for head in heads:
                    pipeline.hmget(head, [*_DESCRIBED, "hits"])
                    pipeline.pttl(head)
                return await pipeline.execute(raise_on_error=False)

        (seconds, _), *answers = await self._link.ask(ask)
        described = []
        for head, (values, left) in zip(heads, zip(answers[::2], answers[1::2], strict=True), strict=True):
            variant = keys.variant(head)
            if variant is None or isinstance(values, Exception) or isinstance(left, Exception):
                continue
            *fields, hits = values
            try:
                known = envelope.read(
                    dict(zip((*envelope.FIELDS, envelope.SUM), fields, strict=True)), variant
                )
            except envelope.CorruptError:
                continue
            described.append(
                EntryFacts(
                    key=head,
                    variant=variant,
                    etag=known.description.etag,
                    revision=known.description.revision,
                    size=sum(piece.length for piece in known.pieces),
                    seconds_left=max(0, left) / 1000,
                    age_seconds=max(0.0, seconds - known.description.read_time.timestamp()),
                    hits=int(hits or 0),
                )
            )
        return described

    async def delete(self, wanted: Callable[[Variant], bool]) -> tuple[list[str], int]:
        """Deletes the renderings that are wanted gone; returns their keys, and how many were still there."""
        matched: list[str] = []
        deleted = 0
        waiting: list[str] = []
        async for key in self.heads():
            variant = keys.variant(key)
            if variant is not None and wanted(variant):
                waiting.append(key)
            if len(waiting) == DELETED_AT_ONCE:
                deleted += await self._discarded(waiting)
                matched += waiting
                waiting = []
        deleted += await self._discarded(waiting)
        return [*matched, *waiting], deleted

    async def sweep(self) -> None:
        """Deletes everything that belongs to renderings: chunks, claims, signs of life."""
        cursor = 0
        while True:
            cursor, found = await self._scanned(cursor, f"{{{keys.PREFIX}*", SCAN_KEYS)
            await self._unlinked(found)
            if not cursor:
                return

    async def _scanned(self, cursor: int, pattern: str, count: int) -> tuple[int, list[str]]:
        following, found = await self._link.ask(
            self._link.client.scan, cursor=cursor, match=pattern, count=count
        )
        return int(following), [cast("bytes", key).decode("utf-8", "replace") for key in found]

    async def _discarded(self, heads: Sequence[str]) -> int:
        async def discard() -> list[Any]:
            async with self._link.client.pipeline(transaction=False) as pipeline:
                for head in heads:
                    await self._discard(keys=[head], client=pipeline)
                return await pipeline.execute()

        return sum(map(int, await self._link.write(discard))) if heads else 0

    async def _unlinked(self, found: Sequence[str]) -> None:
        async def unlink() -> None:
            async with self._link.client.pipeline(transaction=False) as pipeline:
                for key in found:
                    pipeline.unlink(key)
                await pipeline.execute()

        if found:
            await self._link.write(unlink)

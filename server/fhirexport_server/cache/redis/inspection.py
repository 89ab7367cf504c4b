"""Inspects Redis: which server it is, which renderings it holds. Deletes renderings, never other keys."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, Final, TypeVar, cast

import structlog

from fhirexport_server.cache import keys
from fhirexport_server.cache.entry import Variant
from fhirexport_server.cache.redis import lua_scripts
from fhirexport_server.cache.redis.connection import Link
from fhirexport_server.cache.redis.packing import envelope
from fhirexport_server.cache.redis.packing.corruption import CorruptError
from fhirexport_server.cache.redis.packing.sealing import Sealing
from fhirexport_server.cache.redis.script_calls import run_script, whole
from fhirexport_server.cache.redis.servers.primaries import Primary
from fhirexport_server.domain.errors import CacheUnavailableError, FieldViolation, InvalidRequestError

_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

T = TypeVar("T")

SCAN_KEYS: Final = 500
"""How many keys Redis scans in one step: some 0.2 ms, in which it serves no other client."""
HEADS_AT_ONCE: Final = 10
"""How many heads are read or deleted together, with their manifests. Redis takes a step for each."""
SEGMENTS_AT_ONCE: Final = 500
"""How many segments are measured or deleted in one step."""
_HEADS: Final = f"{keys.PREFIX}*"
_LARGEST_CURSOR: Final = 2**64 - 1
_LARGEST_SERVER: Final = 2**32 - 1
_HIT_DIGITS: Final = 15
"""How many digits a number of hits has at most; the script that counts them begins anew above."""


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
    saves: bool
    """Whether it writes what it holds to its disk."""


@dataclass(frozen=True)
class EntryFacts:
    """What is known of one rendering in Redis."""

    key: str
    variant: Variant
    etag: str
    revision: str
    size: int
    """The size of its segments in Redis, in bytes; those that are gone do not count."""
    seconds_left: float
    age_seconds: float
    """How long ago the database was read, by Redis's clock."""
    hits: int


class Inspector:
    """Inspects Redis in steps, none of which takes longer than the budget of one access."""

    def __init__(self, link: Link, sealing: Sealing) -> None:
        self._link = link
        self._sealing = sealing
        self._lookup, self._sizes, self._discard = map(
            link.client.register_script, (lua_scripts.LOOKUP, lua_scripts.SIZES, lua_scripts.DISCARD)
        )

    async def ping(self) -> None:
        """Check that Redis answers. One that cannot save refuses PING, so it is asked for the time.

        Raises:
            CacheUnavailableError: It does not. The other methods raise this as well.
        """
        await self._link.ask(self._everywhere, "TIME")

    async def server(self) -> ServerFacts:
        """Return which server it is, and how it is configured; of a cluster, the sums of its primaries."""
        infos: list[dict[str, Any]] = await self._link.ask(self._everywhere, "INFO")
        limits = [int(info.get("maxmemory", 0)) for info in infos]
        valkey = "valkey_version" in infos[0]
        return ServerFacts(
            name="valkey" if valkey else "redis",
            version=str(infos[0]["valkey_version" if valkey else "redis_version"]),
            used_memory=_human(infos),
            max_memory=sum(limits) if all(limits) else 0,
            policy="/".join(sorted({str(info.get("maxmemory_policy", "")) for info in infos})),
            connections=sum(int(info["total_connections_received"]) for info in infos),
            commands=sum(int(info["total_commands_processed"]) for info in infos),
            saves=any(int(info.get("aof_enabled", 0)) or int(info.get("rdb_saves", 0)) for info in infos),
        )

    async def heads(self) -> AsyncIterator[str]:
        """Yield the keys of our renderings, each once; a scan may return a key twice.

        Raises:
            CacheUnavailableError: Also where servers changed meanwhile, so that some may be missing.
        """
        seen = set[str]()
        async for page in self._pages(_HEADS):
            for key in page:
                if key not in seen:
                    seen.add(key)
                    yield key

    async def scan(self, place: int, count: int = SCAN_KEYS) -> tuple[int, list[str]]:
        """Run one step of a scan that begins at 0; return the next place, 0 after the last, and the keys.

        Raises:
            InvalidRequestError: The place is none of the servers that there are now.
        """
        standing = await self._standing()
        view, server, cursor = place >> 96, place >> 64 & _LARGEST_SERVER, place & _LARGEST_CURSOR
        primaries = await self._link.ask(self._link.servers.primaries)
        ordered = sorted(primaries, key=lambda primary: primary.name)
        if place and (view != standing or server >= len(ordered)):
            text = "is of servers of Redis that have changed since: begin with the first page"
            raise InvalidRequestError((FieldViolation("page_token", text),))
        cursor, page = await self._scanned(ordered[server], cursor, _HEADS, count)
        server += not cursor
        return (standing << 96 | server << 64 | cursor if server < len(ordered) else 0), page

    async def describe(self, heads: Sequence[str]) -> list[EntryFacts]:
        """Describe renderings. Those that are gone or damaged are left out."""
        described = []
        for batch in _batches(heads, HEADS_AT_ONCE):
            for key, answer in zip(batch, await self._looked_up(batch), strict=True):
                variant = keys.variant(key)
                if variant is None or isinstance(answer, Exception) or answer[0] != b"hit":
                    continue
                with suppress(CorruptError):
                    described.append(await self._facts(key, variant, answer))
        return described

    async def delete(self, matches: Callable[[Variant], bool]) -> tuple[list[str], int]:
        """Delete the renderings that match; return their keys, and how many still existed.

        Of segments it deletes those that a rendering lists. Others, of earlier states, are left to expire.
        """
        matched: list[str] = []
        deleted = 0
        batch: list[str] = []
        async for key in self.heads():
            variant = keys.variant(key)
            if variant is not None and matches(variant):
                batch.append(key)
            if len(batch) == HEADS_AT_ONCE:
                deleted += await self._discarded(batch)
                matched += batch
                batch = []
        deleted += await self._discarded(batch)
        return [*matched, *batch], deleted

    async def sweep(self) -> None:
        """Delete every key that belongs to a head: segments, leases, probes."""
        async for page in self._pages(f"{{{keys.PREFIX}*"):
            await self._unlinked(page)

    async def _pages(self, pattern: str) -> AsyncIterator[list[str]]:
        """Yield all the keys of a pattern, on all servers, in pages."""
        before = await self._standing()
        for primary in await self._link.ask(self._link.servers.primaries):
            cursor = 0
            while True:
                cursor, page = await self._scanned(primary, cursor, pattern, SCAN_KEYS)
                yield page
                if not cursor:
                    break
        if await self._standing() != before:
            _log.warning("cache_servers_changed", effect="a walk through all entries was not complete")
            raise CacheUnavailableError

    async def _standing(self) -> int:
        """Return a number for what the servers are; see `RedisServers.standing`."""
        standing = await self._link.ask(self._link.servers.standing)
        if standing is None:
            _log.warning("cache_servers_changed", effect="entries cannot be counted until slots are at rest")
            raise CacheUnavailableError
        return zlib.crc32(repr(standing).encode())

    async def _scanned(
        self, primary: Primary, cursor: int, pattern: str, count: int
    ) -> tuple[int, list[str]]:
        next_cursor, page = await self._link.ask(
            primary.execute, "SCAN", cursor, "MATCH", pattern, "COUNT", count
        )
        return int(next_cursor), [cast("bytes", key).decode("utf-8", "replace") for key in page]

    async def _everywhere(self, command: str) -> list[Any]:
        primaries = await self._link.servers.primaries()
        return await asyncio.gather(*(primary.execute(command) for primary in primaries))

    async def _looked_up(self, heads: Sequence[str]) -> list[Any]:
        """Return the answers of LOOKUP, or errors, with the hits as the last field but the manifest."""
        names = [*envelope.FIELDS, envelope.SUM, "hits", envelope.MANIFEST]

        arguments: list[bytes | str | int] = [
            self._sealing.layout,
            "",
            "",
            0,
            "",
            envelope.LARGEST_FIELD,
            *names,
        ]
        calls = [((head,), arguments) for head in heads]
        return await self._link.ask(run_script, self._link.client, self._lookup, calls)

    async def _facts(self, key: str, variant: Variant, answer: Sequence[Any]) -> EntryFacts:
        """Return the facts of a rendering that LOOKUP has found.

        Raises:
            CorruptError: It is damaged.
        """
        _, now_ms, (*fields, hits, manifest), left_ms = answer
        values = dict(zip(envelope.ALL, [*fields, manifest], strict=True))
        description = envelope.read(values, variant, self._sealing).description
        digests = [segment.digest for segment in description.manifest.segments]
        size = 0
        for batch in _batches(digests, SEGMENTS_AT_ONCE):
            names = [keys.segment(key, self._sealing.name(key, digest)) for digest in batch]
            size += int(await self._link.ask(self._sizes, keys=names))
        return EntryFacts(
            key=key,
            variant=variant,
            etag=description.etag,
            revision=description.revision,
            size=size,
            seconds_left=max(0, left_ms) / 1000,
            age_seconds=max(0.0, now_ms / 1000 - description.read_time.timestamp()),
            hits=int(hits) if hits is not None and len(hits) <= _HIT_DIGITS and hits.isdigit() else 0,
        )

    async def _discarded(self, heads: Sequence[str]) -> int:
        if not heads:
            return 0

        async def discard() -> Sequence[Any]:
            calls = [((head,), (envelope.LARGEST_FIELD,)) for head in heads]
            return whole(await run_script(self._link.client, self._discard, calls))

        answers = await self._link.write(discard)
        # Of all heads together: a step for each would take most of the time where renderings are small.
        listed = chain.from_iterable(
            self._segments(head, *fields) for head, (_, *fields) in zip(heads, answers, strict=True)
        )
        for batch in _batches(listed, SEGMENTS_AT_ONCE):
            await self._unlinked(batch)
        return sum(int(count) for count, *_ in answers)

    def _segments(self, head: str, manifest: bytes, etag: bytes, revision: bytes) -> Iterator[str]:
        """Yield the keys of the segments that a head lists; none where it cannot be read."""
        with suppress(CorruptError):
            for digest in envelope.manifest_digests((manifest, etag, revision), head, self._sealing):
                yield keys.segment(head, self._sealing.name(head, digest))

    async def _unlinked(self, names: Sequence[str]) -> None:
        async def unlink() -> None:
            async with self._link.client.pipeline(transaction=False) as pipeline:
                for key in names:
                    # Not `unlink`, which does nothing where the client is that of a cluster.
                    pipeline.execute_command("UNLINK", key)
                await pipeline.execute()

        if names:
            await self._link.write(unlink)


def _human(infos: Sequence[dict[str, Any]]) -> str:
    """Return how much memory servers use together, as each of them says it of itself."""
    if len(infos) == 1:
        return str(infos[0]["used_memory_human"])
    return f"{sum(int(info['used_memory']) for info in infos) / 1024**2:.2f}M"


def _batches(items: Iterable[T], size: int) -> Iterator[Sequence[T]]:
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch

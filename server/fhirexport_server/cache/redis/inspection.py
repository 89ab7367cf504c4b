"""Inspects Redis: which server it is, which renderings it holds. Deletes renderings, never other keys."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, Final, TypeVar, cast

from fhirexport_server.cache import keys
from fhirexport_server.cache.entry import Variant
from fhirexport_server.cache.redis import lua_scripts
from fhirexport_server.cache.redis.connection import Link
from fhirexport_server.cache.redis.packing import envelope
from fhirexport_server.cache.redis.packing.corruption import CorruptError
from fhirexport_server.cache.redis.packing.sealing import Sealing

T = TypeVar("T")

SCAN_KEYS: Final = 500
"""How many keys Redis scans in one step: some 0.2 ms, in which it serves no other client."""
HEADS_AT_ONCE: Final = 10
"""How many heads are read or deleted together, with their manifests. Redis takes a step for each."""
SEGMENTS_AT_ONCE: Final = 500
"""How many segments are measured or deleted in one step."""
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

    async def _looked_up(self, heads: Sequence[str]) -> list[Any]:
        """Return the answers of LOOKUP, or errors, with the hits as the last field but the manifest."""
        names = [*envelope.FIELDS, envelope.SUM, "hits", envelope.MANIFEST]

        async def ask() -> list[Any]:
            async with self._link.client.pipeline(transaction=False) as pipeline:
                for head in heads:
                    arguments: list[bytes | str | int] = [
                        self._sealing.layout,
                        "",
                        "",
                        0,
                        "",
                        envelope.LARGEST_FIELD,
                        *names,
                    ]
                    await self._lookup(keys=[head], args=arguments, client=pipeline)
                return await pipeline.execute(raise_on_error=False)

        return await self._link.ask(ask)

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
        async def discard() -> list[Any]:
            async with self._link.client.pipeline(transaction=False) as pipeline:
                for head in heads:
                    await self._discard(keys=[head], args=[envelope.LARGEST_FIELD], client=pipeline)
                return await pipeline.execute()

        if not heads:
            return 0
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
                    pipeline.unlink(key)
                await pipeline.execute()

        if names:
            await self._link.write(unlink)


def _batches(items: Iterable[T], size: int) -> Iterator[Sequence[T]]:
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch

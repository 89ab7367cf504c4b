"""The cache in Redis: renderings that processes share. The callers decide whether one may be served."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from uuid import uuid4

import structlog

from fhirexport_server.cache import keys
from fhirexport_server.cache.entry import Variant
from fhirexport_server.cache.port import Exactly, LookupResult, NewRendering, Recent
from fhirexport_server.cache.redis import chunk_store, envelope, lua_scripts
from fhirexport_server.cache.redis.breaker import State
from fhirexport_server.cache.redis.claims import claimed
from fhirexport_server.cache.redis.connection import Link, RedisAddress, linked
from fhirexport_server.cache.redis.envelope import CorruptError, Head, Piece
from fhirexport_server.cache.redis.inspection import Inspector
from fhirexport_server.domain.datasets import Dataset, Detail, Format
from fhirexport_server.domain.errors import CacheUnavailableError
from fhirexport_server.domain.outcomes import DeletionOutcome, LookupOutcome, PublishOutcome
from fhirexport_server.domain.revision import Revision, Token
from fhirexport_server.domain.segments import Chunk
from fhirexport_server.telemetry.metrics import Metrics

_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

INLINE_BYTES = 1024 * 1024
"""Renderings up to this size are stored in the head, and read with it."""
LARGEST_BYTES = 32 * 1024 * 1024
"""Larger renderings are not kept."""
MOST_NOTES = 10_000
"""For how many renderings hits are counted between two calls of `settle`."""
GRACE_SECONDS = 60
"""How long the chunks of a replaced rendering stay, for readers that have begun."""

_NAMES = (*envelope.FIELDS, envelope.SUM, envelope.PAYLOAD)


class RedisCache:
    """Keeps renderings in Redis. Made by `open_redis_cache`."""

    def __init__(self, link: Link, time_to_live: Mapping[Dataset, int], metrics: Metrics) -> None:
        self._link = link
        self.inspector = Inspector(link)
        self._time_to_live = time_to_live
        self._metrics = metrics
        self._answered: Counter[tuple[str, str]] = Counter()
        self._lookup, self._publish, self._drop, self._count = map(
            link.client.register_script,
            (lua_scripts.LOOKUP, lua_scripts.PUBLISH, lua_scripts.DROP, lua_scripts.HITS),
        )

    @property
    def state(self) -> State:
        """How much of Redis can be used."""
        return self._link.breaker.state

    @property
    def moved(self) -> asyncio.Event:
        """An event that the next change of state sets."""
        return self._link.breaker.moved

    @property
    def why(self) -> str:
        """The reason of the state: the type of the last failure; empty where there was none."""
        return self._link.breaker.why

    async def look_up(self, variant: Variant, condition: Exactly | Recent) -> LookupResult:
        """Look up a rendering that meets a condition."""
        key = keys.head(variant)
        result = await self._looked_up(key, variant, condition)
        self._metrics.cache_get(result.outcome)
        _log.debug("cache_get", key=key, outcome=result.outcome.value)
        if result.outcome is LookupOutcome.CORRUPT:
            _log.warning("cache_entry_corrupt", key=key)
        return result

    @asynccontextmanager
    async def claim(self, variant: Variant, etag: str) -> AsyncIterator[bool]:
        """Wait for a turn to produce a rendering; see `SharedCache`."""
        async with claimed(self._link, keys.head(variant), etag, self._metrics) as turn:
            yield turn

    async def publish(self, variant: Variant, rendering: NewRendering, *, replace: bool = False) -> None:
        """Keep a rendering for the other processes, unless there is one of a later state."""
        key = keys.head(variant)
        if rendering.size > LARGEST_BYTES:
            outcome = PublishOutcome.TOO_LARGE
        else:
            try:
                outcome = await self._published(key, variant, rendering, replace=replace)
            except CacheUnavailableError:
                outcome = PublishOutcome.UNAVAILABLE
        self._metrics.cache_set(outcome)
        _log.debug("cache_set", key=key, outcome=outcome.value, bytes=rendering.size)

    def answered(self, variant: Variant, etag: str) -> None:
        """Count an export that a rendering has answered."""
        if len(self._answered) < MOST_NOTES:
            self._answered[keys.head(variant), etag] += 1

    async def settle(self) -> None:
        """Add the counts to those of the renderings in Redis. What cannot be added is lost."""
        if not self._answered:
            return
        counts, self._answered = self._answered, Counter()

        async def add() -> None:
            async with self._link.client.pipeline(transaction=False) as pipeline:
                for (key, etag), count in counts.items():
                    await self._count(keys=[key], args=[etag, count], client=pipeline)
                await pipeline.execute()

        with suppress(CacheUnavailableError):
            await self._link.write(add)

    async def drop(self, ej_id: int, dataset: Dataset, current: Revision) -> int:
        """Delete the renderings of earlier states; return how many keys."""
        dropped = 0
        for key in _heads(ej_id, dataset):
            arguments = (current.incarnation, current.n)
            try:
                count = int(await self._link.write(self._drop, keys=[key], args=arguments))
            except CacheUnavailableError:
                self._metrics.cache_delete(DeletionOutcome.UNAVAILABLE)
                break
            self._metrics.cache_delete(DeletionOutcome.DELETED if count else DeletionOutcome.NOTHING)
            if count:
                _log.debug("cache_delete", key=key, reason="superseded")
            dropped += count
        return dropped

    async def _looked_up(self, key: str, variant: Variant, condition: Exactly | Recent) -> LookupResult:
        if isinstance(condition, Exactly):
            requirements: tuple[bytes | str | int, ...] = (envelope.LAYOUT, condition.etag, "", 0)
        else:
            requirements = (
                envelope.LAYOUT,
                "",
                f"-{condition.fingerprint}",
                int(condition.seconds * 1000),
            )
        try:
            state, now, *rest = await self._link.read(self._lookup, keys=[key], args=[*requirements, *_NAMES])
        except CacheUnavailableError:
            return LookupResult(LookupOutcome.UNAVAILABLE)
        outcome = LookupOutcome(state.decode())
        if outcome is not LookupOutcome.HIT:
            return LookupResult(outcome, now_ms=int(now))
        values, left = dict(zip(_NAMES, rest[0], strict=True)), int(rest[1])
        try:
            head, payload = envelope.read(values, variant), values[envelope.PAYLOAD]
            rendering = _RedisRendering(self._link, key, head, payload, now_ms=int(now), left_ms=left)
        except CorruptError:
            return LookupResult(LookupOutcome.CORRUPT, now_ms=int(now))
        return LookupResult(LookupOutcome.HIT, rendering, int(now))

    async def _published(
        self, key: str, variant: Variant, rendering: NewRendering, *, replace: bool
    ) -> PublishOutcome:
        # Jitter, so that renderings made together do not expire together. It only shortens the time.
        seconds = self._time_to_live[variant.dataset] * random.uniform(0.9, 1.0)  # noqa: S311 - nothing secret
        time_to_live = max(1, int(seconds * 1000))
        generation = uuid4().hex
        chunks_key = keys.generation(key, generation)
        inline = rendering.size <= INLINE_BYTES
        payload = {}
        if inline:
            chunks = list(rendering.chunks)
            pieces = [Piece.of(chunk) for chunk in chunks]
            payload[envelope.PAYLOAD] = b"".join(chunk.frame for chunk in chunks)
        else:
            pieces = await chunk_store.upload(self._link, chunks_key, rendering.chunks, time_to_live)
        fields = payload | envelope.write(
            rendering.description,
            pieces,
            generation="" if inline else generation,
            validated_ms=rendering.validated_ms,
        )
        revision = Token.decode(rendering.description.revision).revision
        arguments: list[str | bytes | int] = [
            *(time_to_live, GRACE_SECONDS * 1000, 0 if inline else len(pieces)),
            *(revision.incarnation, revision.n, int(replace)),
            *(part for item in fields.items() for part in item),
        ]
        outcome: bytes = await self._link.write(self._publish, keys=[key, chunks_key], args=arguments)
        return PublishOutcome(outcome.decode())


class _RedisRendering:
    """A rendering that is in Redis."""

    def __init__(
        self, link: Link, key: str, head: Head, payload: bytes | None, *, now_ms: int, left_ms: int
    ) -> None:
        """Verify the payload, where there is one.

        Raises:
            CorruptError: The payload is not what was written.
        """
        self.description = head.description
        self.size = sum(piece.length for piece in head.pieces)
        self.age_seconds = (now_ms - head.validated_ms) / 1000
        self.seconds_left = left_ms / 1000
        self._link = link
        self._key = key
        self._head = head
        self._inline = None if head.generation else tuple(head.split(payload or b""))

    async def chunks(self) -> AsyncIterator[Chunk]:
        """Yield the chunks in order; see `StoredRendering`."""
        if self._inline is not None:
            for chunk in self._inline:
                yield chunk
            return
        chunks_key = keys.generation(self._key, self._head.generation)
        async for chunk in chunk_store.download(self._link, chunks_key, self._head.pieces):
            yield chunk


def _heads(ej_id: int, dataset: Dataset) -> list[str]:
    """Return the keys of all renderings that one dataset may have."""
    details = Detail if dataset is Dataset.VENUES else (Detail.SUMMARY,)
    return [keys.head(Variant(ej_id, dataset, layout, detail)) for layout in Format for detail in details]


@asynccontextmanager
async def open_redis_cache(
    address: RedisAddress, time_to_live: Mapping[Dataset, int], metrics: Metrics
) -> AsyncIterator[RedisCache]:
    """Open the cache, whether Redis answers or not. Watch Redis until the end.

    Args:
        address: The address of Redis.
        time_to_live: How long a dataset's renderings may be kept at most, in seconds.
        metrics: The metrics that count every operation.
    """
    async with linked(address, metrics.cache_state) as link:
        yield RedisCache(link, time_to_live, metrics)

"""The cache in Redis: renderings that processes share. The callers decide whether one may be served."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final, ParamSpec, TypeVar

import structlog

from fhirexport_server.cache import keys
from fhirexport_server.cache.entry import Description, Variant
from fhirexport_server.cache.port import Exactly, LookupResult, NewRendering, Recent, StoredManifest
from fhirexport_server.cache.redis import lua_scripts
from fhirexport_server.cache.redis.breaker import State
from fhirexport_server.cache.redis.claims import claimed
from fhirexport_server.cache.redis.connection import Link, linked
from fhirexport_server.cache.redis.inspection import Inspector
from fhirexport_server.cache.redis.packing import envelope
from fhirexport_server.cache.redis.packing.corruption import CorruptError, KeyMissingError
from fhirexport_server.cache.redis.packing.packed_manifest import TooManySegmentsError
from fhirexport_server.cache.redis.packing.sealing import Clear, Sealing
from fhirexport_server.cache.redis.script_calls import run_script, whole
from fhirexport_server.cache.redis.segment_store import SegmentStore
from fhirexport_server.cache.redis.servers.opening import RedisAddress
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.errors import CacheUnavailableError
from fhirexport_server.domain.outcomes import LookupOutcome, PublishOutcome, SegmentOutcome
from fhirexport_server.domain.revision import Token
from fhirexport_server.domain.segments import Chunk, Segment
from fhirexport_server.telemetry.metrics import Metrics

_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

MOST_NOTES: Final = 10_000
"""For how many renderings hits are counted between two calls of `settle`."""
LARGE: Final = 2000
"""A manifest of more segments is packed and unpacked in a thread: 20,000 take some 50 ms."""
_SEGMENT_BYTES: Final = 40
"""How many bytes a segment takes in a packed manifest."""

_RENEW: Final = b"renew"


class RedisCache:
    """Keeps renderings in Redis. Made by `open_redis_cache`."""

    def __init__(
        self, link: Link, time_to_live: Mapping[Dataset, int], metrics: Metrics, sealing: Sealing
    ) -> None:
        self._link = link
        self._sealing = sealing
        self.inspector = Inspector(link, sealing)
        self._store = SegmentStore(link, sealing)
        self._time_to_live = time_to_live
        self._metrics = metrics
        self._answered: Counter[tuple[str, str]] = Counter()
        self._lookup, self._publish, self._count = map(
            link.client.register_script, (lua_scripts.LOOKUP, lua_scripts.PUBLISH, lua_scripts.HITS)
        )

    @property
    def state(self) -> State:
        """How much of Redis can be used."""
        return self._link.breaker.state

    @property
    def is_sealed(self) -> bool:
        """Whether nobody without a key can read what lies in Redis."""
        return self._sealing.is_sealed

    @property
    def moved(self) -> asyncio.Event:
        """An event that the next change of state sets."""
        return self._link.breaker.moved

    @property
    def why(self) -> str:
        """The reason of the state: the type of the last failure; empty where there was none."""
        return self._link.breaker.why

    async def look_up(
        self, variant: Variant, condition: Exactly | Recent, known: Description | None = None
    ) -> LookupResult:
        """Look up a rendering that meets a condition; see `SharedCache`."""
        key = keys.head(variant)
        result = await self._looked_up(key, variant, condition, known)
        self._metrics.cache_get(result.outcome)
        _log.debug("cache_get", key=key, outcome=result.outcome.value)
        if result.outcome is LookupOutcome.CORRUPT:
            _log.warning("cache_entry_corrupt", key=key)
        return result

    async def segments(
        self, variant: Variant, segments: Sequence[Segment]
    ) -> AsyncIterator[tuple[Segment, tuple[Chunk, ...] | None]]:
        """Yield each segment with its chunks, in the order given; see `SharedCache`."""
        key = keys.head(variant)
        async for segment, found in self._store.download(key, segments):
            if isinstance(found, SegmentOutcome):
                self._metrics.segment_read(found)
                if found is SegmentOutcome.DAMAGED:
                    _log.warning("cache_entry_corrupt", key=self._store.key(key, segment))
                yield segment, None
            else:
                self._metrics.segment_read(SegmentOutcome.FOUND)
                yield segment, found

    @asynccontextmanager
    async def claim(self, variant: Variant, etag: str) -> AsyncIterator[bool]:
        """Wait for a turn to produce a rendering; see `SharedCache`."""
        async with claimed(self._link, keys.head(variant), etag, self._metrics) as turn:
            yield turn

    async def publish(self, variant: Variant, rendering: NewRendering, *, replace: bool = False) -> None:
        """Keep a rendering for the other processes, unless there is one of a later state."""
        key = keys.head(variant)
        try:
            outcome = await self._published(key, variant, rendering, replace=replace)
        except TooManySegmentsError:
            outcome = PublishOutcome.TOO_LARGE
        except CacheUnavailableError:
            outcome = PublishOutcome.UNAVAILABLE
        self._metrics.cache_set(outcome)
        _log.debug("cache_set", key=key, outcome=outcome.value)

    def answered(self, variant: Variant, etag: str) -> None:
        """Count an export that a rendering has answered."""
        if len(self._answered) < MOST_NOTES:
            self._answered[keys.head(variant), etag] += 1

    async def settle(self) -> None:
        """Add the counts to those of the renderings in Redis. What cannot be added is lost."""
        if not self._answered:
            return
        counts, self._answered = self._answered, Counter()
        calls = [((key,), (etag, count)) for (key, etag), count in counts.items()]

        async def add() -> None:
            whole(await run_script(self._link.client, self._count, calls))

        with suppress(CacheUnavailableError):
            await self._link.write(add)

    async def _looked_up(
        self, key: str, variant: Variant, condition: Exactly | Recent, known: Description | None
    ) -> LookupResult:
        requirements: tuple[str | int, ...]
        if isinstance(condition, Exactly):
            requirements = (condition.etag, "", 0)
        else:
            requirements = ("", f"-{condition.fingerprint}", int(condition.seconds * 1000))
        arguments: list[bytes | str | int] = [
            *(self._sealing.layout, *requirements),
            *("" if known is None else known.etag, envelope.LARGEST_FIELD, *envelope.ALL),
        ]
        try:
            state, now, *rest = await self._link.read(self._lookup, keys=[key], args=arguments)
        except CacheUnavailableError:
            return LookupResult(LookupOutcome.UNAVAILABLE)
        outcome = LookupOutcome(state.decode())
        if not rest:
            return LookupResult(outcome, now_ms=int(now))
        values, left = dict(zip(envelope.ALL, rest[0], strict=False)), int(rest[1])
        size = len(values.get(envelope.MANIFEST) or b"") // _SEGMENT_BYTES
        try:
            head = await _off_loop(size, envelope.read, values, variant, self._sealing, known)
        except KeyMissingError:
            return LookupResult(LookupOutcome.UNKNOWN_KEY, now_ms=int(now))
        except CorruptError:
            return LookupResult(LookupOutcome.CORRUPT, now_ms=int(now))
        age = (int(now) - head.validated_ms) / 1000
        return LookupResult(outcome, StoredManifest(head.description, age, left / 1000), int(now))

    async def _published(
        self, key: str, variant: Variant, rendering: NewRendering, *, replace: bool
    ) -> PublishOutcome:
        description = rendering.description
        segments = description.manifest.segments
        fields = await _off_loop(
            len(segments),
            envelope.write,
            description,
            variant,
            self._sealing,
            validated_ms=rendering.validated_ms,
        )
        time_to_live = max(1, self._time_to_live[variant.dataset] * 1000)
        revision = Token.decode(description.revision).revision

        async def announce(begun: int | None, base: str) -> bytes:
            # Jitter, so that renderings made together do not expire together. It only shortens the time.
            ends = max(1, int(time_to_live * random.uniform(0.9, 1.0)))  # noqa: S311 - nothing secret
            arguments: list[str | bytes | int] = [
                *(time_to_live, ends, "" if begun is None else begun, base),
                *(revision.incarnation, revision.n, int(replace)),
                *(part for item in fields.items() for part in item),
            ]
            answer: bytes = await self._link.write(self._publish, keys=[key], args=arguments)
            return answer

        begun = await self._store.upload(key, rendering.chunks, time_to_live)
        answer = await announce(begun, rendering.base)
        if answer == _RENEW:
            begun, missing = await self._store.renew(key, segments, time_to_live)
            found = (chunk for one in missing for chunk in rendering.frames(one.digest) or ())
            await self._store.upload(key, found, time_to_live)
            answer = await announce(begun, "")
        return PublishOutcome(answer.decode())


async def _off_loop(segments: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do work on a manifest of so many segments; in a thread where it would hold the loop up."""
    if segments > LARGE:
        return await asyncio.to_thread(work, *args, **kwargs)
    return work(*args, **kwargs)


@asynccontextmanager
async def open_redis_cache(
    address: RedisAddress,
    time_to_live: Mapping[Dataset, int],
    metrics: Metrics,
    sealing: Sealing | None = None,
) -> AsyncIterator[RedisCache]:
    """Open the cache, whether Redis answers or not. Watch Redis until the end.

    Args:
        address: The address of Redis.
        time_to_live: How long a dataset's renderings may be kept at most, in seconds.
        metrics: The metrics that count every operation.
        sealing: What to seal everything with; None to leave it clear.
    """
    async with linked(address, metrics.cache_state) as link:
        yield RedisCache(link, time_to_live, metrics, sealing or Clear())

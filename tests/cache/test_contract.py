"""Shows what every cache does alike: it gives back what was kept, of that very state, or nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

import pytest
from fhirexport_server.cache.entry import Description, Variant
from fhirexport_server.cache.memory import MemoryCache
from fhirexport_server.cache.port import Exactly, NoCache, Recent, SharedCache
from fhirexport_server.cache.redis.redis_cache import open_redis_cache
from fhirexport_server.domain.datasets import Dataset, Format
from fhirexport_server.domain.segments import Chunk
from fhirexport_server.telemetry.metrics import Metrics
from prometheus_client import CollectorRegistry
from support.renderings import Whole, large, new, read, rendering, variant
from support.valkey import Valkey, unhurried


class Cache(Protocol):
    """What the caches have in common."""

    keeps: bool

    async def get(self, variant: Variant, etag: str) -> Whole | None: ...

    async def recent(self, variant: Variant, fingerprint: str, seconds: float) -> Whole | None: ...

    async def keep(self, variant: Variant, entry: Whole) -> None: ...


class Shared:
    """A cache that processes share."""

    def __init__(self, cache: SharedCache, *, keeps: bool) -> None:
        self.cache = cache
        self.keeps = keeps

    async def get(self, variant: Variant, etag: str) -> Whole | None:
        return await self._found(variant, Exactly(etag))

    async def recent(self, variant: Variant, fingerprint: str, seconds: float) -> Whole | None:
        return await self._found(variant, Recent(fingerprint, seconds))

    async def keep(self, variant: Variant, entry: Whole) -> None:
        now = (await self.cache.look_up(variant, Exactly("none"))).now_ms
        await self.cache.publish(variant, new(entry, validated_ms=now))

    async def _found(self, variant: Variant, wanted: Exactly | Recent) -> Whole | None:
        found = await self.cache.look_up(variant, wanted)
        if found.hit is None:
            return None
        assert found.hit.seconds_left <= 2
        return await read(self.cache, variant, found)


class Memory:
    """The level-1 cache."""

    keeps = True

    def __init__(self) -> None:
        self._clock = asyncio.get_running_loop().time
        self._cache = MemoryCache(64 * 1024 * 1024, self._clock)

    async def get(self, variant: Variant, etag: str) -> Whole | None:
        return self._whole(self._cache.look(variant, etag, 0)[1])

    async def recent(self, variant: Variant, fingerprint: str, seconds: float) -> Whole | None:
        return self._whole(self._cache.recent(variant, fingerprint, self._clock() - seconds))

    async def keep(self, variant: Variant, entry: Whole) -> None:
        chunks: list[Chunk] = []
        for chunk in entry.chunks:
            chunks.append(chunk)
            if chunk.segment is not None:
                self._cache.keep_segment(chunk.segment.digest, tuple(chunks))
                chunks = []
        self._cache.keep(variant, entry.description, validated=self._clock(), seconds=2)

    def _whole(self, description: Description | None) -> Whole | None:
        if description is None:
            return None
        parts = [self._cache.frames(segment.digest) for segment in description.manifest.segments]
        return Whole(description, tuple(chunk for part in parts for chunk in part or ()))


@asynccontextmanager
async def redis_cache(url: str) -> AsyncIterator[Shared]:
    address = unhurried(url)
    time_to_live = dict.fromkeys(Dataset, 2)
    async with open_redis_cache(address, time_to_live, Metrics(CollectorRegistry())) as cache:
        yield Shared(cache, keeps=True)


@pytest.fixture(params=["redis", "memory", "none", "redis that is away"])
async def cache(request: pytest.FixtureRequest) -> AsyncIterator[Cache]:
    match request.param:
        case "redis":
            valkey: Valkey = request.getfixturevalue("valkey")
            async with redis_cache(valkey.url) as opened:
                yield opened
        case "memory":
            yield Memory()
        case "none":
            yield Shared(NoCache(), keeps=False)
        case _:
            async with redis_cache("unix:///nowhere/redis.sock") as opened:
                opened.keeps = False
                yield opened


@pytest.mark.parametrize(
    "entry", [rendering(), large(), rendering(segments=0)], ids=["small", "large", "empty"]
)
async def test_what_is_kept_comes_back_as_it_was(cache: Cache, entry: Whole) -> None:
    assert await cache.get(variant(), entry.description.etag) is None
    await cache.keep(variant(), entry)
    expected = entry if cache.keeps else None
    assert await cache.get(variant(), entry.description.etag) == expected


async def test_another_state_is_never_given(cache: Cache) -> None:
    await cache.keep(variant(), rendering(2))
    for other in (rendering(1), rendering(3), rendering(2, shape="other")):
        assert await cache.get(variant(), other.description.etag) is None


async def test_another_variant_is_never_given(cache: Cache) -> None:
    entry = rendering()
    await cache.keep(variant(), entry)
    for other in (variant(2), variant(11), variant(layout=Format.NDJSON), variant(dataset=Dataset.PATIENTS)):
        assert await cache.get(other, entry.description.etag) is None


async def test_a_later_state_takes_the_place_of_an_earlier_one(cache: Cache) -> None:
    for earlier, later in ((rendering(1), large(2)), (large(3), rendering(4)), (large(5), large(6))):
        await cache.keep(variant(), earlier)
        await cache.keep(variant(), later)
        assert await cache.get(variant(), earlier.description.etag) is None
        assert await cache.get(variant(), later.description.etag) == (later if cache.keeps else None)


async def test_what_is_recent_is_of_the_same_shape(cache: Cache) -> None:
    entry = rendering(5)
    await cache.keep(variant(), entry)
    assert await cache.recent(variant(), "shape", 60) == (entry if cache.keeps else None)
    for other in ("hape", "other", "7-shap"):
        assert await cache.recent(variant(), other, 60) is None
    await asyncio.sleep(0.05)
    assert await cache.recent(variant(), "shape", 0.01) is None


async def test_nothing_is_kept_longer_than_it_may_be(cache: Cache) -> None:
    for number, entry in ((1, rendering(1)), (2, large(2))):
        await cache.keep(variant(number), entry)
    await asyncio.sleep(2.1)
    assert await cache.get(variant(1), rendering(1).description.etag) is None
    assert await cache.get(variant(2), large(2).description.etag) is None

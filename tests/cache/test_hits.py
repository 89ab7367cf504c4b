"""Shows that a number of hits that somebody else has written is no error."""

import pytest
from fhirexport_server.cache.redis.breaker import State
from fhirexport_server.cache.redis.redis_cache import open_redis_cache
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.telemetry.metrics import Metrics
from prometheus_client import CollectorRegistry
from support.renderings import new, rendering, variant
from support.valkey import Valkey, unhurried

HEAD = "fhir:export:venues:ej:1"


@pytest.mark.parametrize("hits", [b"", b"text", b"1.5", b"9223372036854775807", b"-7", b"\xff", b"9" * 5000])
async def test_a_damaged_count_of_hits_is_begun_anew(valkey: Valkey, hits: bytes) -> None:
    entry = rendering()
    address = unhurried(valkey.url)
    metrics = Metrics(CollectorRegistry())
    async with open_redis_cache(address, dict.fromkeys(Dataset, 300), metrics) as cache:
        await cache.publish(variant(), new(entry))
        with valkey.client() as client:
            client.hset(HEAD, "hits", hits)
        (facts,) = await cache.inspector.describe([HEAD])
        assert facts.hits == 0
        cache.answered(variant(), entry.description.etag)
        await cache.settle()
        assert cache.state is State.AVAILABLE
        (facts,) = await cache.inspector.describe([HEAD])
        assert facts.hits == 1

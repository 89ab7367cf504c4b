"""A Redis of several servers, and the cache in it."""

from collections.abc import AsyncIterator, Iterator

import pytest
import redis
from fhirexport_server.cache.redis import connection as link_module
from fhirexport_server.cache.redis.redis_cache import RedisCache, open_redis_cache
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.telemetry.metrics import Metrics
from prometheus_client import CollectorRegistry
from support.valkey import unhurried
from support.valkey_cluster import NodesCluster, running_cluster
from support.valkey_sentinel import SentinelGroup, running_sentinels

Several = SentinelGroup | NodesCluster


@pytest.fixture(scope="session")
def sentinels() -> Iterator[SentinelGroup]:
    with running_sentinels() as group:
        yield group


@pytest.fixture(scope="session")
def cluster() -> Iterator[NodesCluster]:
    with running_cluster() as nodes:
        yield nodes


@pytest.fixture(params=["sentinels", "cluster"])
def several(request: pytest.FixtureRequest) -> Several:
    """Servers that hold nothing, each in its place."""
    found: Several = request.getfixturevalue(request.param)
    found.wait_until_settled()
    for node in found.nodes:
        with node.client() as client:
            if node.is_primary:
                client.flushall()
                client.script_flush()
            client.config_resetstat()
    return found


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Probes often, so that a test need not wait."""
    monkeypatch.setattr(link_module, "PROBE_SECONDS", 0.2)
    monkeypatch.setattr(link_module, "LONGEST_PAUSE", 0.5)


@pytest.fixture
async def cache(several: Several) -> AsyncIterator[RedisCache]:
    time_to_live = dict.fromkeys(Dataset, 300)
    address = unhurried(several.url)
    async with open_redis_cache(address, time_to_live, Metrics(CollectorRegistry())) as opened:
        yield opened


def clients(several: Several) -> list[redis.Redis]:
    """A client of each server that may be written."""
    return [node.client() for node in several.nodes if node.is_primary]

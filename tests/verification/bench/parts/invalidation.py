"""Measures an invalidation among many keys: how long another client of Redis waits."""

import asyncio
import threading
import time
from pathlib import Path

import redis
from fhirexport.aio import AsyncClient
from fhirexport_server.cache.entry import Variant
from fhirexport_server.cache.port import NewRendering
from fhirexport_server.cache.redis.redis_cache import open_redis_cache
from fhirexport_server.cache.redis.servers.opening import RedisAddress
from fhirexport_server.domain.datasets import Dataset, Detail, Format
from fhirexport_server.telemetry.metrics import Metrics
from prometheus_client import CollectorRegistry
from rich.table import Table
from support.renderings import rendering
from support.server import server_process
from support.valkey import Valkey, running_valkey

GOAL_MS = 5


async def invalidation(url: str, directory: Path, keys: int) -> Table:
    """Measures a second client's waits at rest and during an invalidation; returns the table."""
    table = Table(title=f"Another client's PING, at rest and while {keys:,} keys are invalidated")
    for heading in ("", "pings", "p50 ms", "p99.9 ms", "longest ms", f"over {GOAL_MS} ms", "slow steps"):
        table.add_column(heading, justify="left" if not heading else "right")
    with running_valkey() as valkey:
        await _fill(valkey, keys)
        async with (
            server_process(directory, url, REDIS_URL=valkey.url) as server,
            AsyncClient(server.address) as client,
        ):
            rest = await _waits(valkey, asyncio.sleep(5))
            table.add_row("at rest", *_row(rest), _slow(valkey))
            busy = await _waits(valkey, client.cache.invalidate("fhir:export:*"))
            table.add_row("invalidating", *_row(busy), _slow(valkey))
    return table


async def _waits(valkey: Valkey, meanwhile: "asyncio.Future[object] | object") -> list[float]:
    over, waits = threading.Event(), list[float]()

    def ask() -> None:
        with redis.Redis.from_url(valkey.url) as client:
            while not over.is_set():
                begun = time.perf_counter()
                client.ping()
                waits.append((time.perf_counter() - begun) * 1000)
                time.sleep(0.0005)

    asking = threading.Thread(target=ask)
    asking.start()
    await meanwhile  # type: ignore[misc]  # whatever it is, it is awaited
    over.set()
    asking.join()
    return sorted(waits)


def _row(waits: list[float]) -> list[str]:
    p50, p999 = (waits[int(len(waits) * part)] for part in (0.5, 0.999))
    over = sum(wait > GOAL_MS for wait in waits)
    return [f"{len(waits):,}", f"{p50:.2f}", f"{p999:.2f}", f"{waits[-1]:.2f}", str(over)]


def _slow(valkey: Valkey) -> str:
    """Returns how many steps Redis itself calls slow, since the last time."""
    with valkey.client() as client:
        client.config_set("slowlog-log-slower-than", GOAL_MS * 1000)
        found = len(client.slowlog_get(100))
        client.slowlog_reset()
    return str(found)


async def _fill(valkey: Valkey, keys: int) -> None:
    address = RedisAddress(valkey.url, socket_timeout=5, connect_timeout=5, budget=5)
    entry = rendering(size=50, segments=1)
    made = NewRendering(entry.description, entry.chunks)
    times = dict.fromkeys(Dataset, 3600)
    async with open_redis_cache(address, times, Metrics(CollectorRegistry())) as cache:
        for start in range(1, keys, 200):
            variants = (
                Variant(ej_id, Dataset.VENUES, Format.BUNDLE, Detail.SUMMARY)
                for ej_id in range(start, start + 200)
            )
            await asyncio.gather(*(cache.publish(variant, made) for variant in variants))
    with valkey.client() as client:
        client.slowlog_reset()

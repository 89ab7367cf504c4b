"""Wires the server: what is created, in which order, and how it is shut down."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import grpc
import structlog
from fhirexport._version import __version__
from prometheus_client import CollectorRegistry

from fhirexport_server.access.kept_policy import KeptPolicy
from fhirexport_server.access.right import Action
from fhirexport_server.access_settings import OFF
from fhirexport_server.admin.administration import Administration
from fhirexport_server.admin.cache_maintenance import CacheMaintenance
from fhirexport_server.auditing import NO_AUDIT, open_auditing
from fhirexport_server.cache.port import NoCache
from fhirexport_server.cache.redis import redis_urls
from fhirexport_server.cache.redis.breaker import State
from fhirexport_server.cache.redis.cache_sealing import open_cache_sealing
from fhirexport_server.cache.redis.redis_cache import RedisCache, open_redis_cache
from fhirexport_server.cache.redis.servers.opening import RedisAddress
from fhirexport_server.callers import open_callers
from fhirexport_server.certificates.tls_context import MetricsContext
from fhirexport_server.exports.exporter import open_exporter
from fhirexport_server.imports.importer import PLACES as IMPORT_PLACES
from fhirexport_server.imports.importer import open_importer
from fhirexport_server.rpc.admission.call_limits import Limits
from fhirexport_server.rpc.admission.gate import Gate
from fhirexport_server.rpc.admission.keeper import kept
from fhirexport_server.rpc.credentials import server_credentials
from fhirexport_server.rpc.exports.service import Exports
from fhirexport_server.rpc.health import (
    CACHE,
    CACHE_ADMIN,
    EXPORTS,
    IMPORTS,
    NAMES,
    SERVER,
    HealthService,
    Probe,
)
from fhirexport_server.rpc.server import make_server
from fhirexport_server.runtime import garbage
from fhirexport_server.runtime.tasks import cancelled
from fhirexport_server.runtime.threads import SHORT_THREADS
from fhirexport_server.runtime.upkeep import Upkeep
from fhirexport_server.settings import Settings
from fhirexport_server.store.async_database import open_async_database
from fhirexport_server.store.database import Database
from fhirexport_server.telemetry import loop_lag
from fhirexport_server.telemetry.access_metrics import AccessMetrics
from fhirexport_server.telemetry.metrics import Metrics
from fhirexport_server.telemetry.metrics_page import metrics_page
from fhirexport_server.telemetry.security_metrics import SealingMetrics
from fhirexport_server.telemetry.tracing import tracer
from fhirexport_server.telemetry.watch_metrics import WatchMetrics
from fhirexport_server.watches.hub import WatchHub
from fhirexport_server.workers.worker_metrics import WorkerMetrics

RECONNECT_SECONDS = 1.0
"""The time in which callers take note that they shall connect anew."""
LEAVE_SECONDS = 1.0
"""How long a server that stops waits for its watches to end, before it closes connections."""
_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class App:
    """A running server."""

    address: str
    """The address that it listens on, with the actual port."""
    metrics_address: str | None
    """The address of its metrics, with the actual port; None where it serves none."""
    registry: CollectorRegistry
    """Its metrics."""
    _server: grpc.aio.Server
    _health: HealthService
    _watches: WatchHub
    _gate: Gate

    async def drain(self, *, delay: float, grace: float) -> None:
        """Stop accepting calls, and let those in flight end.

        Args:
          delay: How long to go on accepting calls while the health service already reports NOT_SERVING.
          grace: How long the calls in flight may take after that, before they are cancelled.
        """
        _log.info("draining", delay=delay, grace=grace)
        await self._health.drain()
        await asyncio.sleep(delay)
        self._watches.drain()
        # A connection whose last call ends while it is told to go away is closed at once. What its peer sends
        # at that moment makes the peer lose the end of its calls. So the watches, which end now, end before.
        await self._gate.without_watches(LEAVE_SECONDS)
        await self._server.stop(grace)

    async def retire(self, *, grace: float) -> None:
        """Let the calls in flight end while other processes accept calls at the same address.

        So nobody is told NOT_SERVING. Callers are told to connect anew first, and lose their watches of the
        health then, or they would take the address for unhealthy.

        Args:
          grace: How long the calls in flight may take, before they are cancelled.
        """
        _log.info("retiring", grace=grace)
        stopped = asyncio.create_task(self._server.stop(grace))
        try:
            await asyncio.wait({stopped}, timeout=RECONNECT_SECONDS)
            self._watches.drain()
            await self._health.end_watches()
            await stopped
        finally:
            stopped.cancel()

    async def until_serving(self) -> None:
        """Wait until exports work."""
        await self._health.until_serving(EXPORTS)


@asynccontextmanager
async def running(
    settings: Settings, *, limits: Limits | None = None, exports: Exports | None = None, worker: bool = False
) -> AsyncIterator[App]:
    """Run a server. At the end, cancel what is left and release everything.

    It starts without its database as well: it reports NOT_SERVING, and serves once the database answers.

    Args:
      settings: The settings of the server.
      limits: The limits of calls, instead of those of the settings.
      exports: Answers the exports instead of the database.
      worker: Whether it is one of several processes at its address, whose parent serves the metrics of all.

    Raises:
      ListenError, MetricsAddressError: An address cannot be listened on.
      CertificateError, KeptFileError: A file of certificates, keys or tokens cannot be used.
      PolicyError: The policy cannot be used.
      AuditDirectoryError: The audit trail cannot be written.
    """
    insecure = ", ".join(settings.insecure_addresses) or None
    _log.info("starting", version=__version__, **settings.public())
    if insecure:
        _log.warning("insecure", reachable=insecure, remedy="see docs/security.md")
    async with AsyncExitStack() as stack:
        registry = CollectorRegistry()
        gate = Gate(limits or _limits(settings), registry)
        metrics = Metrics(registry)
        callers = open_callers(settings, registry)
        certificates = callers.certificates
        page = None
        if not worker:
            WorkerMetrics(registry, wanted=1)
        if settings.metrics_address != OFF and not worker:
            context = MetricsContext(certificates) if certificates and settings.metrics_client_ca else None
            page = stack.enter_context(metrics_page(registry, settings.metrics_address, context))
        blocking = stack.enter_context(
            Database.open(
                settings.database_url.get_secret_value(),
                connections=settings.max_renderings + SHORT_THREADS,
                imports=IMPORT_PLACES,
                replica_url=settings.replica_url,
            )
        )
        redis = await stack.enter_async_context(_redis_cache(settings, metrics, SealingMetrics(registry)))
        database = await stack.enter_async_context(open_async_database(blocking, settings.max_renderings))
        shared = redis or NoCache()
        exporter = await stack.enter_async_context(
            open_exporter(
                database,
                shared,
                metrics,
                base_url=settings.base_url,
                max_renderings=settings.max_renderings,
                rendering_timeout=settings.rendering_timeout,
                spool_limit_bytes=settings.spool_limit,
                cache_bytes=settings.cache_memory if settings.cache_enabled else 0,
                time_to_live=settings.time_to_live,
            )
        )
        spool_limit = settings.spool_limit
        importer = await stack.enter_async_context(
            open_importer(blocking, metrics, base_url=settings.base_url, spool_limit_bytes=spool_limit)
        )
        stack.enter_context(kept())
        health = HealthService()
        metrics.watch_health((name for name in NAMES if name != SERVER), health.is_serving)
        watches = WatchHub(
            database,
            WatchMetrics(registry),
            interval=settings.watch_interval,
            longest=gate.limits.watch_seconds,
        )
        administration = Administration(database, redis, metrics, (NO_AUDIT,) if settings.lacks_audit else ())
        rights = AccessMetrics(registry, Action)
        policy = (
            None if settings.policy_file is None else KeptPolicy(settings.policy_file, database, rights.taken)
        )
        if policy is not None:
            rights.watch_refusals(lambda: policy.refusing)
            await policy.look_up()
        auditing = await stack.enter_async_context(open_auditing(settings, registry, database))
        server, address = make_server(
            exports or exporter,
            watches,
            administration,
            importer,
            health,
            gate=gate,
            registry=registry,
            address=settings.listen_address,
            shared=worker,
            credentials=None if certificates is None else server_credentials(lambda: certificates.current),
            authentication=callers.authentication,
            with_reflection=settings.serves_reflection,
            policy=policy,
            denied=rights.denied,
            audit=None if auditing is None else auditing.calls,
            tracer=await stack.enter_async_context(tracer(settings.otel_exporter_otlp_endpoint)),
        )
        stack.push_async_callback(server.stop, None)
        await server.start()
        works = [
            ("probe-exports", Probe(health, "exports", (SERVER, EXPORTS), database.check).run()),
            ("probe-imports", Probe(health, "imports", (IMPORTS,), database.check_writable).run()),
            ("primary", database.follow_primary()),
            ("watches", watches.run()),
            ("cache-health", _follow(redis, health)),
            ("upkeep", Upkeep(CacheMaintenance(database, shared, metrics)).run()),
            ("lag", loop_lag.watch(metrics.loop_lagged)),
            ("garbage", garbage.collect_where_memory_grows()),
        ]
        works += callers.works()
        if auditing is not None:
            works += auditing.works()
        if policy is not None:
            works.append(("policy", policy.run()))
        for name, work in works:
            stack.push_async_callback(cancelled, asyncio.create_task(work, name=name))
        if not worker:  # the parent says so once all of them do
            tls = certificates is not None
            _log.info("listening", address=address, metrics=page, tls=tls, insecure=insecure)
        yield App(address, page, registry, server, health, watches, gate)
    _log.info("stopped")


def _limits(settings: Settings) -> Limits:
    return Limits(
        stream_seconds=settings.rendering_timeout,
        write_seconds=settings.answer_timeout,
        idle_seconds=settings.import_idle_timeout,
        calls=settings.max_calls,
        calls_per_peer=settings.max_calls_per_peer,
        watches=settings.max_watches,
        watches_per_peer=settings.max_watches_per_peer,
        bytes_in_flight=settings.bytes_in_flight,
    )


@asynccontextmanager
async def _redis_cache(
    settings: Settings, metrics: Metrics, keys: SealingMetrics
) -> AsyncIterator[RedisCache | None]:
    if not settings.cache_enabled:
        metrics.cache_state("disabled")
        yield None
        return
    address = RedisAddress(
        settings.redis_address,
        socket_timeout=settings.redis_socket_timeout,
        connect_timeout=settings.redis_socket_connect_timeout,
        budget=settings.cache_budget,
        shown=redis_urls.redacted(settings.redis_address),
    )
    async with (
        open_cache_sealing(settings.cache_keys_file, keys) as sealing,
        open_redis_cache(address, settings.time_to_live, metrics, sealing) as cache,
    ):
        yield cache


async def _follow(cache: RedisCache | None, health: HealthService) -> None:
    """Make the health service report the cache. Exports work without it, so it does not affect theirs."""
    if cache is None:
        await health.set_serving(CACHE_ADMIN, serving=True)
        return
    while True:
        moved = cache.moved
        works = cache.state is not State.UNAVAILABLE
        await health.set_serving(CACHE, CACHE_ADMIN, serving=works)
        await moved.wait()

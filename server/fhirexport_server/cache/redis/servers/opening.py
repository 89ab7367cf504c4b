"""Makes the clients of Redis: of one server, of what Sentinel names, of a cluster."""

from dataclasses import dataclass
from typing import Any, Final

from redis.asyncio import BlockingConnectionPool, Redis, SSLConnection
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelManagedConnection, SentinelManagedSSLConnection
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

from fhirexport_server.cache.redis import redis_urls
from fhirexport_server.cache.redis.redis_urls import Several
from fhirexport_server.cache.redis.servers.cluster import Cluster
from fhirexport_server.cache.redis.servers.primaries import RedisServers
from fhirexport_server.cache.redis.servers.single import SingleServer

CONNECTIONS: Final = 32
"""How many accesses to Redis there may be at once."""
_SPARE: Final = 2 * CONNECTIONS
"""How many connections a client may have to one server. Those that it is about to close count as well."""
_NAME: Final = "fhirexport"


@dataclass(frozen=True)
class RedisAddress:
    """Where Redis is, and how long to wait for it."""

    url: str
    """A URL that `redis_urls` accepts, with user, password and database where there are any."""
    socket_timeout: float
    """How long one reply may take, in seconds."""
    connect_timeout: float
    """How long connecting may take, in seconds."""
    budget: float
    """How long one access may take in all, in seconds."""
    shown: str = ""
    """The URL as it may be logged."""


def opened(address: RedisAddress) -> RedisServers:
    """Return the servers of an address. Nothing is connected yet."""
    several = redis_urls.several(address.url)
    # The driver's health checks stay off: it makes them inside its handshake too, and reconnects without end
    # where they are refused.
    options: dict[str, Any] = {
        "socket_timeout": address.socket_timeout,
        "socket_connect_timeout": address.connect_timeout,
        "client_name": _NAME,
    }
    if several is None:
        return _single(address, options)
    options |= several.options
    return _cluster(several, options) if several.is_cluster else _sentinel(several, options, address.budget)


def _once() -> Retry:
    # Retry once, on a new connection, where one was closed while it was idle. Timeouts are not retried:
    # a reply that is late would be late again.
    return Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,))


def _single(address: RedisAddress, options: dict[str, Any]) -> SingleServer:
    pool = BlockingConnectionPool.from_url(
        address.url, max_connections=CONNECTIONS, timeout=address.budget, retry=_once(), **options
    )
    if issubclass(pool.connection_class, SSLConnection):
        pool.connection_class = _RereadingConnection
    return SingleServer(Redis.from_pool(pool))


def _sentinel(several: Several, options: dict[str, Any], budget: float) -> SingleServer:
    # They are asked one after the other, and all of that must fit into one access: one that hangs must not
    # keep the others from being asked.
    patience = budget / (len(several.hosts) + 1)
    asking = options | {
        "socket_timeout": min(options["socket_timeout"], patience),
        "socket_connect_timeout": min(options["socket_connect_timeout"], patience),
        "retry": Retry(NoBackoff(), 0),
        "username": several.sentinel_username,
        "password": several.sentinel_password,
        "ssl": several.is_encrypted,
    }
    sentinel = Sentinel(several.hosts, sentinel_kwargs=asking)  # type: ignore[no-untyped-call] # it has no type
    if several.is_encrypted:
        for one in sentinel.sentinels:
            one.connection_pool.connection_class = _RereadingConnection
    client = sentinel.master_for(
        several.service,
        connection_class=_RereadingSentinelConnection if several.is_encrypted else SentinelManagedConnection,
        max_connections=_SPARE,
        retry=_once(),
        username=several.username,
        password=several.password,
        db=several.db,
        **options,
    )
    return SingleServer(client, sentinel)


def _cluster(several: Several, options: dict[str, Any]) -> Cluster:
    client = RedisCluster(
        startup_nodes=[ClusterNode(host, port) for host, port in several.hosts],
        # Else it would forget the names of the URL for addresses, which servers that come back may not have.
        dynamic_startup_nodes=False,
        # Where a server is another one, all of them may be: any sign of it is reason to look.
        reinitialize_steps=1,
        retry=Retry(NoBackoff(), 1),
        max_connections=_SPARE,
        username=several.username,
        password=several.password,
        ssl=several.is_encrypted,
        **options,
    )
    if several.is_encrypted:
        client.connection_kwargs["connection_class"] = _RereadingConnection
        for node in client.startup_nodes:
            node.connection_class = _RereadingConnection
    return Cluster(client)


class _RereadingConnection(SSLConnection):
    """Reads its certificates' files each time that it connects. The driver's own reads them once."""

    async def connect(self) -> None:
        """Connect, or stay connected."""
        self.ssl_context.context = None
        await super().connect()  # type: ignore[no-untyped-call] # the driver publishes no type of it


class _RereadingSentinelConnection(SentinelManagedSSLConnection):
    """The same, to the primary that Sentinel names."""

    async def connect(self) -> None:
        """Connect, or stay connected."""
        self.ssl_context.context = None
        await super().connect()  # type: ignore[no-untyped-call] # the driver publishes no type of it

"""What the cache needs to know of the servers of Redis, however many there are."""

from collections.abc import Hashable, Sequence
from typing import Any, Protocol, TypeAlias

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster

Client: TypeAlias = "Redis | RedisCluster"
Command = tuple[str | int, ...]


class Primary(Protocol):
    """A server that may be written: the only one, or one of a cluster's. Replicas are never asked."""

    @property
    def name(self) -> str:
        """Its address; empty where there is one server."""

    @property
    def tag(self) -> str:
        """What the key of a probe has in its name, so as to be this server's; empty where there is one."""

    async def execute(self, *command: str | int) -> Any:  # noqa: ANN401 - as the driver has it
        """Run a command on this server."""

    async def pipeline(self, commands: Sequence[Command]) -> list[Any]:
        """Run commands one after the other, on one connection; return their answers, or errors."""


class RedisServers(Protocol):
    """The servers of Redis. What has keys is for `client`, which knows where they are."""

    @property
    def client(self) -> Client:
        """The client of all of them."""

    async def primaries(self) -> Sequence[Primary]:
        """Return every server that may be written: together they have all the keys, each of them once."""

    async def standing(self) -> Hashable | None:
        """Return what changes when keys move between servers, or a server is another; None while they do.

        A walk through all keys is complete where it is the same before and after.
        """

    async def refresh(self) -> None:
        """Find the servers anew."""

    async def aclose(self) -> None:
        """Close all connections."""

"""One server: that of a URL, or the primary that Sentinel names."""

from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool

from fhirexport_server.cache.redis.servers.primaries import Command


class SingleServer:
    """The servers where there is one, and that server itself."""

    name = tag = ""

    def __init__(self, client: "Redis", sentinel: Sentinel | None = None) -> None:
        """Make it of its client, and of the Sentinels that the client asks."""
        self.client = client
        self._sentinel = sentinel

    async def primaries(self) -> Sequence["SingleServer"]:
        """Return the server."""
        return (self,)

    async def standing(self) -> tuple[object, ...] | None:
        """Return where the server is, and the id that it has given itself when it started.

        None where Sentinel names one that does not say yet, or no longer, that it is the primary.
        """
        address = None
        if isinstance(self.client.connection_pool, SentinelConnectionPool):
            # Where it is another one, this closes the connections to the former.
            address = await self.client.connection_pool.get_master_address()  # type: ignore[no-untyped-call] # the same
            if (await self.client.info("replication"))["role"] != "master":
                return None
        return address, (await self.client.info("server"))["run_id"]

    async def refresh(self) -> None:
        """Do nothing: each new connection is made to the primary of that moment."""

    async def execute(self, *command: str | int) -> Any:  # noqa: ANN401 - as the driver has it
        """Run a command."""
        return await self.client.execute_command(*command)  # type: ignore[no-untyped-call] # it has no type

    async def pipeline(self, commands: Sequence[Command]) -> list[Any]:
        """Run commands one after the other, on one connection; return their answers, or errors."""
        async with self.client.pipeline(transaction=False) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)
            return await pipeline.execute(raise_on_error=False)

    async def aclose(self) -> None:
        """Close all connections."""
        try:
            await self.client.aclose()
        finally:
            if self._sentinel is not None:
                await self._sentinel.aclose()

"""A cluster: its primaries share the keys among them, by slots."""

import asyncio
from collections.abc import Sequence
from itertools import count, islice
from typing import Any, Final

from redis.asyncio.cluster import ClusterNode, RedisCluster

from fhirexport_server.cache import keys
from fhirexport_server.cache.redis.servers.primaries import Command

_SLOTS: Final = 16_384
_MOST_TAGS: Final = 1_000_000
"""Among how many tags there is one for each primary, however few slots it has."""


class ClusterPrimary:
    """A primary of a cluster."""

    def __init__(self, client: RedisCluster, node: ClusterNode, tag: str) -> None:
        self._client = client
        self._node = node
        self.name: str = node.name
        self.tag = tag

    async def execute(self, *command: str | int) -> Any:  # noqa: ANN401 - as the driver has it
        """Run a command on this server."""
        return await self._node.execute_command(*command)

    async def pipeline(self, commands: Sequence[Command]) -> list[Any]:
        """Run commands one after the other, on one connection; return their answers, or errors."""
        pipeline = self._client.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command, target_nodes=self._node)
        return await pipeline.execute(raise_on_error=False, allow_redirections=False)


class Cluster:
    """The servers of a cluster. Keys are read and written on primaries alone."""

    def __init__(self, client: RedisCluster) -> None:
        """Make it of its client, which finds the servers when it is first used."""
        self.client = client
        self._is_found = False

    async def primaries(self) -> Sequence[ClusterPrimary]:
        """Return every primary that has slots."""
        await self.client.initialize()
        nodes = self.client.get_primaries()
        tags: dict[str, str] = {}
        for tag in map(str, islice(count(), _MOST_TAGS)):
            slot = self.client.keyslot(keys.probe_head(tag))
            tags.setdefault(self.client.nodes_manager.get_node_from_slot(slot).name, tag)
            if len(tags) >= len(nodes):
                break
        return [ClusterPrimary(self.client, node, tags.get(node.name, "0")) for node in nodes]

    async def standing(self) -> tuple[tuple[str, str, str], ...] | None:
        """Return each primary's id, epoch and slots as it knows them itself; None while slots move."""
        views = await asyncio.gather(
            *(primary.execute("CLUSTER NODES") for primary in await self.primaries())
        )
        found = sorted(filter(None, map(_own, views)))
        return tuple(found) if len(found) == len(views) and _covered(found) == _SLOTS else None

    async def refresh(self) -> None:
        """Ask a server of the URL where all of them are."""
        await self.client.initialize()
        if self._is_found:
            await self.client.nodes_manager.initialize()
        self._is_found = True

    async def aclose(self) -> None:
        """Close all connections."""
        await self.client.aclose()


def _own(view: dict[str, dict[str, Any]]) -> tuple[str, str, str] | None:
    """Return what a server says of itself; None where it is no primary, or moves slots."""
    for one in view.values():
        flags = one["flags"].split(",")
        if "myself" in flags:
            if "master" not in flags or one["migrations"]:
                return None
            return one["node_id"], one["epoch"], " ".join("-".join(ends) for ends in one["slots"])
    return None


def _covered(views: Sequence[tuple[str, str, str]]) -> int:
    """Return how many slots the primaries have together, a slot of two of them twice."""
    total = 0
    for _, _, slots in views:
        for ends in slots.split():
            first, _, last = ends.partition("-")
            total += int(last or first) - int(first) + 1
    return total

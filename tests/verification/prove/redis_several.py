"""What can happen to a Redis of several servers: each dies, hangs, comes back; others take its place."""

import time
from collections.abc import Callable, Sequence
from random import Random

from support.valkey_cluster import NodesCluster
from support.valkey_node import Node, wait_until
from support.valkey_sentinel import SentinelGroup
from verification.prove.breaking import AnyClient

Fault = tuple[str, Callable[[], bool], int]


class BrokenServers:
    """Servers of which each may break. When a fault is over, all are back in their places."""

    def __init__(self, servers: SentinelGroup | NodesCluster, random: Random) -> None:
        self._servers = servers
        self._random = random

    @property
    def url(self) -> str:
        """The REDIS_URL of the servers."""
        return self._servers.url

    def client(self) -> AnyClient:
        """Returns a client of the primaries."""
        return self._servers.client()

    def faults(self) -> Sequence[Fault]:
        """Returns the faults; see `RedisFaults`."""
        return (
            ("primary killed, a replica took its place", self._kill, 2),
            ("primary killed, back at once with nothing", self._restart, 1),
            ("primary frozen until a replica took its place", self._freeze_long, 2),
            ("primary frozen", self._freeze, 2),
            ("failed over as planned", self._fail_over, 2),
            ("failed over to a replica that lagged", self._back_in_time, 2),
            ("replica killed", self._kill_replica, 1),
            ("connections to Redis cut", self._cut_connections, 2),
            ("Redis full", self._fill, 1),
        )

    def _primary(self) -> Node:
        return self._random.choice([node for node in self._servers.nodes if node.is_primary])

    def _replica_of(self, primary: Node) -> Node:
        if isinstance(self._servers, NodesCluster):
            return self._servers.replica_of(primary)
        return next(node for node in self._servers.nodes if node is not primary)

    def _taken_over(self, primary: Node, replica: Node) -> None:
        wait_until(lambda: replica.is_primary, "the replica takes over")
        if isinstance(self._servers, SentinelGroup):
            self._servers.wait_for_another(primary)

    def _kill(self) -> bool:
        primary = self._primary()
        replica = self._replica_of(primary)
        primary.kill()
        try:
            self._taken_over(primary, replica)
        finally:
            primary.start()
        self._servers.wait_until_settled()
        return True

    def _restart(self) -> bool:
        primary = self._primary()
        primary.kill()
        primary.start()
        self._servers.wait_until_settled()
        return True

    def _freeze(self) -> bool:
        primary = self._primary()
        primary.pause()
        try:
            time.sleep(self._random.uniform(0.05, 0.5))
        finally:
            primary.resume()
        self._servers.wait_until_settled()
        return True

    def _freeze_long(self) -> bool:
        primary = self._primary()
        replica = self._replica_of(primary)
        primary.pause()
        try:
            self._taken_over(primary, replica)
            time.sleep(self._random.uniform(0.0, 1.0))
        finally:
            primary.resume()
        # For a moment both say that they are primaries.
        self._servers.wait_until_settled()
        return True

    def _fail_over(self) -> bool:
        if isinstance(self._servers, NodesCluster):
            self._servers.fail_over(self._primary())
        else:
            self._servers.fail_over()
        self._servers.wait_until_settled()
        return True

    def _back_in_time(self) -> bool:
        primary = self._primary()
        replica = self._replica_of(primary)
        replica.pause()
        try:
            time.sleep(self._random.uniform(0.3, 0.9))
            primary.kill()  # with what it had for the replica
        finally:
            replica.resume()
        try:
            self._taken_over(primary, replica)
        finally:
            primary.start()
        self._servers.wait_until_settled()
        return True

    def _kill_replica(self) -> bool:
        replica = self._replica_of(self._primary())
        replica.kill()
        time.sleep(self._random.uniform(0.1, 0.5))
        replica.start()
        self._servers.wait_until_settled()
        return True

    def _cut_connections(self) -> bool:
        for node in self._servers.nodes:
            with node.client() as client:
                client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        return True

    def _fill(self) -> bool:
        try:
            self._configure("maxmemory", "1mb")
            time.sleep(self._random.uniform(0.2, 1.0))
        finally:
            self._configure("maxmemory", "0")
        return True

    def _configure(self, name: str, value: str) -> None:
        for node in self._servers.nodes:
            with node.client() as client:
                client.config_set(name, value)


class BrokenSentinels(BrokenServers):
    """A primary behind Sentinels, of which some may be away."""

    def __init__(self, servers: SentinelGroup, random: Random) -> None:
        super().__init__(servers, random)
        self._group = servers

    def faults(self) -> Sequence[Fault]:
        """Returns the faults; see `RedisFaults`."""
        return (
            *super().faults(),
            ("Sentinel killed", self._kill_one, 1),
            ("Sentinel frozen", self._freeze_one, 2),
        )

    def _kill_one(self) -> bool:
        one = self._random.choice(self._group.sentinels)
        one.kill()
        self._cut_connections()
        time.sleep(self._random.uniform(0.5, 1.0))
        one.start()
        self._group.wait_until_settled()
        return True

    def _freeze_one(self) -> bool:
        one = self._random.choice(self._group.sentinels)
        one.pause()
        try:
            # So that the servers have to ask where the primary is.
            self._cut_connections()
            time.sleep(self._random.uniform(0.5, 1.5))
        finally:
            one.resume()
        self._group.wait_until_settled()
        return True


class BrokenCluster(BrokenServers):
    """A cluster, whose slots move as well."""

    def __init__(self, servers: NodesCluster, random: Random) -> None:
        super().__init__(servers, random)
        self._cluster = servers

    def faults(self) -> Sequence[Fault]:
        """Returns the faults; see `RedisFaults`."""
        return (*super().faults(), ("slot moved", self._move_slot, 4))

    def _move_slot(self) -> bool:
        """Moves the slot of an entry to another server with all its keys, some a while after others."""
        primaries = self._cluster.primaries
        source, target = self._random.sample(primaries, 2)
        with source.client() as giving, target.client() as taking:
            heads = list(giving.scan_iter(match="fhir:export:*"))
            if not heads:
                return False
            slot = giving.cluster("keyslot", self._random.choice(heads))
            ids = [client.execute_command("CLUSTER", "MYID") for client in (giving, taking)]
            taking.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[0])
            giving.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[1])
            first = True
            while names := giving.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 3 if first else 1000):
                giving.execute_command(
                    "MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "REPLACE", "KEYS", *names
                )
                if first:
                    time.sleep(self._random.uniform(0.0, 0.5))
                first = False
            for primary in (target, source, *primaries):
                with primary.client() as client:
                    client.execute_command("CLUSTER", "SETSLOT", slot, "NODE", ids[1])
        wait_until(self._cluster.is_settled, "slots are at rest")
        return True

"""A cluster: three primaries that share the keys, each with a replica."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from redis.cluster import ClusterNode, RedisCluster

from support.ports import free_port
from support.valkey_node import Node, wait_until

SHARDS = 3
SLOTS = 16_384
NODE_TIMEOUT = 1000
"""How long a server may be silent before it counts as away, in milliseconds."""


class NodesCluster:
    """The servers of a cluster. The first three begin as primaries, the others as their replicas."""

    def __init__(
        self, directory: Path, *, replicas: int = SHARDS, fronts: dict[int, int] | None = None
    ) -> None:
        """Make a cluster that is not started yet.

        Args:
            directory: Where their files go.
            replicas: How many there are in all.
            fronts: By the port of a server, that by which it is known.
        """
        self.nodes = []
        ports = list(fronts or ()) or [free_port() for _ in range(SHARDS + replicas)]
        for number, port in enumerate(ports):
            announced = (fronts or {}).get(port, port)
            settings = {
                "cluster-enabled": "yes",
                "cluster-config-file": "nodes.conf",
                "cluster-node-timeout": str(NODE_TIMEOUT),
                "cluster-port": str(free_port()),
                "cluster-announce-ip": "127.0.0.1",
                "cluster-announce-port": str(announced),
                "cluster-allow-replica-migration": "no",
                "cluster-replica-validity-factor": "0",
            }
            self.nodes.append(Node(directory / str(number), port, settings))
        self._replicas = len(ports) - SHARDS

    @property
    def url(self) -> str:
        """Where some of the servers are: as many as people would name."""
        return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes[:SHARDS])

    def start(self) -> None:
        """Starts them and makes them a cluster."""
        for node in self.nodes:
            node.start()
        first = self.nodes[0]
        bus = self._bus(first)
        for number, node in enumerate(self.nodes):
            with node.client() as client:
                if number < SHARDS:
                    begin, end = SLOTS * number // SHARDS, SLOTS * (number + 1) // SHARDS - 1
                    client.execute_command("CLUSTER", "ADDSLOTSRANGE", begin, end)
                client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
                if node is not first:
                    client.execute_command("CLUSTER", "MEET", "127.0.0.1", first.port, bus)
        wait_until(lambda: all(self._knows(node) == len(self.nodes) for node in self.nodes), "servers meet")
        for number, node in enumerate(self.nodes[SHARDS:]):
            with self.nodes[number % SHARDS].client() as client:
                identity = client.execute_command("CLUSTER", "MYID")
            with node.client() as client:
                client.execute_command("CLUSTER", "REPLICATE", identity)
        self.wait_until_settled()

    @property
    def primaries(self) -> list[Node]:
        """The servers that say that they are primaries and have slots, as most of the others say too."""
        return [node for node in self.nodes if node.runs and node.is_primary]

    def client(self) -> RedisCluster:
        """Returns a client of them all."""
        live = [
            ClusterNode("127.0.0.1", node.port)  # type: ignore[no-untyped-call] # the driver has no type of it
            for node in self.nodes
            if node.runs
        ]
        return RedisCluster(startup_nodes=live, socket_timeout=5)

    def replica_of(self, primary: Node) -> Node:
        """Returns the replica of a primary."""
        for node in self.nodes:
            if node is not primary and node.runs:
                with node.client() as client:
                    if client.info("replication").get("master_port") == primary.port:
                        return node
        raise AssertionError("it has no replica")

    def fail_over(self, primary: Node, *, how: str = "") -> None:
        """Makes the replica of a primary the primary, by agreement or by `FORCE` or `TAKEOVER`."""
        replica = self.replica_of(primary)
        with replica.client() as client:
            client.execute_command("CLUSTER", "FAILOVER", *([how] if how else []))
        wait_until(lambda: replica.is_primary, "the replica is the primary")

    def is_settled(self) -> bool:
        """Returns whether every server says that all is well, and every replica follows."""
        for node in self.nodes:
            with node.client() as client:
                state = client.cluster("info")
                if state["cluster_state"] != "ok" or state["cluster_slots_ok"] != str(SLOTS):
                    return False
                link = client.info("replication")
                if link["role"] == "slave" and link["master_link_status"] != "up":
                    return False
        return sum(node.is_primary for node in self.nodes) == len(self.nodes) - self._replicas

    def wait_until_settled(self) -> None:
        """Waits until every server is back in its place."""
        wait_until(self.is_settled, "all servers are in their places")

    def kill(self) -> None:
        """Ends all of them."""
        for node in self.nodes:
            node.kill()

    def _bus(self, node: Node) -> int:
        with node.client() as client:
            return int(client.config_get("cluster-port")["cluster-port"])

    def _knows(self, node: Node) -> int:
        with node.client() as client:
            return int(client.cluster("info")["cluster_known_nodes"])


@contextmanager
def running_cluster(**options: Any) -> Iterator[NodesCluster]:
    """Starts a cluster in a directory of its own; ends it at the end."""
    with tempfile.TemporaryDirectory(prefix="fhirexport-cluster-") as directory:
        cluster = NodesCluster(Path(directory), **options)
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.kill()

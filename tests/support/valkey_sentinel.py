"""A primary, its replicas, and three Sentinels that agree on which it is."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from support.ports import free_port
from support.valkey_node import Node, wait_until

SERVICE = "fhir"
_SETTLING_SECONDS = 180.0
"""Sentinel takes 20 s to see that a primary has come back as a replica, and begins again where it fails."""
_STUCK_SECONDS = 45.0
_CONFIGURATION = """\
sentinel monitor {service} 127.0.0.1 {port} 2
sentinel down-after-milliseconds {service} {down_after}
sentinel failover-timeout {service} 3000
sentinel parallel-syncs {service} 2
{more}
"""


class SentinelGroup:
    """Servers that Sentinels watch."""

    def __init__(
        self,
        directory: Path,
        *,
        replicas: int = 1,
        down_after: int = 500,
        more: str = "",
        port: int = 0,
        announced: int = 0,
    ) -> None:
        """Make a group that is not started yet.

        Args:
            directory: Where their files go.
            replicas: How many.
            down_after: How long a server may be silent before it counts as away, in milliseconds.
            more: Further lines of the Sentinels' configuration.
            port: The primary's own.
            announced: The port by which the primary is known, in place of its own; there is no replica then.
        """
        first = port or free_port()
        followers = [] if announced else [free_port() for _ in range(replicas)]
        self.nodes = [Node(directory / "0", first, {})] + [
            Node(directory / str(number), port, {"replicaof": f"127.0.0.1 {first}"})
            for number, port in enumerate(followers, 1)
        ]
        text = _CONFIGURATION.format(
            service=SERVICE, port=announced or first, down_after=down_after, more=more
        )
        self.sentinels = [
            Node(directory / f"sentinel-{number}", free_port(), {}, sentinel=text) for number in range(3)
        ]
        self._replicas = len(followers)
        self._announced = announced

    @property
    def url(self) -> str:
        """Where the Sentinels are, and what they call the servers."""
        hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://{hosts}/{SERVICE}/0"

    def start(self, **login: str) -> None:
        """Starts them, and waits until all know each other."""
        for node in (*self.nodes, *self.sentinels):
            node.start()
        wait_until(lambda: self.is_settled(**login), "Sentinels know each other")

    def is_settled(self, **login: str) -> bool:
        """Returns whether every Sentinel knows the others, the replicas, and a primary that is well."""
        for sentinel in self.sentinels:
            with sentinel.client(**login) as client:
                state = client.sentinel_masters()[SERVICE]
            if (
                state["flags"] != "master"
                or state["num-other-sentinels"] != len(self.sentinels) - 1
                or state["num-slaves"] < self._replicas
            ):
                return False
        return all(self._follows(node) for node in self.nodes)

    @property
    def primary(self) -> Node:
        """The server that most Sentinels name."""
        ports = []
        for sentinel in self.sentinels:
            try:
                with sentinel.client() as client:
                    ports.append(int(client.sentinel_masters()[SERVICE]["port"]))
            except redis.exceptions.RedisError:
                continue
        named = max(set(ports), key=ports.count) if ports else self.nodes[0].port
        if named == self._announced:
            return self.nodes[0]
        return next(node for node in self.nodes if node.port == named)

    def client(self, **options: Any) -> redis.Redis:
        """Returns a client of the primary."""
        return self.primary.client(**options)

    def fail_over(self) -> None:
        """Makes a replica the primary, and waits until all say so."""
        former = self.primary

        def ask() -> bool:
            for sentinel in self.sentinels:
                with sentinel.client() as client:
                    client.execute_command("SENTINEL", "FAILOVER", SERVICE)
                    return True
            return False

        wait_until(ask, "a failover begins")
        self.wait_for_another(former)

    def wait_for_another(self, former: Node) -> None:
        """Waits until the primary is another than this one, and works."""
        wait_until(lambda: self.primary is not former and self.primary.is_primary, "another primary is named")

    def wait_until_settled(self) -> None:
        """Waits until every server is back in its place.

        A primary that is killed and back before Sentinel has done with its last failover may become a replica
        of its own replica. Then there is no primary, and Sentinel promotes none (seen with Valkey 9.1, for
        three minutes). Who looks after them ends that by hand, and so does this.
        """
        what = "all servers are in their places"
        try:
            wait_until(self.is_settled, what, _STUCK_SECONDS)
        except AssertionError:
            if not any(node.is_primary for node in self.nodes):
                with self.client() as client:
                    client.replicaof("NO", "ONE")
            wait_until(self.is_settled, what, _SETTLING_SECONDS)

    def kill(self) -> None:
        """Ends all of them."""
        for node in (*self.nodes, *self.sentinels):
            node.kill()

    def _follows(self, node: Node) -> bool:
        with node.client() as client:
            state = client.info("replication")
        return node is self.primary or state.get("master_link_status") == "up"


@contextmanager
def running_sentinels(**options: Any) -> Iterator[SentinelGroup]:
    """Starts servers and Sentinels in a directory of their own; ends them at the end."""
    with tempfile.TemporaryDirectory(prefix="fhirexport-sentinel-") as directory:
        group = SentinelGroup(Path(directory), **options)
        try:
            group.start()
            yield group
        finally:
            group.kill()

"""The kinds of Redis that a run can have: one server, one behind Sentinels, a cluster; how each breaks."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from random import Random
from typing import Protocol

from support.valkey import running_valkey
from support.valkey_cluster import running_cluster
from support.valkey_sentinel import running_sentinels
from verification.prove.breaking import AnyClient
from verification.prove.redis_several import BrokenCluster, BrokenSentinels
from verification.prove.redis_standalone import BrokenServer

KINDS = ("standalone", "sentinel", "cluster")

Work = Callable[[], bool]


class RedisFaults(Protocol):
    """A Redis, and what can happen to it."""

    @property
    def url(self) -> str:
        """The REDIS_URL of the servers."""

    def client(self) -> AnyClient:
        """Returns a client of what may be written."""

    def faults(self) -> Sequence[tuple[str, Work, int]]:
        """Returns faults: their names, how each comes about and ends, how often it is in the deck."""


@contextmanager
def running_redis(kind: str, random: Random) -> Iterator[RedisFaults]:
    """Starts a Redis of a kind; ends it at the end."""
    match kind:
        case "sentinel":
            with running_sentinels() as group:
                yield BrokenSentinels(group, random)
        case "cluster":
            with running_cluster() as nodes:
                yield BrokenCluster(nodes, random)
        case _:
            with running_valkey() as valkey:
                yield BrokenServer(valkey, random)

"""What can happen to a Redis of one server."""

import time
from collections.abc import Callable, Sequence
from random import Random

import redis
from support.valkey import Valkey


class BrokenServer:
    """One server, which breaks."""

    def __init__(self, valkey: Valkey, random: Random) -> None:
        self._valkey = valkey
        self._random = random
        self.url = valkey.url

    def client(self) -> redis.Redis:
        """Returns a client."""
        return self._valkey.client(socket_timeout=5)

    def faults(self) -> Sequence[tuple[str, Callable[[], bool], int]]:
        """Returns the faults; see `RedisFaults`."""
        return (
            ("Redis back with an older snapshot", self._older, 2),
            ("Redis down", self._down, 1),
            ("Redis frozen", self._freeze, 2),
            ("Redis full", self._fill, 1),
            ("connections to Redis cut", self._cut_connections, 2),
        )

    def _older(self) -> bool:
        self._valkey.save()
        time.sleep(self._random.uniform(0.3, 1.5))
        self._valkey.kill()
        self._valkey.start()
        return True

    def _down(self) -> bool:
        self._valkey.kill()
        try:
            time.sleep(self._random.uniform(0.5, 1.2))
        finally:
            self._valkey.start()
        return True

    def _freeze(self) -> bool:
        self._valkey.pause()
        try:
            time.sleep(0.1 + 2.9 * self._random.random() ** 3)
        finally:
            self._valkey.resume()
        return True

    def _fill(self) -> bool:
        self._valkey.configure("maxmemory", "1mb")
        try:
            time.sleep(self._random.uniform(0.2, 1.0))
        finally:
            self._valkey.configure("maxmemory", "0")
        return True

    def _cut_connections(self) -> bool:
        with self.client() as client:
            return bool(client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"))

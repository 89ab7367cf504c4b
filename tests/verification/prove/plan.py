"""The plan that a child process of a run gets, with the signals to begin and to end."""

import sys
from pathlib import Path
from random import Random
from time import monotonic

import msgspec

WRITERS = 2
"""How many write by themselves; the one with this number writes by importing."""


class Plan(msgspec.Struct, frozen=True):
    """What a child knows of the run."""

    directory: str
    """Where the sockets are, and the histories."""
    database_url: str
    seed: int
    number: int
    """Which of its kind it is, from 0."""
    readers: int
    servers: int

    @classmethod
    def given(cls) -> "Plan":
        """Reads the plan that this process was started with."""
        return msgspec.json.decode(sys.argv[1], type=cls)

    def random(self, kind: str) -> Random:
        """Returns the randomness of one child."""
        return Random(f"{kind} {self.seed} {self.number}")

    def history(self, kind: str) -> Path:
        """Returns the file of one child's history."""
        return Path(self.directory) / f"{kind}-{self.number}.ndjson"

    def socket(self, server: int) -> str:
        """Returns the path where a server listens."""
        return server_socket(Path(self.directory), server)


def server_socket(directory: Path, server: int) -> str:
    """Returns the path where a server listens, however often it is started."""
    return str(directory / f"server-{server}.sock")


def wait_for_start() -> float:
    """Says that this process is ready, and waits; returns until when to go on, on CLOCK_MONOTONIC."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    seconds = float(sys.stdin.readline())
    return monotonic() + seconds

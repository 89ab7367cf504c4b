"""Shows that servers of several tests do not take each other's ports."""

import random
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import ports
from support.valkey_node import Node


def test_a_port_is_given_once_though_nobody_listens_on_it_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    first = ports.free_port()

    def drawn() -> Iterator[int]:
        yield from (first, first)
        while True:
            yield random.SystemRandom().randrange(20_000, 32_000)

    numbers = drawn()
    monkeypatch.setattr(random, "randrange", lambda *_: next(numbers))
    assert ports.free_port() != first


def test_a_server_that_ends_as_it_starts_says_why_at_once(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        node = Node(tmp_path / "node", taken.getsockname()[1], {})
        with pytest.raises(AssertionError, match="Address already in use"):
            node.start()
        node.kill()

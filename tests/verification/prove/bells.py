"""Bells tell readers when to read: after a commit, or after a fault in Redis."""

import asyncio
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random


class Ringer:
    """Tells a reader, any of them, which exports to read at once."""

    def __init__(self, wire: socket.socket, directory: Path, readers: int, random: Random) -> None:
        self._wire = wire
        self._paths = [_path(directory, reader) for reader in range(readers)]
        self._random = random

    def ring(self, exports: Iterable[str]) -> None:
        """Tells a reader of exports; one that is busy misses it, for nothing waits for readers."""
        for export in exports:
            with suppress(OSError):
                self._wire.sendto(export.encode(), self._random.choice(self._paths))


@contextmanager
def ringer(directory: Path, readers: int, random: Random) -> Iterator[Ringer]:
    """Offers a ringer for the readers of a run."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as wire:
        wire.setblocking(False)
        yield Ringer(wire, directory, readers, random)


class Bell:
    """One reader's: remembers for which exports it was rung, each once, the last one first."""

    def __init__(self, wire: socket.socket) -> None:
        self._wire = wire
        self._rung: dict[str, None] = {}
        self._any = asyncio.Event()

    def listen(self) -> None:
        """Begins to hear, on the event loop that runs."""
        asyncio.get_running_loop().add_reader(self._wire.fileno(), self._hear)

    async def next(self) -> str:
        """Waits for the bell; returns which export to read."""
        while not self._rung:
            self._any.clear()
            await self._any.wait()
        return self._rung.popitem()[0]

    def _hear(self) -> None:
        export = self._wire.recv(100).decode()
        self._rung.pop(export, None)
        self._rung[export] = None
        self._any.set()


@contextmanager
def bell(directory: Path, reader: int) -> Iterator[Bell]:
    """Hangs the bell of a reader up."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as wire:
        wire.bind(_path(directory, reader))
        wire.setblocking(False)
        yield Bell(wire)


def _path(directory: Path, reader: int) -> str:
    return str(directory / f"reader-{reader}.bell")

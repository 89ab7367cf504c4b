"""Shows that nobody can read what exports and imports put on the disk, and that damage is told."""

import asyncio
import os
from contextlib import ExitStack
from pathlib import Path

import pytest
from fhirexport_server.domain.errors import TemporaryStorageError
from fhirexport_server.domain.segments import Chunk
from fhirexport_server.exports import spool as spool_module
from fhirexport_server.exports.spool import Spool
from fhirexport_server.imports.sources.line_files import LineFile
from fhirexport_server.runtime.spool_space import SpoolSpace

CANARY = b"CANARY-DUPONT-1850578006048"
SPACE = 64 * 1024 * 1024


def on_disk() -> dict[int, bytes]:
    """What this process's files without a name hold, by descriptor."""
    found = {}
    for link in Path("/proc/self/fd").iterdir():
        try:
            target = str(link.readlink())
        except FileNotFoundError:
            continue
        if "(deleted)" in target and "/memfd:" not in target:
            found[int(link.name)] = os.pread(int(link.name), 1 << 24, 0)
    return found


def canaries(content: dict[int, bytes]) -> list[int]:
    return [number for number, text in content.items() if CANARY in text]


def content(number: int) -> bytes:
    return CANARY * 100 + b"%d" % number


@pytest.fixture
def before() -> set[int]:
    return set(on_disk())


async def spooled() -> Spool:
    spool = Spool(SpoolSpace(SPACE))
    await asyncio.to_thread(spool.append, Chunk(bytes(spool_module.MEMORY_BYTES), 1, 1))
    for number in range(50):
        await asyncio.to_thread(spool.append, Chunk(content(number), 1, 1))
    return spool


def damage(descriptor: int) -> None:
    os.pwrite(descriptor, b"\xff", os.fstat(descriptor).st_size // 2)


async def test_the_files_of_an_export(before: set[int]) -> None:
    spool = await spooled()
    (descriptor,) = set(on_disk()) - before
    assert len(on_disk()[descriptor]) > 50 * 100 * len(CANARY)
    assert canaries(on_disk()) == []
    assert [chunk.frame for chunk in spool.kept()][1:] == [content(number) for number in range(50)]
    damage(descriptor)
    with pytest.raises(TemporaryStorageError, match="EIO"):
        list(spool.kept())
    spool.close()
    assert set(on_disk()) == before


async def test_two_chunks_that_change_places_are_told(before: set[int]) -> None:
    spool = await spooled()
    (descriptor,) = set(on_disk()) - before
    held = on_disk()[descriptor]
    size = len(held) // 50
    os.pwrite(descriptor, held[size - 10 : 2 * size - 10] + held[: size - 10], 0)
    with pytest.raises(TemporaryStorageError, match="EIO"):
        list(spool.kept())
    spool.close()


def test_the_files_of_an_import(before: set[int]) -> None:
    lines = [(place, CANARY * (place % 7) + b"%d" % place, place % 3 == 0) for place in range(2000)]
    with ExitStack() as stack:
        file = LineFile(SpoolSpace(SPACE), stack, memory_bytes=20_000)
        for place, content, begins in lines:
            file.append(place, content, begins=begins)
        for _ in range(2):
            assert list(file.records()) == lines
        (descriptor,) = set(on_disk()) - before
        assert len(on_disk()[descriptor]) > 100_000
        assert canaries(on_disk()) == []
        damage(descriptor)
        with pytest.raises(TemporaryStorageError, match="EIO"):
            list(file.records())
        os.ftruncate(descriptor, 10)
        with pytest.raises(TemporaryStorageError, match="EIO"):
            list(file.records())
    assert set(on_disk()) == before


def test_a_file_of_few_lines_and_one_of_none() -> None:
    with ExitStack() as stack:
        space = SpoolSpace(SPACE)
        assert list(LineFile(space, stack).records()) == []
        file = LineFile(space, stack)
        file.append(7, b"")
        assert list(file.read()) == [(7, b"")]
        assert (file.count, file.size > 0) == (1, True)
    space.take(SPACE)

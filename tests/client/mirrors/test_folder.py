"""Shows what a mirror does of its folder: with others who use it, and with what is not its own."""

import asyncio
from pathlib import Path

import pytest
from fhirexport import AsyncClient, Change, Client, IncompleteError
from fhirexport.testing import FakeServer
from support.mirroring import NINE, Mirrored, patients


async def test_two_at_once_are_one_too_many(mirror: Mirrored) -> None:
    async def meanwhile(_: list[Change]) -> None:
        with pytest.raises(BlockingIOError, match="another program brings this mirror up to date"):
            await mirror.update()

    await mirror.take(meanwhile)
    assert not (await mirror.update()).changed


async def test_who_reads_is_not_disturbed(mirror: Mirrored, server: FakeServer) -> None:
    await mirror.update()
    with Client(server.address) as client:
        resources = iter(client.mirror(1, "patients", mirror.path))
        first = next(resources)
        server.put(1, "patients", patients(*range(1, 10), active=True))
        await mirror.update()
        assert [first, *resources] == NINE
        assert next(iter(client.mirror(1, "patients", mirror.path)))["active"]
    assert len(list((mirror.path / "segments").iterdir())) == 10
    server.put(1, "patients", NINE)
    assert (await mirror.update()).received_segments == 0
    assert len(list((mirror.path / "segments").iterdir())) == 5


async def test_what_a_reader_was_in_the_way_of_goes_without_a_change(
    mirror: Mirrored, server: FakeServer
) -> None:
    """What is left are patients who may be gone."""
    await mirror.update()
    with Client(server.address) as client:
        reading = client.mirror(1, "patients", mirror.path).chunks()
        next(reading)
        server.put(1, "patients", patients(20))
        await mirror.update()
        assert len(list((mirror.path / "segments").iterdir())) == 6
        assert len(list(reading)) == 4
    assert not (await mirror.update()).changed
    assert len(list((mirror.path / "segments").iterdir())) == 1


@pytest.mark.parametrize("content", ['{"name":"an app"}', '{"format":1}', "", "[]"])
async def test_a_manifest_of_something_else_is_left_alone(mirror: Mirrored, content: str) -> None:
    mirror.path.mkdir()
    (mirror.path / "manifest.json").write_text(content)
    with pytest.raises(OSError, match="is not a mirror"):
        await mirror.update()
    assert [path.name for path in mirror.path.iterdir()] == ["manifest.json"]
    assert (mirror.path / "manifest.json").read_text() == content


async def test_a_mirror_that_was_copied_without_its_locks_is_one(mirror: Mirrored) -> None:
    await mirror.update()
    for lock in mirror.path.glob("*.lock"):
        lock.unlink()
    update = await mirror.update()
    assert (update.changed, update.mended, update.received_segments) == (False, None, 0)


async def test_a_folder_of_something_else_is_left_alone(mirror: Mirrored) -> None:
    mirror.path.mkdir()
    (mirror.path / "letter.txt").write_text("Dear")
    with pytest.raises(OSError, match="is not a mirror"):
        await mirror.update()
    assert [path.name for path in mirror.path.iterdir()] == ["letter.txt"]


async def test_what_is_not_ours_in_a_mirror_stays(mirror: Mirrored, server: FakeServer) -> None:
    await mirror.update()
    for place in (mirror.path / "notes", mirror.path / "segments" / "notes"):
        place.write_text("mine")
    server.put(1, "patients", NINE[3:])
    await mirror.update()
    assert (mirror.path / "notes").read_text() == (mirror.path / "segments" / "notes").read_text() == "mine"


async def test_there_is_nothing_to_read_before_the_first_update(mirror: Mirrored) -> None:
    for read in (mirror.read, mirror.verify):
        with pytest.raises(FileNotFoundError, match="bring the mirror up to date first"):
            await read()
    assert not mirror.path.exists()


async def test_an_update_that_is_cancelled_leaves_nothing_behind(server: FakeServer, tmp_path: Path) -> None:
    async with AsyncClient(server.address) as client:
        mirror = client.mirror(1, "patients", tmp_path / "mirror")
        seen = asyncio.Event()
        mirror.on_progress = lambda _: seen.set()
        update = asyncio.create_task(mirror.update())
        await seen.wait()
        update.cancel()
        with pytest.raises(asyncio.CancelledError):
            await update
        with pytest.raises(FileNotFoundError):
            await mirror.read()
        assert not list((tmp_path / "mirror" / "segments").glob("*.part"))
        assert (await mirror.update()).changed
        assert [resource async for resource in mirror] == NINE


async def test_a_copy_that_is_not_there_is_no_reason_to_make_one(mirror: Mirrored) -> None:
    mirror.path.mkdir()
    with pytest.raises(FileNotFoundError):
        await mirror.read()
    assert list(mirror.path.iterdir()) == []


async def test_an_error_of_reading_is_one_of_the_library(mirror: Mirrored) -> None:
    await mirror.update()
    (mirror.path / "manifest.json").write_text("{}")
    with pytest.raises(IncompleteError, match="the next time"):
        await mirror.read()
    assert not await mirror.verify()

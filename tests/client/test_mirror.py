"""Shows that a mirror is the export, whole or as it was before, and offers exactly what has changed."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fhirexport import AsyncClient, Change, Client, IncompleteError, Progress, UnavailableError
from fhirexport.testing import FakeServer
from fhirexport.v1.export_service_pb2 import StreamExportRequest
from support.mirroring import Mirrored, patients, told

NINE = patients(*range(1, 10))


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer(chunk_resources=2) as server:
        server.put(1, "patients", NINE)
        yield server


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def mirror(server: FakeServer, tmp_path: Path, request: pytest.FixtureRequest) -> Mirrored:
    """A mirror of the server's patients, not there yet, of one of the two clients."""
    return Mirrored(server.address, tmp_path / "mirror", is_async=request.param)


def _requests(server: FakeServer) -> list[StreamExportRequest]:
    return [call.request for call in server.calls if isinstance(call.request, StreamExportRequest)]


async def test_it_is_the_export(mirror: Mirrored, server: FakeServer) -> None:
    update = await mirror.update()
    assert (update.changed, update.mended) == (True, None)
    assert (update.segments, update.received_segments) == (5, 5)
    assert await mirror.read() == await mirror.export()
    with Client(server.address) as client:
        copy = client.mirror(1, "patients", mirror.path)
        assert list(copy) == NINE
        snapshot = copy.snapshot()
    assert (snapshot.etag, snapshot.root) == (update.snapshot.etag, update.snapshot.root)
    assert (snapshot.resource_count, snapshot.size_bytes) == (9, len(await mirror.read()))


async def test_it_is_private(mirror: Mirrored) -> None:
    await mirror.update()
    modes = {path.stat().st_mode & 0o777 for path in mirror.path.rglob("*") if path.is_file()}
    assert modes == {0o600}
    assert {path.stat().st_mode & 0o777 for path in (mirror.path, mirror.path / "segments")} == {0o700}


async def test_an_update_without_a_change_is_one_question(mirror: Mirrored, server: FakeServer) -> None:
    first = await mirror.update()
    before = {path: path.stat().st_mtime_ns for path in mirror.path.rglob("*")}
    again = await mirror.update()
    assert (again.changed, again.received_segments, again.received_bytes) == (False, 0, 0)
    assert again.snapshot.root == first.snapshot.root
    assert {path: path.stat().st_mtime_ns for path in mirror.path.rglob("*")} == before
    assert _requests(server)[1].if_none_match == first.snapshot.etag
    taken = await mirror.take()
    assert (taken.changes, taken.whole) == ([], False)


async def test_only_what_differs_is_sent(mirror: Mirrored, server: FakeServer) -> None:
    await mirror.update()
    server.put(1, "patients", [*NINE[:8], *patients(9, active=True)])
    update = await mirror.update()
    assert (update.changed, update.segments, update.received_segments) == (True, 5, 1)
    assert await mirror.read() == await mirror.export()
    assert len(list((mirror.path / "segments").iterdir())) == 5
    assert _requests(server)[1].have.root
    assert not _requests(server)[1].have.digests


async def test_a_server_that_does_not_know_the_root_is_told_the_digests(tmp_path: Path) -> None:
    with FakeServer(chunk_resources=2, knows_roots=False) as server:
        mirror = Mirrored(server.address, tmp_path / "mirror", is_async=False)
        for kind in (False, True):
            mirror = Mirrored(server.address, tmp_path / f"mirror-{kind}", is_async=kind)
            server.put(1, "patients", NINE)
            await mirror.update()
            server.put(1, "patients", [*patients(1, active=True), *NINE[1:]])
            update = await mirror.update()
            # The one that differs, and the first of those that were there, by which it is noticed.
            assert update.received_segments == 2
            first, by_root, by_digests = _requests(server)[-3:]
            assert not first.HasField("have")
            assert (bool(by_root.have.root), len(by_root.have.digests)) == (True, 0)
            assert (bool(by_digests.have.root), len(by_digests.have.digests)) == (False, 6)
            assert await mirror.read() == await mirror.export()


async def test_it_offers_what_has_changed(mirror: Mirrored, server: FakeServer) -> None:
    first = await mirror.take()
    assert first.whole
    assert [change.resource for change in first.changes] == NINE
    new = [NINE[0], *patients(2, active=True), *NINE[4:8], *patients(10, 11)]
    server.put(1, "patients", new)
    taken = await mirror.take()
    assert not taken.whole
    assert told(taken.changes) == ["+pat-2", "-pat-3", "-pat-4", "-pat-9", "+pat-10", "+pat-11"]
    assert [change.resource for change in taken.changes if not change.is_gone] == [new[1], *new[6:]]
    assert {change.type for change in taken.changes} == {"Patient"}
    assert (await mirror.take()).changes == []


async def test_resources_that_move_have_not_changed(mirror: Mirrored, server: FakeServer) -> None:
    await mirror.update()
    server.put(1, "patients", [*patients(100), *reversed(NINE)])
    taken = await mirror.take()
    assert taken.update.received_segments == 5
    assert told(taken.changes) == ["+pat-100"]


async def test_changes_come_again_until_they_are_handled(mirror: Mirrored, server: FakeServer) -> None:
    async def fail(_: list[Change]) -> None:
        raise ZeroDivisionError

    await mirror.update()
    before = await mirror.read()
    server.put(1, "patients", NINE[1:])
    with pytest.raises(ZeroDivisionError):
        await mirror.take(fail)
    assert await mirror.read() == before
    # What came is still of use.
    taken = await mirror.take()
    assert (told(taken.changes), taken.update.received_segments) == (["-pat-1"], 0)
    assert await mirror.read() == await mirror.export()


async def test_changes_that_were_not_all_taken_come_again(server: FakeServer, tmp_path: Path) -> None:
    with Client(server.address) as client:
        mirror = client.mirror(1, "patients", tmp_path / "mirror")
        with mirror.changes() as changes:
            next(iter(changes))
        with pytest.raises(FileNotFoundError):
            mirror.read()
        with mirror.changes() as changes:
            assert len(list(changes)) == 9
        assert len(list(mirror)) == 9


async def test_a_break_is_taken_up_with_what_has_come(mirror: Mirrored, server: FakeServer) -> None:
    server.fail("DATABASE_UNAVAILABLE", after_chunks=2)
    server.fail("DATABASE_UNAVAILABLE", after_chunks=1)
    update = await mirror.update()
    assert [len(request.have.digests) for request in _requests(server)] == [0, 2, 3]
    assert (update.segments, update.received_segments) == (5, 5)
    assert await mirror.read() == await mirror.export()


async def test_a_break_is_taken_up_across_a_change(server: FakeServer, tmp_path: Path) -> None:
    async with AsyncClient(server.address) as client:
        mirror = client.mirror(1, "patients", tmp_path / "mirror")
        await mirror.update()
        server.put(1, "patients", [*patients(1, 2, 3, active=True), *NINE[3:]])
        # It breaks after one of two segments; by the next attempt, the other has changed once more.
        server.fail("DATABASE_UNAVAILABLE", after_chunks=1)
        new = [*patients(1, 2, active=True), *NINE[2:8], *patients(9, active=True)]

        def change(_: Progress) -> None:
            server.put(1, "patients", new)

        mirror.on_progress = change
        async with mirror.changes() as changes:
            assert told([change async for change in changes]) == ["+pat-1", "+pat-2", "+pat-9"]
            assert changes.update.received_segments == 2
        assert [resource async for resource in mirror] == new


async def test_an_update_that_fails_leaves_the_copy_and_keeps_what_came(
    mirror: Mirrored, server: FakeServer
) -> None:
    await mirror.update()
    before = await mirror.read()
    server.put(1, "patients", patients(*range(1, 10), active=True))
    server.fail("DATABASE_UNAVAILABLE", after_chunks=2)
    server.fail("DATABASE_UNAVAILABLE", times=None)
    with pytest.raises(UnavailableError):
        await mirror.update()
    assert await mirror.read() == before
    server.recover()
    update = await mirror.update()
    assert (update.received_segments, update.mended) == (3, None)
    assert await mirror.read() == await mirror.export()
    assert len(list((mirror.path / "segments").iterdir())) == 5


async def test_segments_of_several_chunks_are_kept_whole(tmp_path: Path) -> None:
    with FakeServer(chunk_resources=2, segment_chunks=3) as server:
        for is_async in (False, True):
            server.put(1, "patients", NINE)
            mirror = Mirrored(server.address, tmp_path / f"mirror-{is_async}", is_async=is_async)
            server.fail("DATABASE_UNAVAILABLE", after_chunks=2)
            server.fail("DATABASE_UNAVAILABLE", after_chunks=4)
            update = await mirror.update()
            assert (update.segments, update.received_segments) == (2, 2)
            server.put(1, "patients", NINE[:8])
            assert (await mirror.update()).received_segments == 1
            assert await mirror.read() == await mirror.export()
            assert await mirror.verify()


async def test_nothing_is_mirrored_as_well(mirror: Mirrored, server: FakeServer) -> None:
    server.put(1, "patients", [])
    update = await mirror.update()
    assert (update.changed, update.segments) == (True, 0)
    assert await mirror.read() == b""
    server.put(1, "patients", NINE[:1])
    assert told((await mirror.take()).changes) == ["+pat-1"]
    server.put(1, "patients", [])
    assert told((await mirror.take()).changes) == ["-pat-1"]
    assert await mirror.read() == b""


async def test_progress_counts_what_is_there(server: FakeServer, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    with Client(server.address) as client:
        mirror = client.mirror(
            1, "patients", tmp_path / "m", on_progress=lambda p: seen.append((p.resources, p.of_resources))
        )
        mirror.update()
        assert seen == [(2, 9), (4, 9), (6, 9), (8, 9), (9, 9)]
        seen.clear()
        server.put(1, "patients", [*NINE[:8], *patients(9, active=True)])
        mirror.update()
    assert seen == [(8, 9), (9, 9)]


async def test_venues_have_movements_or_not(server: FakeServer, tmp_path: Path) -> None:
    venue = {"resourceType": "Encounter", "id": "ven-1"}
    movement = {"resourceType": "Encounter", "id": "mvt-1"}
    server.put(1, "venues", [venue])
    server.put(1, "venues", [venue, movement], movements=True)
    with Client(server.address) as client:
        for movements, resources in ((True, [venue, movement]), (False, [venue])):
            mirror = client.mirror(1, "venues", tmp_path / str(movements), movements=movements)
            mirror.update()
            assert list(mirror) == resources
        with pytest.raises(ValueError, match="only venues have movements"):
            client.mirror(1, "patients", tmp_path, movements=True)
        with pytest.raises(ValueError, match="there is no dataset 'staff'"):
            client.mirror(1, "staff", tmp_path)  # type: ignore[arg-type]


# --- whoever else is there ------------------------------------------------------------------------


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


def test_a_change_is_not_printed_with_its_content() -> None:
    change = Change("Patient", "pat-1", json.dumps(NINE[0]).encode())
    assert "content" not in repr(change)
    assert change.resource == NINE[0]


async def test_the_manifest_lists_what_the_files_are(mirror: Mirrored) -> None:
    await mirror.update()
    manifest = json.loads((mirror.path / "manifest.json").read_text())
    digests = [digest for digest, _, _ in manifest["segments"]]
    assert {path.name for path in (mirror.path / "segments").iterdir()} == {
        f"{digest}.ndjson.zst" for digest in digests
    }
    assert (manifest["ej_id"], manifest["dataset"], manifest["layout"]) == (1, "patients", "ndjson")
    assert sum(size for _, size, _ in manifest["segments"]) == manifest["size_bytes"]


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

"""Shows that an update makes a mirror the export, of what differs alone, however often it breaks."""

import json
from pathlib import Path

import pytest
from fhirexport import AsyncClient, Client, Progress, UnavailableError
from fhirexport.testing import FakeServer
from fhirexport.v1.export_service_pb2 import StreamExportRequest
from support.mirroring import NINE, Mirrored, patients, told


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


async def test_the_manifest_lists_what_the_files_are(mirror: Mirrored) -> None:
    await mirror.update()
    manifest = json.loads((mirror.path / "manifest.json").read_text())
    digests = [digest for digest, _, _ in manifest["segments"]]
    assert {path.name for path in (mirror.path / "segments").iterdir()} == {
        f"{digest}.ndjson.zst" for digest in digests
    }
    assert (manifest["ej_id"], manifest["dataset"], manifest["layout"]) == (1, "patients", "ndjson")
    assert sum(size for _, size, _ in manifest["segments"]) == manifest["size_bytes"]

"""Shows that a mirror mends itself, and takes nothing that is not what the server has."""

import asyncio
import json
import os
import resource
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest
from fhirexport import AsyncClient, Client, ExportError, IncompleteError, UnavailableError
from fhirexport._internal.mirroring.folder import MirrorFolder
from fhirexport._internal.mirroring.manifest import MirroredExport
from fhirexport._internal.mirroring.session import Session
from fhirexport._internal.mirroring.transfer import Piece
from fhirexport.testing import FakeServer
from fhirexport.v1 import types_pb2
from support.mirroring import Mirrored, patients, told
from support.scripted import LINES, WHOLE, Event, Script, chunk, digest_of, finished, part, playing, unchanged

NINE = patients(*range(1, 10))
Damage = Callable[[Path], object]


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer(chunk_resources=2) as server:
        server.put(1, "patients", NINE)
        yield server


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def mirror(server: FakeServer, tmp_path: Path, request: pytest.FixtureRequest) -> Mirrored:
    return Mirrored(server.address, tmp_path / "mirror", is_async=request.param)


def _segment(path: Path, number: int = 0) -> Path:
    """Returns the file of a segment, by its place in the export."""
    manifest = json.loads((path / "manifest.json").read_text())
    return path / "segments" / f"{manifest['segments'][number][0]}.ndjson.zst"


def _edit(**values: object) -> Damage:
    def edit(path: Path) -> None:
        manifest = json.loads((path / "manifest.json").read_text())
        (path / "manifest.json").write_text(json.dumps(manifest | values))

    return edit


def _rewrite(path: Path, content: bytes) -> None:
    (path / "manifest.json").write_bytes(content)


def _cut(path: Path) -> None:
    content = (path / "manifest.json").read_bytes()
    (path / "manifest.json").write_bytes(content[:-40])


def _drop_segment(path: Path) -> None:
    manifest = json.loads((path / "manifest.json").read_text())
    manifest["segments"].pop()
    (path / "manifest.json").write_text(json.dumps(manifest))


OF_THE_MANIFEST: dict[str, Damage] = {
    "empty": lambda path: _rewrite(path, b""),
    "not JSON": lambda path: _rewrite(path, b"\x00" * 4096),
    "not an object": lambda path: _rewrite(path, b"[]"),
    "deep": lambda path: _rewrite(path, b"[" * 100_000),
    "cut": _cut,
    "lacks a segment": _drop_segment,
    "has another root": _edit(root="0" * 64),
    "has a bad segment": _edit(segments=[["x", 1, 1]]),
    "has a negative size": _edit(segments=[["00" * 32, -1, 1]]),
    "has no etag": _edit(etag=None),
    "has another dataset": _edit(dataset="staff"),
}


@pytest.mark.parametrize("name", OF_THE_MANIFEST)
async def test_a_damaged_manifest_is_mended(mirror: Mirrored, server: FakeServer, name: str) -> None:
    await mirror.update()
    OF_THE_MANIFEST[name](mirror.path)
    with pytest.raises(IncompleteError):
        await mirror.read()
    server.put(1, "patients", [*NINE[2:], *patients(10)])
    taken = await mirror.take()
    assert (taken.update.mended, taken.whole, taken.update.changed) == ("damaged", True, True)
    # Whoever has the old resources does not learn which are gone, but that these are all there are.
    assert told(taken.changes) == [f"+pat-{number}" for number in range(3, 11)]
    assert await mirror.read() == await mirror.export()
    assert (await mirror.update()).mended is None


async def test_what_is_left_of_a_damaged_mirror_is_not_sent_again(mirror: Mirrored) -> None:
    await mirror.update()
    (mirror.path / "manifest.json").unlink()
    _, *others = sorted((mirror.path / "segments").iterdir())
    others[0].write_bytes(others[0].read_bytes()[:-9])
    others[1].write_bytes(b"")
    (mirror.path / "segments" / ".fhirexport-1.part").write_bytes(b"half")
    update = await mirror.update()
    assert (update.received_segments, update.segments) == (2, 5)
    assert await mirror.read() == await mirror.export()
    assert await mirror.verify()
    assert len(list((mirror.path / "segments").iterdir())) == 5


async def test_a_lost_segment_is_sent_again(mirror: Mirrored, server: FakeServer) -> None:
    await mirror.update()
    _segment(mirror.path, 3).unlink()
    with pytest.raises(IncompleteError):
        await mirror.read()
    server.put(1, "patients", [*patients(1, active=True), *NINE[1:]])
    taken = await mirror.take()
    # It still is part of the export, so that what has changed is known.
    assert (told(taken.changes), taken.whole) == (["+pat-1"], False)
    assert (taken.update.mended, taken.update.received_segments) == ("damaged", 2)
    assert await mirror.read() == await mirror.export()


async def test_a_lost_segment_that_is_out_of_date_is_not_guessed(
    mirror: Mirrored, server: FakeServer
) -> None:
    await mirror.update()
    _segment(mirror.path).unlink()
    server.put(1, "patients", [*patients(1, active=True), *NINE[2:]])
    taken = await mirror.take()
    assert (taken.update.mended, taken.whole) == ("damaged", True)
    assert len(taken.changes) == 8
    assert await mirror.read() == await mirror.export()


@pytest.mark.parametrize("size", [0, 1, 30, -1])
async def test_a_segment_that_holds_something_else_is_found_where_it_is_read(
    mirror: Mirrored, size: int
) -> None:
    await mirror.update()
    file = _segment(mirror.path, 2)
    content = file.read_bytes()
    other = _segment(mirror.path, 1).read_bytes()
    file.write_bytes(content[:size] if size >= 0 else other)
    assert not (await mirror.update()).changed
    assert not await mirror.verify()
    update = await mirror.update()
    assert (update.mended, update.received_segments, update.changed) == ("damaged", 1, False)
    assert await mirror.verify()
    assert await mirror.read() == await mirror.export()


async def test_a_damaged_segment_that_is_compared_is_no_proof(mirror: Mirrored, server: FakeServer) -> None:
    await mirror.update()
    file = _segment(mirror.path)
    file.write_bytes(_segment(mirror.path, 1).read_bytes())
    server.put(1, "patients", NINE[1:])
    taken = await mirror.take()
    assert taken.whole
    assert len(taken.changes) == 8
    assert await mirror.read() == await mirror.export()
    assert await mirror.verify()


FOREIGN: dict[str, tuple[Damage, str]] = {
    "of another release": (_edit(format=2), "format"),
    "of another layout": (_edit(layout="bundle"), "format"),
    "of another EJ": (_edit(ej_id=2), "other_export"),
    "of another dataset": (_edit(dataset="structure"), "other_export"),
    "of another detail": (_edit(dataset="venues", movements=True), "other_export"),
    "of another database": (_edit(incarnation="theirs", etag='"0"'), "other_database"),
}


@pytest.mark.parametrize("name", FOREIGN)
async def test_a_foreign_copy_is_mended_and_says_so(
    mirror: Mirrored, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    await mirror.update()
    damage, mended = FOREIGN[name]
    damage(mirror.path)
    update = await mirror.update()
    assert update.mended == mended
    assert str(mirror.path) in caplog.text
    assert await mirror.read() == await mirror.export()
    assert (await mirror.update()).mended is None


async def test_another_database_is_another_copy(mirror: Mirrored, server: FakeServer) -> None:
    await mirror.update()
    server.replace_database("restored")
    server.put(1, "patients", NINE[:4])
    taken = await mirror.take()
    assert (taken.update.mended, taken.whole) == ("other_database", False)
    assert told(taken.changes) == [f"-pat-{number}" for number in range(5, 10)]


async def test_another_ej_takes_the_place_of_the_first(server: FakeServer, tmp_path: Path) -> None:
    server.put(2, "patients", patients(9, 20))
    await Mirrored(server.address, tmp_path / "m", is_async=False).update()
    other = Mirrored(server.address, tmp_path / "m", is_async=False, ej=2)
    taken = await other.take()
    assert taken.update.mended == "other_export"
    assert told(taken.changes) == [*(f"-pat-{number}" for number in range(1, 9)), "+pat-20"]
    assert await other.read() == await other.export()


# --- the disk -------------------------------------------------------------------------------------


class _FullError(OSError):
    """The disk takes no more."""


@pytest.mark.parametrize("step", ["fsync", "replace", "open", "link"])
def test_a_disk_that_fails_leaves_the_old_copy_or_the_new_one(
    server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    real = getattr(os, step)
    new = [*patients(1, 5, active=True), *NINE[5:], *patients(12)]
    failed = 0
    with Client(server.address) as client:
        for broken in range(40):
            mirror = client.mirror(1, "patients", tmp_path / f"mirror-{broken}")
            server.put(1, "patients", NINE)
            mirror.update()
            server.put(1, "patients", new)
            left = [broken]

            def fail(*arguments: object, left: list[int] = left, **options: object) -> object:
                left[0] -= 1
                if left[0] == -1:
                    raise _FullError(28, "No space left on device")
                return real(*arguments, **options)

            with monkeypatch.context() as patch:
                patch.setattr(os, step, fail)
                try:
                    mirror.update()
                except _FullError:
                    failed += 1
            assert list(mirror) in (NINE, new)
            mirror.update()
            assert list(mirror) == new
            assert mirror.verify()
            if left[0] >= 0:
                break
        else:
            raise AssertionError("it has not come to its end")
    assert failed


@pytest.mark.parametrize("most", [0, 1_000, 4_096, 8_192])
def test_a_full_disk_leaves_no_lock_and_no_part(tmp_path: Path, most: int) -> None:
    folder = MirrorFolder(tmp_path / "m")
    session = Session(folder, MirroredExport(1, "patients"), None)
    session.begin()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, limits[1]))
    try:
        # Two chunks of one segment, of which the first may still wait in memory.
        with pytest.raises(OSError, match="File too large") as error, session:
            session.take(Piece(os.urandom(5_000), starts=True, segment=None))
            session.take(Piece(os.urandom(9_000), starts=False, segment=None))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert error.tb is not None, "a program may keep the error, and all that it refers to"
    assert list((tmp_path / "m" / "segments").iterdir()) == []
    with folder.updating():
        pass


async def test_what_was_mended_while_somebody_read_it_stays(mirror: Mirrored) -> None:
    await mirror.update()
    file = _segment(mirror.path, 2)
    good = file.rename(tmp := file.with_suffix(".good"))
    os.mkfifo(file)

    def mend() -> None:
        with file.open("wb") as pipe:  # once it is being read
            tmp.replace(file)
            pipe.write(b"damaged")

    _, intact = await asyncio.gather(asyncio.to_thread(mend), mirror.verify())
    assert not intact
    assert not good.exists()
    assert await mirror.read() == await mirror.export()


# --- the server -----------------------------------------------------------------------------------

SNAPSHOT = types_pb2.Snapshot(etag='"1"', incarnation="i")
STARTED = Event(started=SNAPSHOT)
EXPORT: Script = [STARTED, *(chunk(number) for number in range(4)), finished()]
FALSE: dict[str, Script] = {
    "is older than segments": [Event(started=types_pb2.Snapshot(etag='"2"')), chunk(0, digest=False)],
    "ends without finished": [STARTED, chunk(0)],
    "ends at once": [],
    "starts without started": [chunk(0)],
    "starts twice": [STARTED, STARTED],
    "goes on after finished": [STARTED, unchanged(0, 4), finished(), chunk(0)],
    "has an empty event": [STARTED, Event()],
    "has another digest": [STARTED, part(LINES[0], count=1, digest=digest_of(1))],
    "has another root": [STARTED, chunk(0), finished(root="0" * 64)],
    "has no root": [STARTED, chunk(0), finished(LINES[0], count=1, root="")],
    "counts wrongly": [STARTED, unchanged(0, 4), finished(count=5)],
    "measures wrongly": [STARTED, unchanged(0, 4), finished(size=1)],
    "has more than it was told": [STARTED, unchanged(0, 5), finished()],
    "has less than one": [STARTED, unchanged(1, 0), finished()],
    "has a place before the first": [STARTED, unchanged(-1, 2), finished()],
    "tells of segments within another": [STARTED, part(LINES[0]), unchanged(0, 1)],
    "ends within a segment": [STARTED, part(LINES[0], count=1), finished()],
    "counts the resources of a chunk wrongly": [STARTED, part(LINES[0], count=2, digest=digest_of(0))],
    "has half a line": [STARTED, part(LINES[0][:-1], count=0, digest=b"d" * 32)],
    "has empty lines": [STARTED, part(LINES[0] + b"\n", count=2, digest=b"d" * 32)],
    "says that another etag holds": [
        Event(started=types_pb2.Snapshot(etag='"9"', incarnation="i")),
        Event(finished=Event.Finished(not_modified=True)),
    ],
}  # fmt: skip


@asynccontextmanager
async def _filled(path: Path, *scripts: Script) -> AsyncIterator[Mirrored]:
    """Runs a server that first plays a good export, which is mirrored, and then scripts."""
    async with playing(EXPORT, *scripts) as (address, _):
        mirror = Mirrored(address, path, is_async=True)
        await mirror.update()
        yield mirror


@pytest.mark.parametrize("name", FALSE)
async def test_a_false_stream_changes_nothing(tmp_path: Path, name: str) -> None:
    async with _filled(tmp_path / "m", FALSE[name]) as mirror:
        if name == "says that another etag holds":
            (tmp_path / "m" / "manifest.json").unlink()
        with pytest.raises(IncompleteError):
            await mirror.update()
        if (tmp_path / "m" / "manifest.json").exists():
            assert await mirror.read() == WHOLE
            assert await mirror.verify()


async def test_a_server_that_heeds_nothing_is_no_trouble(tmp_path: Path) -> None:
    async with _filled(tmp_path / "m", EXPORT, EXPORT) as mirror:
        assert not (await mirror.update()).changed
        assert await mirror.read() == WHOLE


async def test_a_server_that_always_breaks_is_given_up(tmp_path: Path) -> None:
    error = grpc.StatusCode.UNAVAILABLE
    async with _filled(tmp_path / "m", [STARTED, unchanged(0, 2), error]) as mirror:
        with pytest.raises(UnavailableError):
            await mirror.update()
        assert await mirror.read() == WHOLE


async def test_what_has_no_id_cannot_be_offered(tmp_path: Path) -> None:
    lines = b'{"resourceType":"Patient"}\n'
    with FakeServer() as server:
        server.put(1, "patients", lines)
        async with AsyncClient(server.address) as client:
            mirror = client.mirror(1, "patients", tmp_path / "m")
            with pytest.raises(ExportError, match="no resource with a type and an id"):
                async with mirror.changes() as changes:
                    _ = [change async for change in changes]

"""Shows that a mirror that is damaged, or of something else, mends itself or is refused."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fhirexport import IncompleteError
from fhirexport.testing import FakeServer
from support.mirroring import NINE, Mirrored, patients, segment_file, told

Damage = Callable[[Path], object]


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
    segment_file(mirror.path, 3).unlink()
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
    segment_file(mirror.path).unlink()
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
    file = segment_file(mirror.path, 2)
    content = file.read_bytes()
    other = segment_file(mirror.path, 1).read_bytes()
    file.write_bytes(content[:size] if size >= 0 else other)
    assert not (await mirror.update()).changed
    assert not await mirror.verify()
    update = await mirror.update()
    assert (update.mended, update.received_segments, update.changed) == ("damaged", 1, False)
    assert await mirror.verify()
    assert await mirror.read() == await mirror.export()


async def test_a_damaged_segment_that_is_compared_is_no_proof(mirror: Mirrored, server: FakeServer) -> None:
    await mirror.update()
    file = segment_file(mirror.path)
    file.write_bytes(segment_file(mirror.path, 1).read_bytes())
    server.put(1, "patients", NINE[1:])
    taken = await mirror.take()
    assert taken.whole
    assert len(taken.changes) == 8
    assert await mirror.read() == await mirror.export()
    assert await mirror.verify()


FOREIGN: dict[str, tuple[Damage, str]] = {
    "of another release": (_edit(format=2), "format"),
    "of another layout": (_edit(layout="bundle"), "format"),
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


@pytest.mark.parametrize(
    "other", [{"ej": 2}, {"dataset": "structure"}, {"dataset": "venues", "movements": True}]
)
async def test_a_mirror_of_another_export_is_refused(
    mirror: Mirrored, server: FakeServer, other: dict[str, Any]
) -> None:
    """Whoever applies what changes would delete all that it has of the first one."""
    server.put(2, "patients", NINE)
    await mirror.update()
    with pytest.raises(FileExistsError, match="is a mirror of the patients of EJ 1: give another folder"):
        await replace(mirror, **other).take()
    update = await mirror.update()
    assert (update.changed, update.mended) == (False, None)

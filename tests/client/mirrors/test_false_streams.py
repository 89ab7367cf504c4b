"""Shows that a mirror takes nothing that is not what the server has."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest
from fhirexport import AsyncClient, ExportError, IncompleteError, UnavailableError
from fhirexport.testing import FakeServer
from fhirexport.v1 import types_pb2
from support.mirroring import Mirrored
from support.scripted import LINES, WHOLE, Event, Script, chunk, digest_of, finished, part, playing, unchanged

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

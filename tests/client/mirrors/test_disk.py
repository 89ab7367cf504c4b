"""Shows that a mirror is whole when the disk is full or fails."""

import asyncio
import os
import resource
from pathlib import Path

import pytest
from fhirexport import Client
from fhirexport._internal.mirroring.folder import MirrorFolder
from fhirexport._internal.mirroring.manifest import MirroredExport
from fhirexport._internal.mirroring.session import Session
from fhirexport._internal.mirroring.transfer import Piece
from fhirexport.testing import FakeServer
from support.mirroring import NINE, Mirrored, patients, segment_file


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
    file = segment_file(mirror.path, 2)
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

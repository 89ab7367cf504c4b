"""Shows that a file that is saved is whole or not there, and that its target stays what it was."""

import asyncio
import errno
import os
import stat
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from fhirexport import AsyncClient, Client
from fhirexport._internal import files
from fhirexport._internal.files import whole_file
from support.command import fhirexport
from support.scripted import COMPLETE, WHOLE, playing
from support.server import PATIENCE

Save = Callable[[str, Path], Awaitable[Path]]


async def _save_sync(address: str, path: Path) -> Path:
    def save() -> Path:
        with Client(address) as client:
            return client.patients(1).save(path)

    return await asyncio.to_thread(save)


async def _save_async(address: str, path: Path) -> Path:
    async with AsyncClient(address) as client:
        return await client.patients(1).save(path)


async def _save_by_command(address: str, path: Path) -> Path:
    # Each reads the EJ's patients as NDJSON.
    status, _, errors = await fhirexport(address, "patients", "1", "--format", "ndjson", "-o", path)
    if status:
        raise OSError(errors)
    return path


@pytest.fixture(params=[_save_sync, _save_async, _save_by_command], ids=["sync", "async", "command"])
def save(request: pytest.FixtureRequest) -> Save:
    """Saves an export in one of the three ways."""
    way: Save = request.param
    return way


@pytest.fixture(params=[True, False], ids=["nameless", "named"])
def part(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Writes to a file without a name first, or to one with a name, as where the former cannot be had."""
    if not request.param:
        monkeypatch.setattr(files, "_NAMELESS", 0)


async def test_a_new_file_is_private_and_alone(save: Save, tmp_path: Path) -> None:
    target = tmp_path / "patients.ndjson"
    async with playing(COMPLETE) as (address, _):
        assert await save(address, target) == target
    assert target.read_bytes() == WHOLE
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [target]


async def test_a_link_is_followed_and_stays(save: Save, tmp_path: Path) -> None:
    (tmp_path / "exports").mkdir()
    file, link, dangling = (tmp_path / name for name in ("exports/1.ndjson", "latest", "next"))
    file.write_text("yesterday's")
    link.symlink_to("exports/1.ndjson")
    dangling.symlink_to("exports/2.ndjson")
    async with playing(COMPLETE) as (address, _):
        await save(address, link)
        await save(address, dangling)
    assert str(link.readlink()) == "exports/1.ndjson"
    assert str(dangling.readlink()) == "exports/2.ndjson"
    assert file.read_bytes() == (tmp_path / "exports/2.ndjson").read_bytes() == WHOLE
    assert sorted(path.name for path in file.parent.iterdir()) == ["1.ndjson", "2.ndjson"]


async def test_a_pipe_is_written_through(save: Save, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    async with playing(COMPLETE) as (address, _), asyncio.timeout(PATIENCE):
        reading = asyncio.create_task(asyncio.to_thread(fifo.read_bytes))
        await save(address, fifo)
        assert await reading == WHOLE
    assert fifo.is_fifo()


async def test_a_device_is_written_through(save: Save, tmp_path: Path) -> None:
    # A link of one's own to the device, so that a mistake breaks no machine.
    link = tmp_path / "null"
    link.symlink_to(os.devnull)
    async with playing(COMPLETE) as (address, _):
        await save(address, link)
        assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)
        assert link.is_symlink()
        full = tmp_path / "full"
        full.symlink_to("/dev/full")
        with pytest.raises(OSError, match="No space left on device"):
            await save(address, full)
    assert stat.S_ISCHR(Path("/dev/full").stat().st_mode)


async def test_permissions_stay(save: Save, tmp_path: Path) -> None:
    target = tmp_path / "patients.ndjson"
    target.write_text("yesterday's")
    target.chmod(0o640)
    async with playing(COMPLETE) as (address, _):
        await save(address, target)
    assert (stat.S_IMODE(target.stat().st_mode), target.read_bytes()) == (0o640, WHOLE)


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
@pytest.mark.usefixtures("part")
def test_an_owner_stays(tmp_path: Path) -> None:
    target = tmp_path / "patients.ndjson"
    target.write_text("yesterday's")
    os.chown(target, 1234, 1235)
    target.chmod(0o660)
    with whole_file(target) as file:
        file.write(b"today's")
    status = target.stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (1234, 1235, 0o660)


def test_what_was_granted_to_a_group_is_not_granted_to_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    target = tmp_path / "patients.ndjson"
    target.write_text("yesterday's")
    target.chmod(0o660)
    other = os.stat_result((*target.stat()[:4], 4242, 4242, *target.stat()[6:]))
    monkeypatch.setattr(os, "fchown", refuse)
    monkeypatch.setattr(Path, "stat", lambda _self: other)
    with whole_file(target) as file:
        file.write(b"today's")
    assert stat.S_IMODE(os.stat(target).st_mode) == 0o600  # noqa: PTH116 - the other one is replaced


@pytest.mark.usefixtures("part")
def test_a_block_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "patients.ndjson"
    target.write_text("yesterday's")
    for error in (ValueError, KeyboardInterrupt, SystemExit):
        with pytest.raises(error), whole_file(target) as file:
            file.write(b"today's")
            raise error
    assert target.read_text() == "yesterday's"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.usefixtures("part")
def test_two_at_once_are_both_whole_and_the_last_one_stays(tmp_path: Path) -> None:
    target = tmp_path / "patients.ndjson"
    with whole_file(target) as first:
        first.write(b"first" * 100_000)
        with whole_file(target) as second:
            second.write(b"second")
        assert target.read_bytes() == b"second"
    assert target.read_bytes() == b"first" * 100_000
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.usefixtures("part")
@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("none/patients.ndjson", errno.ENOENT),
        ("file/patients.ndjson", errno.ENOTDIR),
        ("folder", errno.EISDIR),
        ("loop", errno.ELOOP),
        ("x" * 256, errno.ENAMETOOLONG),
    ],
)
def test_what_cannot_be_written_is_named_as_it_was_given(tmp_path: Path, name: str, number: int) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(OSError, match=r".") as caught, whole_file(tmp_path / name):
        pass
    assert (caught.value.errno, caught.value.filename) == (number, str(tmp_path / name))
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.usefixtures("part")
def test_a_name_of_any_length_that_the_system_has_can_be_saved_to(tmp_path: Path) -> None:
    target = tmp_path / ("x" * 255)
    with whole_file(target) as file:
        file.write(b"today's")
    assert target.read_bytes() == b"today's"


def test_a_descriptor_is_written_to_where_it_is(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n")
    with log.open("ab", buffering=0) as opened:
        for name in (f"/dev/fd/{opened.fileno()}", f"/proc/self/fd/{opened.fileno()}"):
            with whole_file(Path(name)) as file:
                file.write(b"more\n")
        opened.write(b"after\n")
    assert log.read_text() == "before\nmore\nmore\nafter\n"


async def test_the_event_loop_goes_on_while_a_pipe_waits(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    async with playing(COMPLETE) as (address, _), asyncio.timeout(PATIENCE), AsyncClient(address) as client:
        saving = asyncio.create_task(client.patients(1).save(fifo))
        read: list[bytes] = []
        thread = threading.Thread(target=lambda: read.append(fifo.read_bytes()))
        # Nobody reads yet: a loop that were held up would never come to the next line.
        await asyncio.sleep(0)
        thread.start()
        await saving
        await asyncio.to_thread(thread.join)
    assert read == [WHOLE]

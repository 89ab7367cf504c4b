"""The files of a chain: how they go on after a kill, a full disk, a rotation and what people do to them."""

import os
import resource
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest
from fhirexport_server.audit.files import files_of, head_path
from fhirexport_server.audit.line_chain import ChainInUseError
from fhirexport_server.audit.verification import verify
from support.trails import NAME, assert_sound, chain, events, kinds, made

LINE = {"time": "t", "event": "begun", "call": "c"}


def test_a_file_is_for_its_owner_alone_and_names_what_it_follows(tmp_path: Path) -> None:
    made(tmp_path, 30, file_bytes=2000)
    paths = files_of(tmp_path, NAME)
    assert len(paths) > 3
    assert [path.name for path in paths] == sorted(path.name for path in tmp_path.glob("*.jsonl"))
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    opened = [event for event in events(tmp_path) if event["event"] == "opened"]
    assert [event["former"] for event in opened] == ["", *(path.name for path in paths[:-1])]
    for path, event in zip(paths, opened, strict=True):
        assert path.name == f"audit-{event['sequence']:015}.jsonl"
    assert_sound(tmp_path)


def test_a_chain_goes_on_where_it_ended(tmp_path: Path) -> None:
    made(tmp_path, 2)
    made(tmp_path, 1)
    assert kinds(tmp_path) == ["opened", "started", "begun", "begun", "started", "begun"]
    assert [event["sequence"] for event in events(tmp_path)] == [1, 2, 3, 4, 5, 6]
    assert_sound(tmp_path)


@pytest.mark.parametrize("kept", [1, 30, 76, 200])
def test_a_line_that_was_not_written_to_its_end_is_told_of_and_no_break(kept: int, tmp_path: Path) -> None:
    path = made(tmp_path, 2)
    torn = path.read_bytes().splitlines()[-1][:kept]
    with path.open("ab") as file:
        file.write(torn)
    before = verify(tmp_path, NAME)
    assert before.problems == []
    assert before.notes == [f"{path.name}:5: was not written to its end; the next start says so"]
    made(tmp_path, 1)
    (recovered,) = (event for event in events(tmp_path) if event["event"] == "recovered")
    assert recovered["torn"] == [{"bytes": len(torn), "sha256": sha256(torn).hexdigest()}]
    assert recovered["sequence"] == 5
    verdict = verify(tmp_path, NAME)
    assert verdict.problems == []
    assert verdict.notes == [f"{path.name}:5: was not written to its end, as line 5 says"]


def test_a_torn_line_that_is_changed_later_is_no_torn_line(tmp_path: Path) -> None:
    path = made(tmp_path, 2)
    with path.open("ab") as file:
        file.write(b'{"hash":"12')
    made(tmp_path, 0)
    path.write_bytes(path.read_bytes().replace(b'{"hash":"12\n', b'{"hash":"13\n'))
    assert verify(tmp_path, NAME).problems == [f"{path.name}:5: was added"]


def test_a_tail_that_is_gone_at_a_start_is_told_of_and_stays_missing(tmp_path: Path) -> None:
    path = made(tmp_path, 6)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:5]))
    made(tmp_path, 1)
    (recovered,) = (event for event in events(tmp_path) if event["event"] == "recovered")
    assert recovered["missing"] == {"first": 6, "last": 8}
    assert recovered["sequence"] == 9
    assert verify(tmp_path, NAME).problems == [f"lines 6 to 8 are missing before {path.name}:6"]


def test_files_that_are_gone_at_a_start_stay_missing(tmp_path: Path) -> None:
    made(tmp_path, 6).unlink()
    made(tmp_path, 1)
    assert kinds(tmp_path) == ["opened", "recovered", "begun"]
    assert verify(tmp_path, NAME).problems == [
        "lines 1 to 8 are missing before audit-000000000000009.jsonl:1"
    ]


def test_a_head_that_is_gone_or_damaged_is_told_of(tmp_path: Path) -> None:
    made(tmp_path, 2)
    head = head_path(tmp_path, NAME)
    head.unlink()
    assert verify(tmp_path, NAME).problems == [
        "audit.head: is not there, so that a cut-off end cannot be seen"
    ]
    made(tmp_path, 1)
    assert_sound(tmp_path)
    head.write_text("?")
    assert verify(tmp_path, NAME).problems == ["audit.head: is not the head of a chain"]
    made(tmp_path, 1)
    assert [event["head"] for event in events(tmp_path) if event["event"] == "recovered"] == ["unreadable"]


def test_nobody_else_appends_to_an_open_chain(tmp_path: Path) -> None:
    first = chain(tmp_path)
    with pytest.raises(ChainInUseError):
        chain(tmp_path)
    chain(tmp_path, name="audit.2").close()
    first.append([LINE])
    first.close()
    chain(tmp_path).close()
    assert_sound(tmp_path)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("")
    (tmp_path / "audit-000000000000001.jsonl").symlink_to(elsewhere)
    with pytest.raises(OSError, match="symbolic links"):
        chain(tmp_path)
    assert elsewhere.read_text() == ""


@contextmanager
def _largest_file(size: int) -> Iterator[None]:
    """No file of this process becomes larger: what a full disk does, in the middle of a line."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    former = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, former)


def test_what_a_full_disk_tore_is_told_of_when_there_is_room_again(tmp_path: Path) -> None:
    written = chain(tmp_path)
    written.append([LINE])
    (path,) = files_of(tmp_path, NAME)
    before = path.stat().st_size
    with _largest_file(before + 100):
        for _ in range(3):
            with pytest.raises(OSError, match="too large"):
                written.append([LINE])
            with pytest.raises(OSError, match="too large"):
                written.open({"time": "t", "event": "recovered"})
    written.open({"time": "t", "event": "recovered"})
    written.append([LINE])
    written.close()
    (recovered,) = (event for event in events(tmp_path) if event["event"] == "recovered")
    assert sum(torn["bytes"] for torn in recovered["torn"]) <= 100
    verdict = verify(tmp_path, NAME)
    assert verdict.problems == []
    assert len(verdict.notes) == len(recovered["torn"])


def test_a_file_that_was_moved_away_is_followed_by_a_new_one(tmp_path: Path) -> None:
    written = chain(tmp_path)
    written.append([LINE])
    (path,) = files_of(tmp_path, NAME)
    moved = tmp_path / "elsewhere"
    path.rename(moved)
    with pytest.raises(FileNotFoundError):
        written.append([LINE])
    written.open({"time": "t", "event": "recovered"})
    written.append([LINE])
    written.close()
    assert kinds(tmp_path) == ["opened", "recovered", "begun"]
    assert events(tmp_path)[1]["missing"] == {"first": 1, "last": 3}
    # Put back, nothing is missing: the chain is one.
    moved.rename(path)
    assert_sound(tmp_path)


def test_a_directory_that_is_gone_is_not_made_anew(tmp_path: Path) -> None:
    directory = tmp_path / "audit"
    directory.mkdir()
    written = chain(directory)
    directory.rename(tmp_path / "elsewhere")
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            written.append([LINE])
        with pytest.raises(FileNotFoundError):
            written.open({"time": "t", "event": "recovered"})
    (tmp_path / "elsewhere").rename(directory)
    written.open({"time": "t", "event": "recovered"})
    written.append([LINE])
    written.close()
    assert_sound(directory)


def test_a_failed_sync_is_followed_by_a_new_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = chain(tmp_path)

    def fails(_descriptor: int) -> None:
        raise OSError(5, os.strerror(5))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", fails)
        with pytest.raises(OSError, match=r"\[Errno 5\]"):
            written.append([LINE])
    written.open({"time": "t", "event": "recovered"})
    written.close()
    assert kinds(tmp_path) == ["opened", "started", "begun", "opened", "recovered"]
    assert len(files_of(tmp_path, NAME)) == 2
    assert_sound(tmp_path)

"""Damages a chain in each way, and compares the lines that `verify` names with those that were damaged."""

import hashlib
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from fhirexport_server.audit.files import files_of, head_path
from fhirexport_server.audit.lines import ChainLink, opened, sealed
from fhirexport_server.audit.verification import verify
from support.trails import NAME, assert_sound, chain, made

LINES = 8
"""`opened`, `started` and six more."""
Damage = Callable[[list[bytes]], list[bytes]]
FILE = "audit-000000000000001.jsonl"


def _forged(line: bytes, after: ChainLink, change: bytes = b"c-9") -> bytes:
    """Returns a line with another content, that agrees with its own hash."""
    fields = dict(opened(line).fields) | {"call": change.decode()}
    return sealed(fields, after)[0][:-1]


def _link(line: bytes) -> ChainLink:
    return opened(line).link


DAMAGES: dict[str, tuple[Damage, list[str]]] = {
    "a byte changed": (
        lambda lines: [*lines[:3], lines[3].replace(b"begun", b"Begun"), *lines[4:]],
        [f"{FILE}:4: was changed"],
    ),
    "three lines changed": (
        lambda lines: [line[:-2] + b"x}" if 3 <= place <= 5 else line for place, line in enumerate(lines)],
        [f"{FILE}:{number}: was changed" for number in (4, 5, 6)],
    ),
    "the last line changed": (
        lambda lines: [*lines[:-1], lines[-1].replace(b"c-5", b"c-6")],
        [f"{FILE}:8: was changed"],
    ),
    "a line replaced, with its hash": (
        lambda lines: [*lines[:3], _forged(lines[3], _link(lines[2])), *lines[4:]],
        [f"{FILE}:4: was replaced: {FILE}:5 follows another one"],
    ),
    "the last line replaced, with its hash": (
        lambda lines: [*lines[:-1], _forged(lines[-1], _link(lines[-2]))],
        [f"{FILE}:8: is not the line 8 that the file of the head names"],
    ),
    "a line removed": (
        lambda lines: [*lines[:3], *lines[4:]],
        [f"line 4 is missing before {FILE}:4"],
    ),
    "two lines removed": (
        lambda lines: [*lines[:3], *lines[5:]],
        [f"lines 4 to 5 are missing before {FILE}:4"],
    ),
    "the first lines removed": (
        lambda lines: lines[3:],
        [f"lines 1 to 3 are missing before {FILE}:1"],
    ),
    "two lines swapped": (
        lambda lines: [*lines[:3], lines[4], lines[3], *lines[5:]],
        [f"{FILE}:5: line 4 is out of its place"],
    ),
    "a line moved to the end": (
        lambda lines: [*lines[:3], *lines[4:], lines[3]],
        [f"{FILE}:8: line 4 is out of its place"],
    ),
    "a line doubled": (
        lambda lines: [*lines[:6], lines[2], *lines[6:]],
        [f"{FILE}:7: was added: there is a line 3 already"],
    ),
    "a line of no chain added": (
        lambda lines: [*lines[:3], b'{"event":"begun"}', *lines[3:]],
        [f"{FILE}:4: was added"],
    ),
    "a line forged and added": (
        lambda lines: [*lines[:4], _forged(lines[3], _link(lines[2])), *lines[4:]],
        [f"{FILE}:5: was added: there is a line 4 already"],
    ),
    "a line forged and added before the true one": (
        lambda lines: [*lines[:3], _forged(lines[3], _link(lines[2])), *lines[3:]],
        [f"{FILE}:4: was added: there is a line 4 already"],
    ),
    "a line forged and added at the end": (
        lambda lines: [*lines, _forged(lines[-1], _link(lines[-2]))],
        [
            f"{FILE}:9: is not the line 8 that the file of the head names",
            f"{FILE}:9: was added: there is a line 8 already",
        ],
    ),
    "the end cut off": (lambda lines: lines[:5], ["lines 6 to 8 are missing at the end"]),
    "all cut off": (lambda _: [], ["lines 1 to 8 are missing at the end"]),
    "several things at once": (
        lambda lines: [lines[0], lines[2], lines[3][:-2] + b"x}", *lines[4:7]],
        [
            f"{FILE}:3: was changed",
            "line 8 is missing at the end",
            f"line 2 is missing before {FILE}:2",
        ],
    ),
}


@pytest.mark.parametrize(("damage", "told"), DAMAGES.values(), ids=DAMAGES.keys())
def test_exactly_the_damaged_lines_are_named(damage: Damage, told: list[str], tmp_path: Path) -> None:
    path = made(tmp_path, LINES - 2)
    assert_sound(tmp_path)
    lines = path.read_bytes().splitlines()
    assert len(lines) == LINES
    path.write_bytes(b"".join(line + b"\n" for line in damage(lines)))
    assert verify(tmp_path, NAME).problems == told


def test_a_tail_cut_off_together_with_the_head_shows_by_a_head_kept_elsewhere(tmp_path: Path) -> None:
    path = made(tmp_path, LINES - 2)
    kept = verify(tmp_path, NAME).last
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:5]))
    head_path(tmp_path, NAME).write_text(f"{5:015}:{_link(lines[4][:-1]).hash}\n")
    assert verify(tmp_path, NAME).problems == []
    assert verify(tmp_path, NAME, head=kept).problems == ["lines 6 to 8 are missing at the end"]


def test_a_chain_written_anew_shows_by_a_head_kept_elsewhere(tmp_path: Path) -> None:
    made(tmp_path, LINES - 2)
    kept = verify(tmp_path, NAME).last
    for path in tmp_path.iterdir():
        path.unlink()
    made(tmp_path, LINES)
    assert verify(tmp_path, NAME).problems == []
    assert verify(tmp_path, NAME, head=kept).problems == [
        f"{FILE}:8: is not the line 8 that the head that was given names"
    ]


def test_files_taken_elsewhere_are_missing_unless_their_last_line_is_given(tmp_path: Path) -> None:
    first = made(tmp_path, 40, file_bytes=2000)
    second = files_of(tmp_path, NAME)[1]
    last = _link(first.read_bytes().splitlines()[-1])
    assert_sound(tmp_path)
    assert verify(tmp_path, NAME, after=last).problems == []
    first.unlink()
    missing = f"lines 1 to {last.sequence} are missing before {second.name}:1"
    assert verify(tmp_path, NAME).problems == [missing]
    assert verify(tmp_path, NAME, after=last).problems == []
    another = ChainLink(last.sequence, "0" * 64)
    assert verify(tmp_path, NAME, after=another).problems == [
        f"{second.name}:1: does not follow the line that it must"
    ]


def test_the_hash_of_a_line_can_be_checked_without_this_program(tmp_path: Path) -> None:
    path = made(tmp_path, 1)
    line = path.read_text().splitlines()[-1]
    command = """sed 's/"hash":"[0-9a-f]*",//' | tr -d '\\n' | sha256sum"""
    done = subprocess.run(["/bin/sh", "-c", command], input=line, capture_output=True, text=True, check=True)
    body = line.replace(f'"hash":"{_link(line.encode()).hash}",', "")
    assert done.stdout.split()[0] == _link(line.encode()).hash == hashlib.sha256(body.encode()).hexdigest()


def test_an_endless_gap_takes_no_memory(tmp_path: Path) -> None:
    path = made(tmp_path, 1)
    far = sealed({"time": "t", "event": "begun"}, ChainLink(10**17, "0" * 64))[0]
    path.write_bytes(path.read_bytes() + far)
    assert verify(tmp_path, NAME).problems == [f"lines 4 to {10**17} are missing before {FILE}:4"]


def test_verifying_beside_a_server_that_writes_finds_nothing_wrong(tmp_path: Path) -> None:
    written = chain(tmp_path, file_bytes=3000)
    for number in range(60):
        written.append([{"time": "t", "event": "begun", "call": str(number)}])
        assert verify(tmp_path, NAME).problems == []
    written.close()

"""Shows how files of keys are made and read, that a wrong one is refused whole, and that none is quoted."""

import asyncio
import contextlib
import re
from pathlib import Path

import pytest
from fhirexport_server.runtime.reading.kept_file import KeptFileError
from fhirexport_server.sealing.key_ring import KeyRing
from fhirexport_server.sealing.keys_file import KeysFileError, add_key, open_keys_file, read_keys_file
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs
from support.command import FHIREXPORT, environment, run

SECRET = "0123456789abcdef" * 4
OTHER = "f123456789abcdef" * 4
GOOD = f'naming = "{SECRET}"\n[[keys]]\nname = "a"\naes256 = "{OTHER}"\n'
WRONG = {
    "nothing": ("", "must have naming"),
    "no TOML": ("naming = ", "no TOML"),
    "no UTF-8": ("\udcff", "no TOML"),
    "no key": (f'naming = "{SECRET}"\nkeys = []', "1 to 16 keys"),
    "no keys": (f'naming = "{SECRET}"', "must have naming"),
    "no naming": (GOOD.partition("\n")[2], "must have naming"),
    "something else": (f"more = 1\n{GOOD}", "nothing else"),
    "something else in a key": (f"{GOOD}more = 1\n", "in each of"),
    "keys that are none": (f'naming = "{SECRET}"\nkeys = [1]', "in each of"),
    "a short secret": (GOOD.replace(OTHER, OTHER[2:]), "aes256 of a must be 64"),
    "an upper-case secret": (GOOD.replace(OTHER, OTHER.upper()), "lower case"),
    "a secret that is a number": (GOOD.replace(f'"{OTHER}"', "1"), "64"),
    "a secret of zeros": (GOOD.replace(OTHER, "0" * 64), "no secret"),
    "the same secret twice": (GOOD.replace(OTHER, SECRET), "twice"),
    "a name twice": (GOOD + f'[[keys]]\nname = "a"\naes256 = "{SECRET[::-1]}"', "one name"),
    "a long name": (GOOD.replace('"a"', f'"{"a" * 65}"'), "1 to 64"),
    "a name with a space": (GOOD.replace('"a"', '"a b"'), "1 to 64"),
    "17 keys": (
        GOOD + "".join(f'[[keys]]\nname = "k{n}"\naes256 = "{n:064x}"\n' for n in range(16, 32)),
        "1 to 16",
    ),
}


@pytest.mark.parametrize(("content", "told"), WRONG.values(), ids=WRONG)
def test_a_wrong_file_is_refused_whole(content: str, told: str) -> None:
    assert isinstance(read_keys_file(GOOD.encode()), KeyRing)
    with pytest.raises(KeysFileError, match=re.escape(told)) as refused:
        read_keys_file(content.encode("utf-8", "surrogateescape"))
    assert not re.search("[0-9a-f]{8}", str(refused.value), re.IGNORECASE)


@given(st.binary() | st.text().map(lambda text: f"{GOOD}{text}".encode("utf-8", "surrogatepass")))
def test_any_file_is_read_or_refused(content: bytes) -> None:
    with contextlib.suppress(KeysFileError):
        assert isinstance(read_keys_file(content), KeyRing)


def names(path: Path) -> list[str]:
    return re.findall(r'^name = "(.*)"$', path.read_text(), re.MULTILINE)


def test_keys_are_added_before_the_others_or_last(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    add_key(path, "first")
    assert path.stat().st_mode & 0o777 == 0o600
    naming = path.read_text().splitlines()[1]
    add_key(path, "second")
    add_key(path, "yet-to-come", last=True)
    assert names(path) == ["second", "first", "yet-to-come"]
    assert naming.startswith("naming = ")
    assert naming in path.read_text()
    ring = read_keys_file(path.read_bytes())
    assert b"second" in ring.seal((), b"")
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", ["bad", GOOD, f'naming="{SECRET}"\nkeys=[{{name="b",aes256="{OTHER}"}}]'])
def test_a_file_that_cannot_take_a_key_is_left_as_it_is(tmp_path: Path, content: str) -> None:
    path = tmp_path / "keys.toml"
    path.write_text(content)
    with pytest.raises(KeysFileError):
        add_key(path, "a")
    with pytest.raises(KeysFileError):
        add_key(path, "a/b")
    assert path.read_text() == content


async def test_the_command_makes_a_file_and_says_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    command = (FHIREXPORT.with_name("fhirexport-server"), "keys", "add", "2026-11", "--file", path)
    assert await run(command, tmp_path, environment("")) == (0, b"", "")
    assert names(path) == ["2026-11"]
    told = f"{path}: has a key of the name 2026-11 already\n"
    assert await run(command, tmp_path, environment("")) == (1, b"", told)


async def test_it_is_read_again_and_kept_while_it_is_wrong_or_open_to_others(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    add_key(path, "first")
    noted: list[str] = []
    kept = open_keys_file(path, noted.append)
    first = kept.current.seal((), b"clear")
    good = path.read_bytes()
    with capture_logs() as logs:
        for spoil in (lambda: path.write_text("bad"), lambda: path.chmod(0o604), lambda: path.chmod(0o620)):
            path.write_bytes(good)
            path.chmod(0o600)
            kept.check()
            assert not kept.refusing
            spoil()
            for _ in range(3):
                await asyncio.to_thread(kept.check)
            assert kept.refusing
            assert kept.current.unseal((), first) == b"clear"
    assert noted == ["refused"] * 3
    assert {line["event"] for line in logs} == {"cache_keys_refused"}
    assert "aes256" not in str(logs)
    path.chmod(0o440)
    add_key(path, "second")
    kept.check()
    assert (noted[-1], kept.refusing) == ("loaded", False)
    assert kept.current.unseal((), first) == b"clear"


@pytest.mark.parametrize("mode", [0o604, 0o606, 0o660, 0o644])
async def test_a_server_does_not_start_with_keys_that_others_may_read(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "keys.toml"
    add_key(path, "first")
    path.chmod(mode)
    with pytest.raises(KeptFileError, match=r"^CACHE_KEYS_FILE: may be read by others"):
        open_keys_file(path, lambda _: None)

"""Shows what `make dist` makes: the same bytes each time, sums, what it is made of, and a signature.

`make package` runs it.
"""

import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from zipfile import ZipFile

import pytest
from fhirexport._version import __version__

pytestmark = pytest.mark.timeout(900)
ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
NAMES = {
    "SHA256SUMS",
    f"fhirexport-{__version__}-py3-none-any.whl",
    f"fhirexport-{__version__}.cdx.json",
    f"fhirexport-{__version__}.tar.gz",
}
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def _done(*command: str | Path, cwd: Path = ROOT) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _built(directory: Path, **variables: str) -> Mapping[str, bytes]:
    """Build a copy of the repository's files in a directory; return what is released, by its name."""
    source = directory / "source"
    for name in _done("git", "ls-files").splitlines():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)  # with other times than those of the repository
    given = [f"{name}={value}" for name, value in {"SOURCE_COMMIT": COMMIT, **variables}.items()]
    _done("make", "-o", "setup", f"BIN={BIN}", f"DIST={directory}/dist", *given, "dist", cwd=source)
    return {
        path.name: path.read_bytes()
        for path in (directory / "dist").iterdir()
        if not path.name.startswith(".")
    }


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Mapping[str, bytes]]:
    directory = tmp_path_factory.mktemp("release")
    return directory / "dist", _built(directory)


def test_two_builds_are_the_same_bytes(release: tuple[Path, Mapping[str, bytes]], tmp_path: Path) -> None:
    assert set(release[1]) == NAMES
    assert _built(tmp_path / "another-folder") == release[1]


def test_the_sums_are_right(release: tuple[Path, Mapping[str, bytes]]) -> None:
    said = _done("sha256sum", "--check", "SHA256SUMS", cwd=release[0])
    assert {line.partition(":")[0] for line in said.splitlines()} == NAMES - {"SHA256SUMS"}


def test_both_say_which_commit_they_are_of(release: tuple[Path, Mapping[str, bytes]]) -> None:
    directory = release[0]
    with ZipFile(next(directory.glob("*.whl"))) as wheel:
        assert wheel.read("fhirexport_server/commit.txt").decode() == f"{COMMIT}\n"
    with tarfile.open(next(directory.glob("*.tar.gz"))) as archive:
        file = archive.extractfile(f"fhirexport-{__version__}/server/fhirexport_server/commit.txt")
        assert file is not None
        assert file.read().decode() == f"{COMMIT}\n"


def test_what_it_is_made_of_is_listed_with_hashes(release: tuple[Path, Mapping[str, bytes]]) -> None:
    content = json.loads(release[1][f"fhirexport-{__version__}.cdx.json"])
    assert content["bomFormat"] == "CycloneDX"
    assert content["metadata"]["component"]["name"] == "fhirexport"
    components = {each["name"]: each for each in content["components"]}
    locked = (ROOT / "requirements/server.lock").read_text()
    assert len(components) == locked.count("==") - locked.count(" == ")
    assert {"grpcio", "sqlalchemy", "redis", "cryptography"} <= set(components)


def test_the_sums_are_signed_where_a_key_is_given(tmp_path: Path) -> None:
    key = tmp_path / "key"
    _done("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "release", "-f", key)
    _built(tmp_path, SIGNING_KEY=str(key))
    allowed = tmp_path / "allowed"
    allowed.write_text(f"release {key.with_suffix('.pub').read_text()}")
    verify: Callable[[], subprocess.CompletedProcess[bytes]] = lambda: subprocess.run(  # noqa: E731 - twice below
        [
            "ssh-keygen",
            "-Y",
            "verify",
            "-f",
            allowed,
            "-I",
            "release",
            "-n",
            "file",
            "-s",
            tmp_path / "dist/SHA256SUMS.sig",
        ],
        input=(tmp_path / "dist/SHA256SUMS").read_bytes(),
        capture_output=True,
        check=False,
    )
    assert verify().returncode == 0
    with (tmp_path / "dist/SHA256SUMS").open("ab") as sums:
        sums.write(b"\n")
    assert verify().returncode != 0

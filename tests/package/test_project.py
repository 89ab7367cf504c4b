"""Shows that what the project says of itself is true: its metadata, its hooks, its targets."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_every_python_of_the_classifiers_is_tried_on_hosted_runners() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    tried = [each["python"] for each in workflow["jobs"]["test"]["strategy"]["matrix"]["include"]]
    prefix = "Programming Language :: Python :: "
    classifiers = PROJECT["project"]["classifiers"]
    assert tried == [each.removeprefix(prefix) for each in classifiers if each.startswith(prefix)]
    assert PROJECT["project"]["requires-python"] == f">={tried[0]}"


def test_the_licence_is_the_one_that_the_metadata_names() -> None:
    (name,) = PROJECT["project"]["license-files"]
    title, version = (ROOT / name).read_text().split("\n")[:2]
    assert (title.strip(), version.strip()) == ("Apache License", "Version 2.0, January 2004")
    assert PROJECT["project"]["license"] == "Apache-2.0"


def test_what_make_quick_runs_is_there() -> None:
    done = _run("make", "--no-print-directory", "-n", "-o", "setup", "quick", cwd=ROOT)
    rooms = [word for word in done.stdout.split() if word.startswith("tests/")]
    assert rooms
    assert [room for room in rooms if not (ROOT / room).exists()] == []


def test_make_test_runs_a_part_of_the_suite() -> None:
    done = _run(
        "make", "--no-print-directory", "-n", "-o", "setup", "test", "K=sqlite and revisions", cwd=ROOT
    )
    assert done.stdout.endswith(' -k "sqlite and revisions"\n')


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository whose hooks are on."""
    shutil.copytree(ROOT / ".githooks", tmp_path / ".githooks")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/bin").symlink_to(BIN)
    (tmp_path / "protos").mkdir()
    for arguments in (
        ("init", "--quiet"),
        ("config", "user.name", "A"),
        ("config", "user.email", "a@b.example"),
        ("config", "core.hooksPath", ".githooks"),
    ):
        assert _run("git", *arguments, cwd=tmp_path).returncode == 0
    return tmp_path


@pytest.mark.parametrize(
    ("path", "wrong", "right"),
    [
        ("tests/hello.py", "import os\n", "assert True\n"),  # what ruff checks
        ("tests/hello.py", "assert  True\n", "assert True\n"),  # what ruff formats
        (
            "protos/hello.proto",
            'syntax = "proto3";\npackage hello;\nmessage Hello  {}\n',
            'syntax = "proto3";\npackage hello;\nmessage Hello {}\n',
        ),
    ],
)
def test_a_commit_is_checked(path: str, wrong: str, right: str, clone: Path) -> None:
    (clone / path).parent.mkdir(exist_ok=True)
    for content, accepted in ((wrong, False), (right, True)):
        (clone / path).write_text(content)
        assert _run("git", "add", path, cwd=clone).returncode == 0
        done = _run("git", "commit", "--quiet", "--message", "Hello", cwd=clone)
        assert (done.returncode == 0) is accepted, done.stdout + done.stderr


def _run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    # Neither what a hook is told of its repository, nor what make is told of its own.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "MAKE"))}
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=60
    )

"""Shows that compiled modules export, import and refuse what the plain ones do; `make verify` runs it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.programs import needs

# mypyc makes C of Python; a machine that has only Python cannot compile it.
pytestmark = [pytest.mark.timeout(900), needs("cc", "make")]
ROOT = Path(__file__).parents[3]
BIN = Path(sys.executable).parent
MODULES = ROOT / "build/compiled/modules"


def _make(target: str, *variables: str) -> str:
    command = ("make", "-o", "setup", f"BIN={BIN}", target, *variables)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _digest(directory: Path, *paths: Path) -> list[str]:
    directory.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "verification.compiled.digest", directory],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (*paths, ROOT / "tests")))},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return done.stdout.splitlines()


def test_compiled_modules_do_what_the_plain_ones_do(tmp_path: Path) -> None:
    _make("compiled")
    plain, compiled = _digest(tmp_path / "plain"), _digest(tmp_path / "compiled", MODULES)
    assert (plain[0], compiled[0]) == ("plain", "compiled")
    assert compiled[1:] == plain[1:]
    assert " passed" in _make("quick", "COMPILED=1")
    assert " passed" in _make("test", "COMPILED=1", "K=imports and sqlite")

"""Shows that the generated code is current and that the protos keep their rules and their promises."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
GENERATED = ROOT / "client" / "fhirexport" / "v1"


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the pinned generator makes of the protos now, with the descriptor set beside it."""
    out = tmp_path_factory.mktemp("generated")
    subprocess.run(
        [sys.executable, ROOT / "protos" / "generate.py", out, out / "api.binpb"],
        check=True,
        env=os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"},
    )
    return out


def _buf(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BIN / "buf", *arguments], cwd=ROOT / "protos", capture_output=True, text=True, check=False
    )


def test_the_committed_code_is_what_the_generator_makes(generated: Path) -> None:
    made = {path.name: path.read_text() for path in (generated / "fhirexport" / "v1").glob("*.py*")}
    committed = {path.name: path.read_text() for path in GENERATED.glob("*.py*") if path.is_file()}
    assert committed == made


def test_the_protos_are_linted(generated: Path) -> None:
    result = _buf("lint", generated / "api.binpb", "--path", "fhirexport", "--config", "buf.yaml")
    assert (result.returncode, result.stdout) == (0, "")


def test_the_protos_break_nothing_that_was_released(generated: Path) -> None:
    result = _buf(
        "breaking", generated / "api.binpb", "--against", "released.binpb",
        "--path", "fhirexport", "--config", "buf.yaml",
    )  # fmt: skip
    assert (result.returncode, result.stdout) == (0, "")


def test_a_change_that_breaks_callers_is_seen(tmp_path: Path) -> None:
    protos = tmp_path / "fhirexport" / "v1"
    protos.mkdir(parents=True)
    for proto in (ROOT / "protos" / "fhirexport" / "v1").glob("*.proto"):
        changed = proto.read_text().replace("int64 ej_id = 1;", "string ej_id = 1;")
        (protos / proto.name).write_text(changed)
    (tmp_path / "generate.py").write_text((ROOT / "protos" / "generate.py").read_text())
    subprocess.run(
        [sys.executable, tmp_path / "generate.py", tmp_path / "out", tmp_path / "api.binpb"],
        check=True,
        env=os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"},
    )
    result = _buf(
        "breaking", tmp_path / "api.binpb", "--against", "released.binpb",
        "--path", "fhirexport", "--config", "buf.yaml",
    )  # fmt: skip
    assert result.returncode != 0
    assert 'changed type from "int64" to "string"' in result.stdout

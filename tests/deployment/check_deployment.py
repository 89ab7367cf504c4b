"""Shows what the tools that the files of deploy/ are for say of them. `make deployment` runs it.

It stands beside the suite because these tools are large, and systemd's are the machine's.
"""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from fhirexport import AsyncClient, UnavailableError
from fhirexport_server.demo.group import batches
from fhirexport_server.store.loader import load
from fhirexport_server.store.migrate import migrate
from support.documented import blocks
from support.programs import needs

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
DEPLOY = ROOT / "deploy"
PAGE = "docs/deployment.md"
UNITS = sorted(path.name for path in (DEPLOY / "systemd").glob("*.service"))
VERSIONS = ("1.32.0", "1.36.0")
"""Of Kubernetes: an old one, and a new one."""


def _done(*command: str | Path, cwd: Path = ROOT) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units, with the programs where they are here."""
    for name in UNITS:
        text = (DEPLOY / "systemd" / name).read_text()
        (tmp_path / name).write_text(text.replace("/opt/fhirexport/bin", str(BIN)))
    return tmp_path


@needs("systemd-analyze")
def test_systemd_understands_the_units(units: Path) -> None:
    assert _done("systemd-analyze", "verify", *(units / name for name in UNITS)) == ""


@needs("systemd-analyze")
@pytest.mark.parametrize("name", UNITS)
def test_a_unit_exposes_little(name: str, units: Path) -> None:
    said = _done("systemd-analyze", "security", "--offline=true", "--threshold=20", units / name)
    (exposure,) = re.findall(r"Overall exposure level for \S+: (\S+) OK", said)
    page = (ROOT / PAGE).read_text()
    assert f"whose exposure is {exposure} of 10" in page


@needs("systemd-sysusers", "systemd-tmpfiles")
def test_systemd_understands_the_user_and_the_folders(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    sysusers, tmpfiles = (DEPLOY / f"systemd/fhirexport.{kind}.conf" for kind in ("sysusers", "tmpfiles"))
    _done("systemd-sysusers", f"--root={root}", sysusers)
    assert re.search(
        r"^fhirexport:.*:/var/lib/fhirexport:/usr/sbin/nologin$",
        (root / "etc/passwd").read_text(),
        re.MULTILINE,
    )
    _done("systemd-tmpfiles", "--create", f"--root={root}", tmpfiles)
    modes = {
        path.name: oct(path.stat().st_mode & 0o777) for path in (root / "etc").rglob("*") if path.is_dir()
    }
    assert modes == {"fhirexport": "0o750", "tls": "0o750", "credentials": "0o700"}


WITHOUT_EXECUTABLE_MEMORY = """
import ctypes, os, sys
PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN = 65, 1
assert ctypes.CDLL(None).prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) == 0
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.mark.timeout(600)
async def test_the_server_does_without_memory_that_is_written_and_executed(tmp_path: Path) -> None:
    """The unit's MemoryDenyWriteExecute: some libraries make code as they run."""
    url = f"sqlite:///{tmp_path}/demo.db"
    migrate(url)
    load(url, batches(patients=20))
    variables = {"DATABASE_URL": url, "LISTEN_ADDRESS": f"unix:{tmp_path}/sock", "METRICS_ADDRESS": "off"}
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WITHOUT_EXECUTABLE_MEMORY, BIN / "fhirexport-server", "serve",
        cwd=tmp_path, env=os.environ | variables | {"DRAIN_DELAY": "0"}, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with AsyncClient(f"unix:{tmp_path}/sock", timeout=60) as client, asyncio.timeout(300):
            while True:
                try:
                    assert [patient async for patient in client.patients(1)]
                    break
                except UnavailableError:
                    assert server.returncode is None
                    await asyncio.sleep(0.2)
    finally:
        if server.returncode is None:
            server.terminate()
        assert await server.wait() == 0


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    assert (
        _done(BIN / "hadolint", "--no-fail", "--failure-threshold", "style", DEPLOY / "container/Dockerfile")
        == ""
    )


def test_compose_understands_its_file() -> None:
    assert _done(BIN / "docker-compose", "--file", DEPLOY / "compose/compose.yaml", "config", "--quiet") == ""


def test_promtool_understands_prometheus_configuration(tmp_path: Path) -> None:
    promtool = shutil.which("promtool", path=f"{BIN}:/usr/bin") or "promtool"
    config = (DEPLOY / "compose/prometheus.yml").read_text()
    for name in ("ca.pem", "client.pem", "client-key.pem"):
        (tmp_path / name).touch()
    (tmp_path / "prometheus.yml").write_text(config.replace("/run/secrets", str(tmp_path)))
    for name in ("rules.yml", "objectives.yml"):
        shutil.copy(DEPLOY / "prometheus" / name, tmp_path)
    assert "SUCCESS" in _done(promtool, "check", "config", tmp_path / "prometheus.yml")


@pytest.fixture
def overlay(tmp_path: Path) -> Path:
    """The overlay of the page, beside the base."""
    shutil.copytree(DEPLOY / "kubernetes/base", tmp_path / "base")
    (text,) = [block.text for block in blocks(PAGE) if block.first_line == "# kustomization.yaml"]
    directory = tmp_path / "overlay"
    directory.mkdir()
    (directory / "kustomization.yaml").write_text(text)
    (directory / "policy.toml").write_text("# of the hospital\n")
    return directory


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_accepts_the_objects(version: str, overlay: Path, tmp_path: Path) -> None:
    for number, directory in enumerate((DEPLOY / "kubernetes/base", overlay)):
        text = _done(BIN / "kubectl", "kustomize", directory)
        file = tmp_path / f"{number}.yaml"
        file.write_text(text)
        said = _done(BIN / "kubernetes-validate", "--strict", "-k", version, file)
        unchecked = re.findall(r"Couldn't find schema for kind (\w+)", said)
        assert unchecked == ["ServiceMonitor"]
        objects = list(yaml.safe_load_all(text))
        assert said.count(" passed for resource ") == len(objects) - 1


def test_the_overlay_changes_what_it_names(overlay: Path) -> None:
    objects: list[Mapping[str, object]] = list(
        yaml.safe_load_all(_done(BIN / "kubectl", "kustomize", overlay))
    )
    text = str(objects)
    assert "'image': 'registry.hospital.example/fhirexport:" in text
    assert text.count("# of the hospital") == 1
    assert "cache:admin" not in text
    assert {
        str(dict(each["metadata"])["namespace"]) for each in objects if isinstance(each["metadata"], dict)
    } == {"fhirexport"}

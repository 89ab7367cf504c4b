"""Shows what `pip install` of the built wheel gives, in fresh environments. `make package` runs it.

It stands beside the suite because it asks the package index for the newest releases that the ranges allow.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest
from fhirexport import __version__
from fhirexport_server.settings import Settings
from support.server import NO_REDIS, PATIENCE
from support.valkey import Valkey

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
UV = BIN / "uv"
RELEASES = ("locked", "newest", "oldest")
"""Of each dependency: the one of requirements/dev.lock, the newest and the oldest of its range."""
SERVERS_OWN = {
    "alembic",
    "msgspec",
    "prometheus_client",
    "psycopg",
    "pydantic",
    "redis",
    "sqlalchemy",
    "structlog",
}
COMMANDS_OWN = {"rich", "typer"}
SERVING = ("", "fhirexport.v1.ExportService", "fhirexport.v1.ImportService", "fhirexport.cache")
IMPORT = """
import sys, time
began, work = time.perf_counter(), time.process_time()
import fhirexport
print(time.perf_counter() - began, time.process_time() - work)
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""

Install = Callable[[str, str], Path]


def _run(*command: str | Path, cwd: Path = ROOT, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=cwd,
        env=_environment() | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def _environment() -> dict[str, str]:
    settings = {name.upper() for name in Settings.model_fields}
    return {name: value for name, value in os.environ.items() if name not in settings}


def _done(*command: str | Path, cwd: Path = ROOT, **variables: str) -> str:
    done = _run(*command, cwd=cwd, **variables)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source distribution, as an index would serve it."""
    directory = tmp_path_factory.mktemp("dist")
    _done(UV, "build", "--quiet", "--no-build-isolation", "--python", sys.executable, "--out-dir", directory)
    (wheel,) = directory.glob("*.whl")
    return wheel


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Install:
    """Installs the wheel with an extra and releases of RELEASES; returns where its programs are."""
    made: dict[tuple[str, str], Path] = {}

    def install(extra: str, releases: str) -> Path:
        if (extra, releases) not in made:
            directory = tmp_path_factory.mktemp(f"{releases}-{extra or 'client'}")
            constraints = _constraints(directory, releases)
            _done(UV, "venv", "--quiet", "--python", sys.executable, directory / "venv")
            _done(
                UV, "pip", "install", "--quiet", "--compile-bytecode", "--constraints", constraints,
                "--python", directory / "venv", f"{wheel}[{extra}]" if extra else wheel,
            )  # fmt: skip
            made[extra, releases] = directory / "venv/bin"
        return made[extra, releases]

    return install


def _constraints(directory: Path, releases: str) -> Path:
    constraints = directory / "constraints.txt"
    if releases == "locked":
        return ROOT / "requirements/dev.lock"
    if releases == "newest":
        constraints.touch()
    else:
        _done(
            UV, "pip", "compile", "--quiet", "--resolution", "lowest-direct", "--extra", "server",
            "--python", sys.executable, "pyproject.toml", "-o", constraints,
        )  # fmt: skip
    return constraints


def test_the_wheel_brings_its_licence(wheel: Path) -> None:
    with ZipFile(wheel) as content:
        (licence,) = [name for name in content.namelist() if name.endswith(".dist-info/licenses/LICENSE")]
        assert content.read(licence) == (ROOT / "LICENSE").read_bytes()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("releases", RELEASES)
def test_the_client_alone_knows_nothing_of_the_server(
    releases: str, installed: Install, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bins = installed("", releases)
    times = []
    for _ in range(5):
        seconds, work, *modules = _done(bins / "python", "-c", IMPORT, cwd=tmp_path).split()
        times.append((float(seconds), float(work)))
        assert not {"fhirexport_server", *SERVERS_OWN, *COMMANDS_OWN} & set(modules)
    with capsys.disabled():
        seconds, work = map(min, zip(*times, strict=True))
        print(f"\n`import fhirexport`, {releases}: {seconds:.3f} s, {work:.3f} s of work")  # noqa: T201 - the figure
    missing = {*SERVERS_OWN, *COMMANDS_OWN}
    program = f"import importlib.util as u; print([name for name in {missing} if u.find_spec(name)])"
    assert _done(bins / "python", "-c", program, cwd=tmp_path) == "[]\n"
    for command, extra in (("fhirexport-server", "server"), ("fhirexport", "cli")):
        done = _run(bins / command, "--version", cwd=tmp_path)
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
        assert done.stderr.endswith(f"is missing: pip install 'fhirexport[{extra}]'\n")


@pytest.fixture
def database(tmp_path: Path) -> dict[str, str]:
    """The settings of a server, with a database that is not there yet."""
    return {
        "DATABASE_URL": f"sqlite:///{tmp_path}/fhirexport.db",
        "LISTEN_ADDRESS": "127.0.0.1:0",
        "METRICS_ADDRESS": "off",
        "DRAIN_DELAY": "0",
        "REDIS_URL": NO_REDIS,
    }


@pytest.mark.timeout(600)
@pytest.mark.parametrize("releases", RELEASES)
async def test_the_server_migrates_fills_and_serves(
    releases: str, installed: Install, database: dict[str, str], valkey: Valkey, tmp_path: Path
) -> None:
    bins = installed("server", releases)
    database["REDIS_URL"] = valkey.url
    program = bins / "fhirexport-server"
    assert _done(program, "--version", cwd=tmp_path).startswith(f"fhirexport-server {__version__}\ncommit ")
    assert _done(bins / "fhirexport", "--version", cwd=tmp_path) == f"fhirexport {__version__}\n"
    assert _done(program, "migrate", cwd=tmp_path, **database) == ""
    assert _done(program, "demo", "--patients", "20", cwd=tmp_path, **database) == ""
    log_file = tmp_path / "server.log"
    with log_file.open("wb") as log:
        server = await asyncio.create_subprocess_exec(
            program,
            "serve",
            cwd=tmp_path,
            env=_environment() | database,
            stdin=subprocess.DEVNULL,
            stderr=log,
        )
    try:
        async with asyncio.timeout(PATIENCE):
            while (address := _listening(log_file)) is None:
                assert server.returncode is None, log_file.read_text()
                await asyncio.sleep(0.1)
            for service in SERVING:
                while await _health(address, service) != "SERVING":
                    await asyncio.sleep(0.1)
        call = "fhirexport.v1.ExportService/ExportStructure"
        status, answer, _ = await _grpcurl("-d", '{"ej_id": 1}', address, call)
        assert status == 0
        resources = [entry["resource"] for entry in json.loads(json.loads(answer)["json"])["entry"]]
        assert {resource["resourceType"] for resource in resources} == {"Organization", "Location"}
        status, answer, error = await _grpcurl(address, "grpc.health.v1.Health/List")
        if releases == "newest":
            assert set(json.loads(answer)["statuses"]) >= {"", "fhirexport.v1.ImportService"}
        else:  # the library does not know the method
            assert (status, "does not include a method" in error) == (1, True), error
        reader = f"from fhirexport import Client; print(len(Client('{address}').structure(1).read()))"
        assert int(_done(bins / "python", "-c", reader, cwd=tmp_path)) > 0
    finally:
        if server.returncode is None:
            server.terminate()
        async with asyncio.timeout(PATIENCE):
            status = await server.wait()
    assert status == 0, log_file.read_text()
    events = [json.loads(line) for line in log_file.read_text().splitlines()]
    assert [event for event in events if event["level"] in {"error", "critical"}] == []


def _listening(log_file: Path) -> str | None:
    for line in log_file.read_text().splitlines(keepends=True):
        if line.endswith("\n") and (event := json.loads(line))["event"] == "listening":
            return str(event["address"])
    return None


async def _health(address: str, service: str) -> str:
    request = json.dumps({"service": service})
    status, answer, _ = await _grpcurl("-d", request, address, "grpc.health.v1.Health/Check")
    return str(json.loads(answer)["status"]) if status == 0 else ""


async def _grpcurl(*arguments: str) -> tuple[int, str, str]:
    program = await asyncio.create_subprocess_exec(
        BIN / "grpcurl", "-plaintext", "-emit-defaults", *arguments,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    out, err = await program.communicate()
    return program.returncode or 0, out.decode(), err.decode()

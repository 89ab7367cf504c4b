"""Shows that `make serve` and `make demo` work for who has just cloned the repository, with any settings."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from fhirexport import AsyncClient
from fhirexport_server.demo.group import batches
from fhirexport_server.settings import Settings
from fhirexport_server.store.loader import load
from support.server import ROOT, ServerProcess, make_serve, wait_for_health
from support.valkey import Valkey

BROUGHT = "Started a Valkey for the cache: unix://"
FILLED = "with the demo group"
BIN = Path(sys.executable).parent


def _made(*arguments: str | Path) -> str:
    done = subprocess.run(
        ["make", "--no-print-directory", "-C", ROOT, "-o", "setup", f"BIN={BIN}", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL"}},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _printed(directory: Path) -> str:
    return (directory / "out.log").read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_it_serves_the_demo_group_with_a_valkey_that_ends_with_it(
    number: signal.Signals, tmp_path: Path
) -> None:
    async with make_serve(tmp_path) as server:
        (line,) = [line for line in _printed(tmp_path).splitlines() if line.startswith(BROUGHT)]
        socket = Path(line.removeprefix(BROUGHT))
        assert socket.exists()
        children = psutil.Process(server.process.pid).children()
        assert [child.name() for child in children] == ["valkey-server"]
        await wait_for_health(server.address, service="fhirexport.cache")
        async with AsyncClient(server.address) as client:
            assert [entity.ej_id async for entity in client.entities()] == [1, 2, 3]
            health = await client.cache.health()
        assert (health.state, health.warnings) == ("healthy", ())
        assert await server.stopped(send=number) == 0
        assert not any(child.is_running() for child in children)
        assert not socket.parent.exists()
    # The same group again, and no other one.
    async with make_serve(tmp_path) as server:
        assert FILLED not in _printed(tmp_path)


async def test_ctrl_c_is_for_the_server_alone(tmp_path: Path) -> None:
    """A terminal sends it to every program: a Valkey that left before the server would be an incident."""
    async with make_serve(tmp_path) as server:
        await wait_for_health(server.address, service="fhirexport.cache")
        for child in psutil.Process(server.process.pid).children():
            child.send_signal(signal.SIGINT)
        assert await server.stopped(send=signal.SIGINT) == 0
        assert "cache_unavailable" not in server.log()


async def test_it_serves_with_the_example_of_settings(tmp_path: Path) -> None:
    shutil.copy(ROOT / ".env.example", tmp_path / ".env")
    async with make_serve(tmp_path) as server, AsyncClient(server.address) as client:
        assert [entity.ej_id async for entity in client.entities()] == [1, 2, 3]
        await wait_for_health(server.address, service="fhirexport.cache")
    assert (tmp_path / "fhirexport.db").exists()


@pytest.mark.parametrize("of_a_file", [False, True])
async def test_what_the_user_has_set_is_used(
    of_a_file: bool,  # noqa: FBT001 - a case of the test
    new_database: Callable[[str], str],
    own_valkey: Valkey,
    tmp_path: Path,
) -> None:
    url = new_database("sqlite")
    load(url, batches(patients=3))
    variables = {"DATABASE_URL": url, "REDIS_URL": own_valkey.url}
    if of_a_file:
        (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in variables.items()))
    async with make_serve(tmp_path, **({} if of_a_file else variables)) as server:
        await wait_for_health(server.address, service="fhirexport.cache")
        assert not _children(server)
        async with AsyncClient(server.address) as client:
            assert [done.error async for done in client.cache.warm([1])] == [None] * 3
    assert BROUGHT not in _printed(tmp_path)
    assert FILLED not in _printed(tmp_path)
    assert not (tmp_path / "demo.db").exists()


async def test_without_a_cache_there_is_no_valkey(tmp_path: Path) -> None:
    async with make_serve(tmp_path, CACHE_ENABLED="false") as server:
        assert not _children(server)


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "client" / "serve.py"],
        cwd=tmp_path,
        env=_without_settings() | {"MAX_RENDERINGS": "none"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("MAX_RENDERINGS: ")
    assert list(tmp_path.iterdir()) == []


def test_make_serve_is_this_program() -> None:
    assert _made("-n", "serve").split() == ["exec", str(BIN / "python"), "client/serve.py"]


def test_make_http_is_the_envoy_of_the_page() -> None:
    command = _made("-n", "http").strip().replace(str(BIN), ".venv/bin")
    assert f"`{command}`" in (ROOT / "docs" / "http.md").read_text()


def test_make_demo_says_what_it_does_and_what_to_type_next() -> None:
    lines = _made("demo").splitlines()
    assert lines[0].startswith("Filling demo.db")
    rows = [line.split("│") for line in lines if "venues, with movements" in line]
    source, resources, rendered = (cell.strip() for cell in rows[-1][2:5])
    assert source == "database"
    assert 0 < int(rendered) < int(resources.replace(",", "")) / 10, "what one movement changes is rendered"
    assert [line.split()[0] for line in lines[-2:]] == ["make", ".venv/bin/fhirexport"]


def test_setup_says_what_it_does_before_it_does_it() -> None:
    """Pip prints a line for each package: nobody watches a minute of nothing."""
    recipe = (ROOT / "Makefile").read_text().partition("$(VENV)/.ready:")[2].partition("\n\n")[0]
    steps = recipe.splitlines()[1:]
    assert steps[0].startswith("\t@echo ")
    (locked,) = [step for step in steps if "requirements/dev.lock" in step]
    assert "--quiet" not in locked


def _children(server: ServerProcess) -> list[psutil.Process]:
    return psutil.Process(server.process.pid).children()


def _without_settings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.lower() not in Settings.model_fields}

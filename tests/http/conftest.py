"""A server with Envoy in front of it, and a shell with curl, for the tests of HTTP."""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from support.beside import beside
from support.envoy import Envoy, running_envoy
from support.server import running_server, server_process, wait_for_health

STAND_IN = "stand-in"
CURLS = [STAND_IN, *(["curl"] if shutil.which("curl") else [])]


@pytest.fixture
async def envoy(small_url: str, tmp_path: Path) -> AsyncIterator[Envoy]:
    """Envoy in front of a server of the small hospital."""
    async with running_server(small_url) as server:
        await wait_for_health(server)
        async with running_envoy(tmp_path, server) as envoy:
            yield envoy


@pytest.fixture(scope="module")
def shared_envoy(
    new_small: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Envoy]:
    """The same, for the tests of a module: what they ask leaves nothing behind that another would see."""
    directory = tmp_path_factory.mktemp("envoy")

    @asynccontextmanager
    async def served() -> AsyncIterator[Envoy]:
        async with (
            server_process(directory, new_small("sqlite")) as server,
            running_envoy(directory, server.address) as envoy,
        ):
            yield envoy

    with beside(served()) as envoy:
        yield envoy


@pytest.fixture(params=CURLS)
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str, Envoy], Awaitable[str]]:
    """Runs a documented line against an Envoy, in a directory of the test's own; returns what it prints.

    With the curl of this machine, where there is one, and with the stand-in, so that the two agree.
    """
    bins = tmp_path / "bin"
    bins.mkdir()
    if request.param == STAND_IN:
        stand_in = bins / "curl"
        stand_in.write_text(
            f'#!/bin/sh\nexec "{sys.executable}" "{Path(__file__).with_name("curl.py")}" "$@"\n'
        )
        stand_in.chmod(0o755)
    path = os.pathsep.join([str(bins), str(Path(sys.executable).parent), os.environ["PATH"]])

    async def run(line: str, envoy: Envoy) -> str:
        process = await asyncio.create_subprocess_shell(
            line.replace("localhost:8000", envoy.address),
            cwd=tmp_path,
            env=os.environ | {"PATH": path},
            stdout=asyncio.subprocess.PIPE,
        )
        printed, _ = await process.communicate()
        return printed.decode()

    return run

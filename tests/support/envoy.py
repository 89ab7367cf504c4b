"""Runs the real Envoy for a test, with the configuration that is shipped."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psutil

from support.server import PATIENCE

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "deploy" / "envoy.yaml"
ENVOY = Path(sys.executable).with_name("envoy")


@dataclass(frozen=True)
class Answer:
    """One HTTP answer."""

    status: int
    headers: Mapping[str, str]
    """By lower-case name."""
    text: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON has any shape
        """What the body says."""
        return json.loads(self.text)


@dataclass(frozen=True)
class Envoy:
    """A running Envoy."""

    port: int

    @property
    def address(self) -> str:
        """Where it serves HTTP and gRPC."""
        return f"localhost:{self.port}"

    async def ask(self, path: str, *, method: str = "GET", body: str | None = None, **headers: str) -> Answer:
        """Sends one request; in the names of headers, underscores stand for hyphens."""
        return await asyncio.to_thread(self._ask, path, method, body, headers)

    def _ask(self, path: str, method: str, body: str | None, headers: Mapping[str, str]) -> Answer:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body=None if body is None else body.encode(), headers=named)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, found, answer.read().decode())
        finally:
            connection.close()


@asynccontextmanager
async def running_envoy(
    directory: Path, server: str, *, replace: Mapping[str, str] | None = None
) -> AsyncIterator[Envoy]:
    """Runs Envoy in front of a server until the end of the context.

    Args:
      directory: Where its configuration and its log go.
      server: The gRPC server's address, on 127.0.0.1.
      replace: What to change in the configuration beside the two ports, each exactly once.
    """
    config = directory / "envoy.yaml"
    changes = {
        "port_value: 8000": "port_value: 0",
        "port_value: 50051": f"port_value: {server.split(':')[1]}",
    }
    config.write_text(_replaced(CONFIG.read_text(), changes | dict(replace or {})))
    log_file = directory / "envoy.log"
    with log_file.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            ENVOY, "-c", config, "--concurrency", "1", "--disable-hot-restart", "--log-level", "warning",
            cwd=ROOT, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        async with asyncio.timeout(PATIENCE):
            while (port := _listening(process.pid)) is None:
                assert process.returncode is None, log_file.read_text()
                await asyncio.sleep(0.02)
        yield Envoy(port)
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


def _replaced(text: str, changes: Mapping[str, str]) -> str:
    for old, new in changes.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def _listening(pid: int) -> int | None:
    try:
        connections = psutil.Process(pid).net_connections(kind="inet")
    except psutil.NoSuchProcess:
        return None
    ports = [found.laddr.port for found in connections if found.status == psutil.CONN_LISTEN]
    return ports[0] if ports else None

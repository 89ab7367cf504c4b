"""What a stranger has: a fresh clone, an empty home, terminals, and the pages in an order."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml
from support.documented import ROOT, pages
from support.server import PATIENCE
from support.terminal import fresh_environment

_OF_THE_ROOT = {"index.md": "README.md", "contributing.md": "CONTRIBUTING.md"}
_SETTINGS = "deploy/envoy.yaml"


@dataclass(frozen=True)
class Visit:
    """What a page took."""

    page: str
    typed: int
    """Commands and programs that were run."""
    elsewhere: int
    """Blocks that another test tries: see `trying`."""
    minutes: float
    """Until the last of them had ended; that somebody reads it comes on top."""
    words: int


def order() -> list[str]:
    """Return the pages in the order of the site's navigation; the README comes first."""
    named = (_OF_THE_ROOT.get(name, f"docs/{name}") for name in navigation())
    people_read = set(pages())
    return [page for page in named if page in people_read]


def navigation() -> Iterator[str]:
    """Return the pages of the site by their files, in the order of its navigation."""
    return _names(yaml.safe_load((ROOT / "docs/site/mkdocs.yml").read_text())["nav"])


def _names(nav: object) -> Iterator[str]:
    if isinstance(nav, str):
        yield nav
    elif isinstance(nav, Mapping):
        for part in nav.values():
            yield from _names(part)
    elif isinstance(nav, Sequence):
        for part in nav:
            yield from _names(part)


def cloned(directory: Path) -> Path:
    """Clone the repository, with what is changed here and not committed; return the clone."""
    clone = directory / "fhirexport"
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    changed = subprocess.run(
        ["git", "ls-files", "--modified", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, changed.stdout.split("\0")):
        if (ROOT / name).exists():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, clone / name)
        else:
            (clone / name).unlink()
    return clone


@dataclass(frozen=True)
class Ports:
    """Where the servers of this walk listen, for others may have the ports of the pages on this machine."""

    grpc: int
    metrics: int
    http: int

    @classmethod
    def free(cls) -> "Ports":
        """Find three."""
        sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
        ports = [taken.getsockname()[1] for taken in sockets]
        for taken in sockets:
            taken.close()
        return cls(*ports)

    @property
    def address(self) -> str:
        """The server's."""
        return f"127.0.0.1:{self.grpc}"

    @property
    def replace(self) -> dict[str, str]:
        """What stands in the pages for these."""
        return {"localhost:50051": self.address, "localhost:8000": f"localhost:{self.http}"}

    @property
    def variables(self) -> dict[str, str]:
        """What they are for the server and its callers."""
        return {
            "LISTEN_ADDRESS": self.address,
            "METRICS_ADDRESS": f"127.0.0.1:{self.metrics}",
            "FHIREXPORT_ADDRESS": self.address,
        }

    def put_into(self, clone: Path) -> None:
        """Have `make http` of a clone listen there, and find the server."""
        text = (clone / _SETTINGS).read_text()
        for written, port in {"port_value: 8000": self.http, "port_value: 50051": self.grpc}.items():
            assert text.count(written) == 1
            text = text.replace(written, f"port_value: {port}")
        (clone / _SETTINGS).write_text(text)


@asynccontextmanager
async def left_running(
    line: str, directory: Path, environment: Mapping[str, str], port: int
) -> AsyncIterator[None]:
    """Type a line in a terminal of its own, wait until it listens; press Ctrl-C at the end of the context."""
    log = directory / f"{port}.log"
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *("bash", "-c", f"exec {line}"),
            cwd=directory,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        async with asyncio.timeout(PATIENCE):
            while not await _listens(port):
                assert process.returncode is None, f"{line} has ended:\n{log.read_text()}"
                await asyncio.sleep(0.1)
        yield
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGINT)
            async with asyncio.timeout(PATIENCE):
                await process.wait()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return False
    writer.close()
    return True


def environment(home: Path) -> dict[str, str]:
    """Return what somebody has who has just logged in; Make finds the Python of these tests."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return fresh_environment(home) | {"PYTHON": str(Path(sys.base_prefix) / "bin" / version)}

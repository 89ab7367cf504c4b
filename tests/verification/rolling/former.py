"""A server of a former release: its sources as Git has them, run by this environment's Python."""

import asyncio
import os
import subprocess
import sys
import tarfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path

from fhirexport_server.settings import Settings
from support.server import NO_REDIS, PATIENCE, ROOT, wait_for_health

MIGRATIONS = 12
"""How often a migration is tried. Each gives up after a minute of waiting for locks."""
_REVISIONS = "server/fhirexport_server/store/migrations/versions"


def latest() -> str:
    """Return the former release: the last tag; without one, the last commit with an older schema."""
    tags = _git("tag", "--merged", "HEAD^", "--sort=-creatordate").split()
    if tags:
        return tags[0]
    newest = max((ROOT / _REVISIONS).glob("r*.py")).name
    added = _git("log", "--diff-filter=A", "--format=%h", "--", f"{_REVISIONS}/{newest}").split()
    return _git("rev-parse", "--short", f"{added[-1]}^").strip()


def _git(*arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=ROOT, check=True, capture_output=True, encoding="utf-8"
    ).stdout


def sources(reference: str, directory: Path) -> Path:
    """Unpack the sources of a commit; return the directory."""
    packed = subprocess.run(
        ["git", "archive", reference, "client", "server"], cwd=ROOT, check=True, capture_output=True
    )
    with tarfile.open(fileobj=BytesIO(packed.stdout)) as archive:
        archive.extractall(directory, filter="data")
    return directory


def schema(tree: Path) -> str:
    """Return the revision of the schema that some sources are written for."""
    names: dict[str, str] = {}
    exec((tree / "server/fhirexport_server/store/schema_version.py").read_text(), names)  # noqa: S102 - our own file
    return str(names["HEAD"])


def environment(tree: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """Return the environment in which Python finds the packages of a tree before those that are installed."""
    found = {name: value for name, value in os.environ.items() if name.lower() not in Settings.model_fields}
    path = os.pathsep.join((str(tree / "client"), str(tree / "server")))
    fixed = {"PYTHONPATH": path, "METRICS_ADDRESS": "off", "REDIS_URL": NO_REDIS, "DRAIN_DELAY": "1"}
    return {**found, **fixed, **variables}


async def migrate(tree: Path, url: str, directory: Path) -> int:
    """Bring a database to the schema of a release; return how often that was tried: others may hold locks."""
    for attempt in range(1, MIGRATIONS + 1):
        if await _command(tree, url, directory, "migrate") == 0:
            return attempt
    raise AssertionError("the schema could not be migrated")


async def fill(tree: Path, url: str, directory: Path, patients: int) -> None:
    """Make the schema of a release in an empty database, and the rows of its demo group."""
    if await _command(tree, url, directory, "demo", "--patients", str(patients)):
        raise AssertionError("the database could not be filled")


async def _command(tree: Path, url: str, directory: Path, *command: str) -> int:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "fhirexport_server", *command),
        cwd=directory,
        env=environment(tree, {"DATABASE_URL": url}),
        stdout=asyncio.subprocess.DEVNULL,
    )
    return await process.wait()


@asynccontextmanager
async def server(
    tree: Path, directory: Path, variables: Mapping[str, str], *, serving: bool = True
) -> AsyncIterator[None]:
    """Run a server of some sources, until the end of the context; then drain it.

    Args:
        tree: The sources.
        directory: Where it runs; its log is `server.log` there.
        variables: Its settings.
        serving: Whether to wait until it serves; else, until it says that it does not yet.
    """
    directory.mkdir()
    with (directory / "server.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "fhirexport_server", "serve"),
            cwd=directory,
            env=environment(tree, variables),
            stdin=asyncio.subprocess.DEVNULL,
            stderr=log,
        )
    try:
        await wait_for_health(variables["LISTEN_ADDRESS"], serving=serving)
        yield
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(PATIENCE):
            if await process.wait():
                raise AssertionError(f"a server has failed: {directory / 'server.log'}")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()

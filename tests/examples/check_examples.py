"""Runs each program of examples/ against a real server, as its first lines say. `make examples` runs it."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest
from fhirexport_server.demo.group import batches
from fhirexport_server.store.loader import load
from fhirexport_server.store.migrate import migrate
from support.programs import needs
from support.server import PATIENCE, ServerProcess, server_process

pytestmark = pytest.mark.timeout(900)
ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
EXAMPLES = ROOT / "examples"
TRIED = {"consumer.py", "consumer_async.py", "mirror.py", "export.sh", "node/consumer.mjs"}


class Served(NamedTuple):
    """A server with the demo group, of 800 patients in its first EJ."""

    server: ServerProcess
    database: Path


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo group, filled once."""
    file = tmp_path_factory.mktemp("demo") / "demo.db"
    migrate(f"sqlite:///{file}")
    load(f"sqlite:///{file}", batches())
    return file


@pytest.fixture
async def served(demo: Path, tmp_path: Path) -> AsyncIterator[Served]:
    database = tmp_path / "demo.db"
    shutil.copy(demo, database)
    async with server_process(tmp_path, f"sqlite:///{database}") as server:
        yield Served(server, database)


def _ran(served: Served, *command: str | Path) -> tuple[int, str, str]:
    done = subprocess.run(
        command,
        env=os.environ | {"FHIREXPORT_ADDRESS": served.server.address, "PATH": f"{BIN}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    return done.returncode, done.stdout, done.stderr


def _ids(file: Path) -> list[str]:
    return [json.loads(line)["id"] for line in file.read_text().splitlines()]


def test_every_example_is_tried_and_is_in_the_table_of_the_page() -> None:
    programs = {
        str(path.relative_to(EXAMPLES))
        for path in EXAMPLES.rglob("*")
        if path.suffix in {".py", ".sh", ".mjs"} and "node_modules" not in path.parts
    }
    assert programs == TRIED
    page = (ROOT / "docs/examples.md").read_text()
    assert [name for name in sorted(TRIED) if f"`{name}`" not in page] == []


def test_the_consumer_fetches_only_what_is_new(served: Served, tmp_path: Path) -> None:
    directory = tmp_path / "patients"
    status, first, errors = _ran(served, sys.executable, EXAMPLES / "consumer.py", directory)
    assert (status, errors) == (0, "")
    assert first.splitlines()[0].startswith("010780054: 800 patients, ")
    assert len(_ids(directory / "010780054.ndjson")) == 800
    _, second, _ = _ran(served, sys.executable, EXAMPLES / "consumer.py", directory)
    assert second == "010780054: nothing new\n750712184: nothing new\n2A0000014: nothing new\n"
    _write(served, "UPDATE patient SET birth_date = '1980-01-01' WHERE id = 1")
    _, third, _ = _ran(served, sys.executable, EXAMPLES / "consumer.py", directory)
    assert [line.endswith(": nothing new") for line in third.splitlines()] == [False, True, True]


def _write(served: Served, statement: str) -> None:
    with closing(sqlite3.connect(served.database)) as connection, connection:
        assert connection.execute(statement).rowcount


def test_the_asyncio_consumer_counts_resources(served: Served) -> None:
    status, out, errors = _ran(served, sys.executable, EXAMPLES / "consumer_async.py", "1")
    assert (status, errors) == (0, "")
    counts = {name: int(number) for name, number in (line.split() for line in out.splitlines())}
    assert (counts["Patient"], counts["Encounter"], counts["Organization"] + counts["Location"]) == (
        800,
        4431,
        150,
    )


def test_the_mirror_takes_what_has_changed(served: Served, tmp_path: Path) -> None:
    command: Callable[[], tuple[int, str, str]] = lambda: _ran(  # noqa: E731 - it is called twice below
        served, sys.executable, EXAMPLES / "mirror.py", "1", tmp_path / "mirror", "1"
    )
    assert command() == (0, "800 new or changed, 0 gone\n", "")
    with closing(sqlite3.connect(served.database)) as connection, connection:
        connection.execute("DELETE FROM movement WHERE venue_id = 2")
        connection.execute("DELETE FROM venue WHERE id = 2")
    assert command() == (0, "0 new or changed, 1 gone\n", "")
    with closing(sqlite3.connect(tmp_path / "mirror/venues.db")) as copy:
        assert copy.execute("SELECT count(*) FROM encounter").fetchone() == (799,)


@needs("jq")
def test_grpcurl_and_jq_are_enough(served: Served, tmp_path: Path) -> None:
    status, out, errors = _ran(served, EXAMPLES / "export.sh", "010780054", tmp_path / "out")
    assert (status, out, errors) == (0, "150 units and places, 800 venues\n", "")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["structure.json", "venues.ndjson"]
    status, _, _ = _ran(served, EXAMPLES / "export.sh", "000000000", tmp_path / "other")
    assert status != 0
    assert list((tmp_path / "other").iterdir()) == []


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example in Node.js, with what its lock names."""
    directory = tmp_path_factory.mktemp("node")
    shutil.copytree(
        EXAMPLES / "node", directory / "examples/node", ignore=shutil.ignore_patterns("node_modules")
    )
    (directory / "deploy").mkdir()
    shutil.copy(ROOT / "deploy/fhirexport.binpb", directory / "deploy")
    done = subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=directory / "examples/node", capture_output=True, text=True, check=False, timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return directory / "examples/node/consumer.mjs"


@needs("node", "npm")
def test_another_language_needs_the_protos_alone(node: Path, served: Served, tmp_path: Path) -> None:
    file = tmp_path / "patients.ndjson"
    status, out, errors = _ran(served, "node", node, "1", "DATASET_PATIENTS", file)
    assert (status, errors) == (0, "")
    assert out == f"800 resources, {file.stat().st_size} bytes\n"
    assert len(_ids(file)) == 800
    status, out, errors = _ran(served, "node", node, "99", "DATASET_PATIENTS", tmp_path / "none.ndjson")
    assert (status, out, errors.startswith("there is no legal entity (EJ) 99")) == (1, "", True)
    assert not list(tmp_path.glob("none*"))

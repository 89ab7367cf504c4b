"""Shows that what the pages tell people to type does what they say, in the order of the page.

Each page is read as a reader reads it: on what `make serve` starts, with Envoy in front of it as `make http`
starts it, in one shell and one directory. What a block is decides how it is tried: see `_TRIES`. A block that
cannot be tried has its reason in `NOT_TRIED`.
"""

import json
import shutil
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from fhirexport import AsyncClient
from fhirexport_server.demo.group import batches
from fhirexport_server.store.loader import load
from fhirexport_server.store.migrate import migrate
from support.documented import BIN, ELLIPSIS, ROOT, Block, blocks, matches, pages
from support.envoy import running_envoy
from support.server import make_serve, wait_for_health
from support.terminal import Terminal, terminal

NOT_TRIED = {
    (
        "README.md",
        "make demo",
    ): "tests/documentation/check_make.py runs make demo; make test runs this",
    ("README.md", "fhirexport-server certificates demo tls | grep -e ^TLS_CERT -e ^TLS_KEY > .env"): (
        "it takes a server of its own; check_five_commands.py types the lines"
    ),
    ("README.md", "export FHIREXPORT_CA=tls/ca.pem FHIREXPORT_TOKEN_FILE=laboratory.token"): (
        "it takes that server; check_five_commands.py types the lines"
    ),
    ("docs/architecture.md", "protos/                    the contract"): "a picture of the folders",
    ("docs/deployment.md", "python3.11 -m venv /opt/fhirexport"): (
        "it installs, as root; tests/deployment/check_deployment.py tries the user, the folders and the units"
    ),
    ("docs/deployment.md", "systemctl daemon-reload"): "it takes a machine that systemd runs",
    ("docs/deployment.md", "make image"): (
        "it takes an engine for containers; tests/deployment/check_compose.py runs what that would run"
    ),
    ("docs/deployment.md", "cd deploy/compose/secrets"): (
        "tests/deployment/check_compose.py asks the same of the same services"
    ),
    ("docs/http.md", "make http"): "each page is tried with it running, on a port of the test's own",
    (
        "docs/operations.md",
        "# Debian 13, Ubuntu 24.04 and later (before: redis-server); it is started at once",
    ): ("it installs programs, with the rights of root or in an engine for containers"),
    ("docs/releases.md", "sha256sum --check SHA256SUMS"): (
        "it takes a release and a key; tests/package/check_release.py makes both, and does it"
    ),
    ("docs/security.md", "fhirexport-server certificates demo tls > .env"): (
        "it takes a server of its own; tests/rpc/test_tls.py does the same"
    ),
    ("docs/security.md", "fhirexport-server certificates demo tls | grep -e ^TLS_CERT -e ^TLS_KEY > .env"): (
        "it takes a server of its own; tests/client/test_bearer_tokens.py does the same"
    ),
    (
        "docs/operations.md",
        "-- Where it comes from:",
    ): "two PostgreSQL servers; tests/store/test_replication.py has them",
}
"""Blocks that are not tried, by their page and first line, with the reason."""

ELSEWHERE = {"docs/operations.md": "tests/documentation/check_operations.py tries them, each in its trouble"}
"""Pages whose blocks of `console` another test tries."""

WRITES: dict[str, str] = {}
"""Pages that change the demo group, each with the reason; such a page has to tell its reader so."""


@dataclass(frozen=True)
class Reader:
    """Somebody who follows a page."""

    terminal: Terminal
    client: AsyncClient
    directory: Path
    """Where the lines are typed."""
    database: Path


async def _console(block: Block, reader: Reader) -> None:
    """Type each line. Where the block shows what they print, compare it; else they have to succeed."""
    shown = any(command.expected for command in block.commands)
    for command in block.commands:
        line, expected = command.line, command.expected
        if not shutil.which("jq") and " | jq " in line:
            line, expected = line.partition(" | jq ")[0], ELLIPSIS
        answer = await reader.terminal.type(line)
        where = f"{block.page}, in the block of line {block.line_no}:\n$ {line}\n{answer.printed[:4000]}"
        if shown:
            assert matches(expected, answer.printed), where
        if not shown or expected in {"", ELLIPSIS}:
            assert answer.status == 0, where


async def _python(block: Block, reader: Reader) -> None:
    """Run it as a program; a warning is an error."""
    text = block.text
    for written, real in reader.terminal.replace.items():
        text = text.replace(written, real)
    (reader.directory / "program.py").write_text(text)
    answer = await reader.terminal.type("python -W error program.py")
    assert answer.status == 0, f"{block.page}, the program of line {block.line_no}:\n{answer.printed[-4000:]}"


async def _json(block: Block, reader: Reader) -> None:
    """Parse each document; a FHIR resource is sent as an import that writes nothing, and has no error."""
    lines = block.text.splitlines() if block.language == "ndjson" else [block.text]
    for line in lines:
        document = json.loads(line)
        imports = reader.client.imports
        if document.get("resourceType") == "Bundle":
            summary = await imports.bundle(line.encode(), ej_id=1, validate_only=True)
        elif "resourceType" in document:
            summary = await imports.resources(json.dumps(document).encode(), ej_id=1, validate_only=True)
        else:
            continue
        errors = [problem for problem in summary.problems if problem.severity == "error"]
        assert not errors, f"{block.page}, the example of line {block.line_no}: {errors}"


async def _sql(block: Block, reader: Reader) -> None:
    """Run it on a copy of the demo group, on SQLite."""
    with (
        closing(sqlite3.connect(reader.database)) as demo,
        closing(sqlite3.connect(":memory:")) as copy,
    ):
        demo.backup(copy)
        copy.executescript(block.text)


async def _toml(block: Block, reader: Reader) -> None:
    """Write the file that its first line names, for the commands below it."""
    name = block.first_line.removeprefix("# ")
    assert name.endswith(".toml"), f"{block.page}, line {block.line_no}: name the file, as in # policy.toml"
    (reader.directory / name).write_text(block.text)


_TRIES: dict[str, Callable[[Block, Reader], Awaitable[None]]] = {
    "console": _console,
    "python": _python,
    "json": _json,
    "ndjson": _json,
    "sql": _sql,
    "toml": _toml,
}


def _tried(block: Block) -> bool:
    """Say whether a block is tried on a server."""
    if block.language == "console" and block.page in ELSEWHERE:
        return False
    return block.language in _TRIES and (block.page, block.first_line) not in NOT_TRIED


def _excused(block: Block) -> bool:
    """Say whether a block is tried in another way, or has a reason not to be."""
    elsewhere = block.language == "console" and block.page in ELSEWHERE
    return elsewhere or block.language == "yaml" or (block.page, block.first_line) in NOT_TRIED


def _with_blocks() -> list[str]:
    return [page for page in pages() if any(map(_tried, blocks(page)))]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make serve` fills, made once."""
    file = tmp_path_factory.mktemp("demo") / "demo.db"
    migrate(f"sqlite:///{file}")
    load(f"sqlite:///{file}", batches())
    return file


@asynccontextmanager
async def _reading(directory: Path, demo: Path) -> AsyncIterator[Reader]:
    here, there = directory / "reader", directory / "server"
    there.mkdir()
    shutil.copy(demo, there / "demo.db")
    async with make_serve(there) as server:
        await wait_for_health(server.address, service="fhirexport.cache")
        async with (
            running_envoy(there, server.address) as envoy,
            AsyncClient(server.address) as client,
            terminal(
                here,
                {
                    "localhost:50051": server.address,
                    "localhost:8000": envoy.address,
                    ".venv/bin/": f"{BIN}/",
                },
                {"FHIREXPORT_ADDRESS": server.address},
            ) as shell,
        ):
            yield Reader(shell, client, here, there / "demo.db")


def _rows(database: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return what an export can show: the tables of data, without revisions and audit."""
    tables = sorted({batch.table for batch in batches(patients=1)})
    with closing(sqlite3.connect(database)) as connection:
        return {
            table: sorted(connection.execute(f"SELECT * FROM {table}").fetchall(), key=repr)
            for table in tables
        }


@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", _with_blocks())
async def test_what_a_page_says_happens(page: str, demo: Path, tmp_path: Path) -> None:
    async with _reading(tmp_path, demo) as reader:
        before = _rows(reader.database)
        for block in blocks(page):
            if _tried(block):
                await _TRIES[block.language](block, reader)
        after = _rows(reader.database)
    changed = [table for table, rows in before.items() if rows != after[table]]
    assert bool(changed) == (page in WRITES), (
        f"{page} changes {changed} of the demo group, which its reader would miss: have its examples write"
        " nothing (validate_only), or invented rows that they take away again; or say in the page that it"
        " writes, and put it into WRITES"
    )


@pytest.mark.parametrize("page", pages())
def test_each_block_is_tried_or_has_a_reason(page: str) -> None:
    left = [
        f"{page}:{block.line_no}: ```{block.language} {block.first_line}"
        for block in blocks(page)
        if not _tried(block) and not _excused(block)
    ]
    assert left == [], (
        f"nothing tries these blocks. Give each a language that is tried ({', '.join(_TRIES)}, yaml;"
        " commands are `console`, with `$ ` before them, and what they print below, `…` for what differs), or"
        " put its first line into NOT_TRIED with the reason"
    )


@pytest.mark.parametrize("page", pages())
def test_yaml_is_yaml(page: str) -> None:
    for block in blocks(page):
        if block.language == "yaml":
            assert yaml.safe_load(block.text)


def test_the_reasons_are_of_blocks_that_are_there() -> None:
    there = {(page, block.first_line) for page in pages() for block in blocks(page)}
    assert [key for key in NOT_TRIED if key not in there] == []
    assert set(ELSEWHERE) | set(WRITES) <= set(pages())


@pytest.mark.parametrize("page", pages())
def test_no_block_is_overlooked(page: str) -> None:
    lines = (ROOT / page).read_text().splitlines()
    fences = [line for line in lines if line.lstrip().startswith(("```", "~~~"))]
    assert len(fences) == 2 * len(blocks(page))
    fenced = {
        block.line_no + number for block in blocks(page) for number in range(len(block.text.splitlines()) + 1)
    }
    indented = [
        number
        for number, (before, line) in enumerate(pairwise(lines), 2)
        if not before.strip() and line.startswith("    ") and number not in fenced
    ]
    assert indented == [], f"lines {indented} of {page} are a block without a fence: give it one"

"""What the blocks of the pages are tried with: each language's way, and the blocks that are tried elsewhere.

A block is typed as a reader types it, on what `make serve` and `make http` start. One that cannot be has its
reason in `NOT_TRIED`. check_pages.py tries each page by itself, check_walk.py all of them in one order.
"""

import json
import shutil
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from fhirexport import AsyncClient
from fhirexport_server.demo.group import batches
from support.documented import ELLIPSIS, Block, matches
from support.terminal import Terminal

NOT_TRIED = {
    (
        "README.md",
        "make demo",
    ): "check_walk.py types make demo; make test runs all of this",
    ("README.md", "fhirexport-server certificates demo tls | grep -e ^TLS_CERT -e ^TLS_KEY > .env"): (
        "it takes a server of its own; check_walk.py types the lines"
    ),
    ("README.md", "export FHIREXPORT_CA=tls/ca.pem FHIREXPORT_TOKEN_FILE=laboratory.token"): (
        "it takes that server; check_walk.py types the lines"
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
        "it takes a server of its own; check_walk.py types the lines"
    ),
    ("docs/security.md", "fhirexport-server certificates demo tls | grep -e ^TLS_CERT -e ^TLS_KEY > .env"): (
        "it takes a server of its own; check_walk.py types the lines"
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


TRIES: dict[str, Callable[[Block, Reader], Awaitable[None]]] = {
    "console": _console,
    "python": _python,
    "json": _json,
    "ndjson": _json,
    "sql": _sql,
    "toml": _toml,
}


def is_tried(block: Block) -> bool:
    """Say whether a block is tried on a server."""
    if block.language == "console" and block.page in ELSEWHERE:
        return False
    return block.language in TRIES and (block.page, block.first_line) not in NOT_TRIED


def is_excused(block: Block) -> bool:
    """Say whether a block is tried in another way, or has a reason not to be."""
    elsewhere = block.language == "console" and block.page in ELSEWHERE
    return elsewhere or block.language == "yaml" or (block.page, block.first_line) in NOT_TRIED


def rows_of(database: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return what an export can show: the tables of data, without revisions and audit."""
    tables = sorted({batch.table for batch in batches(patients=1)})
    with closing(sqlite3.connect(database)) as connection:
        return {
            table: sorted(connection.execute(f"SELECT * FROM {table}").fetchall(), key=repr)
            for table in tables
        }

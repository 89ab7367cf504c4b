"""Shows that the README's commands, run against the demo group, print what the README says."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from fhirexport_server.demo.group import batches
from fhirexport_server.store.loader import load
from support.server import running_server, wait_for_health

README = (Path(__file__).parents[1] / "README.md").read_text()
BIN = Path(sys.executable).parent
COMMANDS = [
    (command, expected.rstrip("\n"))
    for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    for command, expected in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
]
ELLIPSIS = "…"


def _matcher(expected: str) -> re.Pattern[str]:
    """A line that is an ellipsis stands for any lines, an ellipsis inside a line for the rest of a value."""
    lines = [
        "(?:.*\n)*?" if line == ELLIPSIS else re.escape(line).replace(ELLIPSIS, ".*?") + "\n"
        for line in expected.split("\n")
    ]
    return re.compile("".join(lines))


@pytest.fixture(scope="module")
def demo_url(new_database: Callable[[str], str]) -> str:
    url = new_database("sqlite")
    load(url, batches())
    return url


@pytest.fixture
async def address(demo_url: str) -> AsyncIterator[str]:
    async with running_server(demo_url) as address:
        await wait_for_health(address)
        yield address


def test_there_are_commands_to_try() -> None:
    assert len(COMMANDS) >= 10


@pytest.mark.parametrize(("command", "expected"), COMMANDS, ids=[command[:60] for command, _ in COMMANDS])
async def test_a_command_prints_what_the_readme_says(
    command: str, expected: str, address: str, tmp_path: Path
) -> None:
    process = await asyncio.create_subprocess_shell(
        command.replace("localhost:50051", address),
        cwd=tmp_path,
        env=os.environ
        | {"PATH": f"{BIN}:{os.environ['PATH']}", "FHIREXPORT_ADDRESS": address, "COLUMNS": "100"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    printed = output.decode()
    assert _matcher(expected).fullmatch(printed if printed.endswith("\n") else printed + "\n"), printed

"""Shows that the README's commands, run against the demo group, print what the README says."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from fhirexport_server.demo.group import batches
from fhirexport_server.store.loader import load
from support.documented import Command, commands, matches, output
from support.server import running_server, wait_for_health

COMMANDS = commands("README.md")


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


@pytest.mark.parametrize("command", COMMANDS, ids=[command.line[:60] for command in COMMANDS])
async def test_a_command_prints_what_the_readme_says(command: Command, address: str, tmp_path: Path) -> None:
    line = command.line.replace("localhost:50051", address)
    printed = await output(line, tmp_path, {"FHIREXPORT_ADDRESS": address})
    assert matches(command.expected, printed), printed

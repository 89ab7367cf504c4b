"""Shows that the commands of docs/http.md, run one after the other, print what it says."""

import hashlib
import json
import re
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from fhirexport_server.demo.group import batches
from fhirexport_server.store.loader import load
from support.envoy import ROOT, Envoy, running_envoy
from support.server import running_server, wait_for_health

COMMANDS = [
    (command, expected)
    for block in re.findall(r"```console\n(.*?)```", (ROOT / "docs" / "http.md").read_text(), re.DOTALL)
    for command, expected in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
]
ELLIPSIS = "…"
ANYTHING = f"{ELLIPSIS}\n"


@pytest.fixture(scope="module")
def demo_url(new_database: Callable[[str], str]) -> str:
    url = new_database("sqlite")
    load(url, batches())
    return url


def _matches(expected: str, printed: str) -> bool:
    """A line that is an ellipsis stands for anything, an ellipsis inside a line for the rest of a value."""
    if expected == ANYTHING:
        return bool(printed)
    printed += "\n" if printed and not printed.endswith("\n") else ""
    return re.fullmatch(re.escape(expected).replace(ELLIPSIS, ".*?"), printed) is not None


async def test_the_commands_print_what_the_page_says(
    shell: Callable[[str, Envoy], Awaitable[str]], demo_url: str, tmp_path: Path
) -> None:
    async with running_server(demo_url) as server:
        await wait_for_health(server)
        async with running_envoy(tmp_path, server) as envoy:
            for command, expected in COMMANDS:
                request, jq, _ = command.partition(" | jq ")
                if jq and not shutil.which("jq"):
                    assert await shell(request, envoy), command
                else:
                    printed = await shell(command, envoy)
                    assert _matches(expected, printed), f"{command}\n{printed}"
    last = json.loads((tmp_path / "venues.events").read_text().splitlines()[-1])
    content = (tmp_path / "venues.ndjson").read_bytes()
    assert last["finished"]["sha256"] == hashlib.sha256(content).hexdigest()


def test_the_page_has_commands() -> None:
    assert len(COMMANDS) >= 10
    assert sum("curl " in command for command, _ in COMMANDS) >= 8

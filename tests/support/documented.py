"""Owns trying what a page of the documentation says: its commands are run, what they print is compared."""

import asyncio
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
ELLIPSIS = "…"


class Command(NamedTuple):
    """A command of a page, and what the page says that it prints."""

    line: str
    expected: str
    """Without the last newline; empty where it prints nothing."""
    section: str
    """The heading that it is under."""


def commands(page: str) -> list[Command]:
    """Returns the commands of a page's blocks of `console`, in order.

    Args:
        page: its path in the repository.
    """
    found = []
    text = (ROOT / page).read_text()
    for block in re.finditer(r"^```console\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        headings = re.findall(r"^##+ (.*)$", text[: block.start()], re.MULTILINE)
        section = headings[-1] if headings else ""
        found += [
            Command(line, expected.rstrip("\n"), section)
            for line, expected in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block[1], re.MULTILINE)
        ]
    return found


def matches(expected: str, printed: str) -> bool:
    """Says whether a command printed what the page says.

    A line that is an ellipsis stands for any lines, an ellipsis inside a line for the rest of a value. Blanks
    at the ends of lines, and empty lines at the end, do not count: tables are padded with them.
    """
    pattern = "".join(
        "(?:.*\n)*?" if line == ELLIPSIS else re.escape(line).replace(ELLIPSIS, ".*?") + "\n"
        for line in expected.split("\n")
    )
    tidy = "\n".join(line.rstrip() for line in printed.splitlines()).rstrip("\n")
    return re.fullmatch(pattern, f"{tidy}\n") is not None


async def output(
    line: str, directory: Path, variables: Mapping[str, str] | None = None, bins: tuple[Path, ...] = ()
) -> str:
    """Runs a line in a shell, with our programs; returns everything it prints.

    Args:
        line: The line.
        directory: Where to run it.
        variables: Its environment, beside that of the tests.
        bins: Where to look for programs first.
    """
    path = os.pathsep.join([*map(str, bins), str(BIN), os.environ["PATH"]])
    process = await asyncio.create_subprocess_shell(
        line,
        cwd=directory,
        env=os.environ | {"COLUMNS": "100"} | dict(variables or {}) | {"PATH": path},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await process.communicate()
    return printed.decode()

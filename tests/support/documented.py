"""Tries what a page of the documentation says: runs its commands, and compares what they print."""

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


class Block(NamedTuple):
    """A fenced block of a page."""

    page: str
    """The page's path in the repository."""
    line_no: int
    """Where it begins."""
    language: str
    """What stands after the fence; perhaps nothing."""
    text: str
    section: str
    """The heading that it is under."""

    @property
    def first_line(self) -> str:
        """What it is called in the table of blocks that are not run."""
        return self.text.partition("\n")[0]

    @property
    def commands(self) -> list[Command]:
        """The commands of a block of `console`, in order."""
        return [
            Command(line, expected.rstrip("\n"), self.section)
            for line, expected in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", self.text, re.MULTILINE)
        ]


def pages() -> list[str]:
    """Return the paths of the pages that people read: README, CONTRIBUTING, and those of docs/."""
    return ["README.md", "CONTRIBUTING.md", *(f"docs/{path.name}" for path in sorted(ROOT.glob("docs/*.md")))]


def blocks(page: str) -> list[Block]:
    """Return the fenced blocks of a page, in order."""
    text = (ROOT / page).read_text()
    fenced = re.finditer(r"^( *)(```+|~~~+) *(\w*).*\n((?:.*\n)*?) *\2 *$", text, re.MULTILINE)
    return [
        Block(
            page,
            text.count("\n", 0, match.start()) + 1,
            match[3],
            match[4],
            (re.findall(r"^##+ (.*)$", text[: match.start()], re.MULTILINE) or [""])[-1],
        )
        for match in fenced
    ]


def commands(page: str) -> list[Command]:
    """Returns the commands of a page's blocks of `console`, in order.

    Args:
        page: its path in the repository.
    """
    return [command for block in blocks(page) if block.language == "console" for command in block.commands]


def matches(expected: str, printed: str) -> bool:
    """Says whether a command printed what the page says.

    A line that is an ellipsis stands for any lines, an ellipsis inside a line for the rest of a value. Blanks
    at the ends of lines, empty lines at the end, and how wide a table's columns are do not count.
    """
    expected, printed = _narrow(expected), _narrow(printed)
    pattern = "".join(
        "(?:.*\n)*?" if line == ELLIPSIS else re.escape(line).replace(ELLIPSIS, ".*?") + "\n"
        for line in expected.split("\n")
    )
    tidy = "\n".join(line.rstrip() for line in printed.splitlines()).rstrip("\n")
    return re.fullmatch(pattern, f"{tidy}\n") is not None


def _narrow(text: str) -> str:
    """Return a text with the columns of its tables as narrow as can be: an age of 9 s is not one of 10 s."""
    return re.sub(r"(?<=\S) {2,}", " ", re.sub(r"━+|─+", "━", text))


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

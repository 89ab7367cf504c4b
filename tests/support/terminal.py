"""A shell in which a test types the lines of a page, one after the other, as a reader does."""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from support.documented import BIN, ROOT

_END = "fhirexport-end-of-output"


class Answer(NamedTuple):
    """What a line came to."""

    status: int
    printed: str
    """On stdout and stderr, as they came."""


class Terminal:
    """A running bash: what a line sets, the next one has."""

    def __init__(self, process: asyncio.subprocess.Process, replace: Mapping[str, str]) -> None:
        self._process = process
        self.replace = replace

    async def type(self, line: str) -> Answer:
        """Run a line, with the addresses of the page replaced; wait until it has ended."""
        for written, real in self.replace.items():
            line = line.replace(written, real)
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(f"{{ {line}\n}} < /dev/null; printf '\\n{_END} %d\\n' $?\n".encode())
        await stdin.drain()
        lines: list[str] = []
        while not (text := (await stdout.readline()).decode()).startswith(_END):
            assert text, f"the shell has ended: {line}"
            lines.append(text)
        return Answer(int(text.split()[1]), "".join(lines)[:-1])


def fresh_environment(home: Path) -> dict[str, str]:
    """Return the environment of somebody who has just logged in: none of our programs and settings.

    How this machine reaches its package index stays, with what pip has once had from there.
    """
    path = [folder for folder in os.environ["PATH"].split(os.pathsep) if Path(folder) != BIN]
    cache = {"PIP_CACHE_DIR": str(Path.home() / ".cache/pip")}
    index = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    return {**cache, **index, "HOME": str(home), "LANG": "C.UTF-8", "PATH": os.pathsep.join(path)}


@asynccontextmanager
async def terminal(
    directory: Path,
    replace: Mapping[str, str],
    variables: Mapping[str, str],
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[Terminal]:
    """Open a terminal in a directory, with our programs and, where curl is missing, a stand-in for it.

    Args:
        directory: Where the lines are run. There, or in the `HOME` of an environment that is given, are a
            folder `bin` and curl's settings.
        replace: What stands in the page for addresses of ours.
        variables: The environment, beside that of the tests.
        environment: What is there instead of the tests' environment and our programs.
    """
    own = Path(environment["HOME"]) if environment else directory
    bins = own / "bin"
    bins.mkdir(parents=True, exist_ok=True)
    if not shutil.which("curl"):
        (bins / "curl").write_text(f'#!/bin/sh\nexec "{sys.executable}" "{ROOT}/tests/http/curl.py" "$@"\n')
        (bins / "curl").chmod(0o755)
    # On a real terminal curl shows no progress beside what it prints.
    (own / ".curlrc").write_text("no-progress-meter\n")
    inherited = environment or {**os.environ, "PATH": os.pathsep.join([str(BIN), os.environ["PATH"]])}
    shell = {"PATH": os.pathsep.join([str(bins), inherited["PATH"]]), "COLUMNS": "100", "CURL_HOME": str(own)}
    process = await asyncio.create_subprocess_exec(
        "bash", "--noprofile", "--norc", "-o", "pipefail",
        cwd=directory,
        env={**inherited, **shell, **variables},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        limit=64 * 1024 * 1024,  # an export may be one line
    )  # fmt: skip
    try:
        yield Terminal(process, replace)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()

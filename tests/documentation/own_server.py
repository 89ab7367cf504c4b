"""Types blocks of the pages that start a server of their own, in an empty directory."""

import os
from collections.abc import Mapping
from pathlib import Path

from documentation.walk import Ports, left_running
from support.terminal import Terminal, terminal

_SERVES = " && fhirexport-server serve"


async def typed_with_a_server(
    text: str, directory: Path, environment: Mapping[str, str], refused: Mapping[str, str]
) -> int:
    """Type lines, of which one ends with a server that stays; those after it in another terminal.

    Args:
        text: The lines of a block, or of several.
        directory: The empty directory; it is made.
        environment: What is there in both terminals, beside where the server listens.
        refused: Lines that have to fail, with what they print then.

    Returns:
        How many lines were typed.
    """
    directory.mkdir()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    (serving,) = [number for number, line in enumerate(lines) if line.endswith(_SERVES)]
    ports = Ports.free()
    async with terminal(directory, {}, ports.variables, environment) as first:
        for line in lines[:serving]:
            await _succeeds(first, line)
        await _succeeds(first, lines[serving].removesuffix(_SERVES))
    callers = {"FHIREXPORT_ADDRESS": ports.address}
    async with (
        left_running(_SERVES[4:], directory, {**environment, **ports.variables}, ports.grpc),
        terminal(directory, {}, callers, environment) as other,
    ):
        for line in lines[serving + 1 :]:
            if line not in refused:
                await _succeeds(other, line)
                continue
            answer = await other.type(line)
            assert answer.status, line
            assert refused[line] in answer.printed, answer.printed
    return len(lines)


async def _succeeds(shell: Terminal, line: str) -> None:
    answer = await shell.type(line)
    assert answer.status == 0, f"{line}\n{answer.printed[-4000:]}"


def with_programs(environment: Mapping[str, str], bins: Path) -> dict[str, str]:
    """Return an environment that finds the programs of a folder first."""
    return {**environment, "PATH": os.pathsep.join([str(bins), environment["PATH"]])}

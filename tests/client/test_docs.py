"""Shows that the commands and the programs of docs/client.md do what it says."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from support import troubles
from support.documented import ROOT, commands, matches

PAGE = "docs/client.md"
PROGRAMS: list[str] = re.findall(
    r"^```python\n(.*?)^```", (ROOT / PAGE).read_text(), re.DOTALL | re.MULTILINE
)


async def test_the_commands_print_what_the_page_says(
    new_database: Callable[[str], str], tmp_path: Path
) -> None:
    found = commands(PAGE)
    assert len(found) >= 10
    async with troubles.slow(tmp_path, new_database) as world:
        for command in found:
            printed = await world.run(command.line)
            assert matches(command.expected, printed), f"{command.line}\n{printed}"


@pytest.mark.parametrize("program", PROGRAMS, ids=["exports", "cache", "imports"])
async def test_a_program_runs(program: str, new_database: Callable[[str], str], tmp_path: Path) -> None:
    async with troubles.slow(tmp_path, new_database) as world:
        await world.run("fhirexport venues 1 --movements --format ndjson -o venues.ndjson")
        (tmp_path / "program.py").write_text(
            program.replace("localhost:50051", world.variables["FHIREXPORT_ADDRESS"])
        )
        printed = await world.run("python -W error program.py && echo done")
    assert printed.splitlines()[-1] == "done"

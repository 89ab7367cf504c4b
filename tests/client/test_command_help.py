"""Shows how the command line helps: with examples, in a shell, and where an EJ is named wrongly."""

import os
import shlex
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from fhirexport.cli.commands import app
from support.command import FHIREXPORT, environment, fhirexport, on_a_terminal, run
from support.listening import held, listening
from support.server import running_server, wait_for_health
from support.valkey import Valkey
from typer.main import get_command

COMMANDS = (
    "entities",
    "structure",
    "patients",
    "venues",
    "watch",
    "sync",
    "import",
    "health",
    "doctor",
    "cache stats",
    "cache health",
    "cache entries",
    "cache invalidate",
    "cache flush",
    "cache warm",
)
CAPITALS, SMALL = "2A0000014", "2a0000014"


@pytest.fixture
async def address(new_group: Callable[[str, int], str], valkey: Valkey) -> AsyncIterator[str]:
    url = new_group("sqlite", 40)
    async with running_server(url, redis_url=valkey.url) as address:
        await wait_for_health(address)
        yield address


def _epilogs(group: Any = None, prefix: str = "") -> dict[str, str]:  # noqa: ANN401 - typer's, old and new
    """Returns what ends the help of each command, and of the groups; in this process, which is faster."""
    command = get_command(app) if group is None else group
    epilogs: dict[str, str] = {prefix: command.epilog or ""}
    for name, one in getattr(command, "commands", {}).items():
        epilogs |= _epilogs(one, f"{prefix} {name}".strip())
    return epilogs


async def test_help_ends_with_an_example() -> None:
    status, out, _ = await fhirexport("localhost:1", "cache", "warm", "--help")
    assert (status, "Example: fhirexport cache warm 1 " in out.decode()) == (0, True)


@pytest.mark.long
async def test_every_command_has_an_example_that_works(address: str, tmp_path: Path) -> None:
    epilogs = _epilogs()
    assert set(epilogs) == {"", "cache", *COMMANDS}
    variables = environment(address)
    # In the order of COMMANDS: what one reads, one before it has written.
    for command in ("", "cache", *COMMANDS):
        heading, _, example = epilogs[command].partition(": ")
        assert (heading, example.startswith(f"fhirexport {command}".strip())) == ("Example", True)
        line = example.replace("localhost:50051", address)
        if "watch" in line:
            async with on_a_terminal(address, *shlex.split(line)[1:]) as terminal:
                await terminal.until("venues")
                terminal.interrupt()
                assert await terminal.ended() == 0
            continue
        status, printed, errors = await run((FHIREXPORT, *shlex.split(line)[1:]), tmp_path, variables)
        assert status == 0, (command, printed, errors)


# --- EJs ------------------------------------------------------------------------------------------


async def test_a_finess_number_is_read_in_small_letters_too(address: str) -> None:
    (capitals, small) = [await fhirexport(address, "structure", name) for name in (CAPITALS, SMALL)]
    assert capitals == small
    assert capitals[0] == 0
    listed = await fhirexport(address, "entities", "--finess", SMALL, "--json")
    assert (listed[0], CAPITALS in listed[1].decode()) == (0, True)


@pytest.mark.parametrize("arguments", [["venues"], ["cache", "warm"], ["import", os.devnull, "--ej"]])
async def test_a_finess_number_that_no_ej_has_is_told_as_it_is(address: str, arguments: list[str]) -> None:
    status, out, errors = await fhirexport(address, *arguments, "010780055")
    assert (status, out) == (64 + 5, b"")
    assert errors == (
        "fhirexport: no EJ has the FINESS number 010780055; fhirexport entities lists those there are "
        "(NOT_FOUND EJ_NOT_FOUND)\n"
    )


async def test_an_id_that_no_ej_has_is_told_in_words_of_the_command(address: str, tmp_path: Path) -> None:
    file = tmp_path / "patient.ndjson"
    file.write_text('{"resourceType": "Patient", "id": "pat-1"}')
    for arguments in (["venues", "999"], ["import", str(file), "--ej", "999"]):
        status, _, errors = await fhirexport(address, *arguments)
        assert status == 64 + 5
        assert "there is no legal entity (EJ) 999; fhirexport entities lists those there are" in errors
        assert "ListLegalEntities" not in errors
    status, out, _ = await fhirexport(address, "cache", "warm", "999", "--dataset", "venues")
    assert (status, b"fhirexport entities lists" in out) == (64 + 5, True)


@pytest.mark.parametrize("name", ["abc", "9" * 19, "1.5", "\u0661"])
async def test_what_is_no_ej_is_a_usage_error(name: str) -> None:
    status, out, errors = await fhirexport("localhost:1", "venues", "--", name)
    assert (status, out, "Traceback" in errors) == (2, b"", False)


async def test_an_import_that_needs_an_ej_says_which_option(address: str, tmp_path: Path) -> None:
    file = tmp_path / "patients.ndjson"
    await fhirexport(address, "patients", "1", "--format", "ndjson", "-o", file)
    status, _, errors = await fhirexport(address, "import", file)
    assert status == 64 + 3
    assert "  --ej: say which EJ it is for" in errors
    assert "options.ej_id" not in errors


# --- completion -----------------------------------------------------------------------------------


async def _completed(address: str, words: str, *, hurried: bool = False) -> list[str]:
    variables = {
        "_FHIREXPORT_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
    }
    _, out, errors = await run((FHIREXPORT,), Path.cwd(), environment(address) | variables, hurried=hurried)
    assert errors == ""
    return out.decode().split()


async def test_a_shell_completes_ejs(address: str) -> None:
    every = ["1", "010780054", "2", "750712184", "3", CAPITALS]
    for words in ("fhirexport venues ", "fhirexport import x --ej ", "fhirexport cache warm 1 "):
        assert await _completed(address, words) == every
    # What is offered begins as what is typed, or a shell would not take it.
    assert await _completed(address, "fhirexport patients 2a") == [CAPITALS.lower()]
    assert await _completed(address, "fhirexport patients 2A") == [CAPITALS]
    assert await _completed(address, "fhirexport entities --finess 7") == ["750712184"]
    # An address on the line counts there as well, before the command and after it.
    assert await _completed("localhost:1", f"fhirexport --address {address} patients 01") == ["010780054"]
    assert await _completed("localhost:1", f"fhirexport patients --address {address} 01") == ["010780054"]


async def test_completion_is_silent_where_there_is_no_server() -> None:
    assert await _completed("localhost:1", "fhirexport venues ") == []
    assert await _completed("nonsense", "fhirexport venues ") == []
    assert await _completed("localhost:1", "fhirexport --ca /nowhere/ca.pem venues ") == []


async def test_completion_is_silent_where_nobody_answers() -> None:
    async with listening(held) as port:
        # As it is, it gives up after a second.
        assert await _completed(f"127.0.0.1:{port}", "fhirexport venues ", hurried=True) == []

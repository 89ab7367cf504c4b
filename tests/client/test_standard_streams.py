"""Shows how commands end when nobody takes what they print, or when they are told to end."""

import asyncio
import os
import shlex
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from threading import Condition

import pytest
import typer
from fhirexport._internal.stdio import SignalledError, signals_as_they_came
from fhirexport.cli.common import until_interrupted
from support.command import FHIREXPORT, environment, fhirexport, run
from support.scripted import COMPLETE, HANG, WHOLE, Script, chunk, playing, started
from support.server import PATIENCE, running_server, wait_for_health
from support.valkey import Valkey

COMMANDS = (
    "entities",
    "entities --json",
    "structure 1",
    "patients 1 --format ndjson",
    "venues 1 --movements -o -",
    "health",
    "doctor",
    "cache stats",
    "cache stats --watch 0.1 --json",
    "cache health",
    "cache entries",
    "cache invalidate fhir:export:*",
    "cache warm 1 --json",
    "cache flush --yes",
    "import structure.json",
    "--version",
    "--help",
    "venues --help",
)
FULL = "fhirexport: standard output: No space left on device\n"
CLOSED = "fhirexport: standard output: Bad file descriptor\n"


@pytest.fixture
async def address(new_group: Callable[[str, int], str], valkey: Valkey) -> AsyncIterator[str]:
    url = new_group("sqlite", 40)
    async with running_server(url, redis_url=valkey.url) as address:
        await wait_for_health(address)
        await fhirexport(address, "cache", "warm", "1", "2")
        yield address


def _full() -> int:
    return os.open("/dev/full", os.O_WRONLY)


def _closed() -> None:
    return None


def _without_a_reader() -> int:
    read, write = os.pipe()
    os.close(read)
    return write


async def _ended(
    address: str,
    directory: Path,
    command: str,
    output: Callable[[], int | None],
    program: Path = FHIREXPORT,
) -> tuple[int, str]:
    """Run a command; return its exit status, and what it says on standard error.

    Args:
        address: Of the server.
        directory: Where it runs.
        command: Its arguments.
        output: Opens its standard output, which is closed where it returns None.
        program: What is run.
    """
    descriptor = output()
    try:
        arguments: tuple[str | Path, ...] = (program, *shlex.split(command))
        status, _, told = await run(arguments, directory, environment(address), output=descriptor)
    finally:
        if descriptor is not None:
            os.close(descriptor)
    return status, told


@pytest.mark.parametrize(
    ("output", "expected"),
    [(_full, (1, FULL)), (_closed, (1, CLOSED)), (_without_a_reader, (141, ""))],
    ids=["full", "closed", "a pipe without a reader"],
)
@pytest.mark.long
async def test_output_that_nobody_takes_ends_a_command_with_one_line_or_none(
    output: Callable[[], int | None], expected: tuple[int, str], address: str, tmp_path: Path
) -> None:
    await fhirexport(address, "structure", "1", "-o", tmp_path / "structure.json")
    places = asyncio.Semaphore(3)

    async def ended(command: str) -> tuple[int, str]:
        async with places:
            return await _ended(address, tmp_path, command, output)

    found = await asyncio.gather(*map(ended, COMMANDS))
    assert dict(zip(COMMANDS, found, strict=True)) == dict.fromkeys(COMMANDS, expected)


@pytest.mark.parametrize("command", ["--help", "--version", "serve --help"])
async def test_the_servers_command_ends_in_the_same_way(command: str, tmp_path: Path) -> None:
    program = FHIREXPORT.with_name("fhirexport-server")
    for output, expected in ((_full, (1, FULL)), (_closed, (1, CLOSED)), (_without_a_reader, (141, ""))):
        status, errors = await _ended("localhost:1", tmp_path, command, output, program)
        assert (status, errors) == (expected[0], expected[1].replace("fhirexport:", "fhirexport-server:"))


@pytest.mark.long
async def test_a_program_that_a_shell_starts_without_an_output_ends_in_the_same_way(
    address: str, tmp_path: Path
) -> None:
    for program, command in (("fhirexport", "venues 1 --movements"), ("fhirexport-server", "--version")):
        line = f'exec "{FHIREXPORT.with_name(program)}" {command} >&-'
        status, _, errors = await _shell(address, tmp_path, line)
        assert (status, errors) == (1, CLOSED.replace("fhirexport:", f"{program}:"))


@pytest.mark.long
async def test_a_reader_that_has_enough_ends_an_export_in_silence(address: str, tmp_path: Path) -> None:
    status, out, errors = await _shell(address, tmp_path, '"$F" venues 1 | head -c 10; exit ${PIPESTATUS[0]}')
    assert (status, out, errors) == (141, b'{"resource', "")


@pytest.mark.long
async def test_without_any_standard_stream_an_export_is_written_to_its_file(
    address: str, tmp_path: Path
) -> None:
    status, _, _ = await _shell(address, tmp_path, 'exec "$F" venues 1 -o venues.json <&- >&- 2>&-')
    assert status == 0
    assert (tmp_path / "venues.json").read_bytes() == (await fhirexport(address, "venues", "1"))[1]


@pytest.mark.long
async def test_errors_that_nobody_takes_do_not_change_the_exit_status(address: str, tmp_path: Path) -> None:
    for redirection in ("2>/dev/full", "2>&-"):
        assert await _shell(address, tmp_path, f'exec "$F" venues 999 {redirection}') == (69, b"", "")
        assert await _shell(address, tmp_path, f'exec "$F" nonsense {redirection}') == (2, b"", "")


@pytest.mark.long
async def test_a_standard_input_that_is_closed_is_told_in_one_line(address: str, tmp_path: Path) -> None:
    status, out, errors = await _shell(address, tmp_path, 'exec "$F" import - --ej 1 <&-')
    assert (status, out, errors) == (1, b"", "fhirexport: Bad file descriptor: standard input\n")


async def test_a_full_disk_is_told_in_one_line_and_leaves_what_was_there(
    address: str, tmp_path: Path
) -> None:
    # A limit on the size of files stands for a disk that is full: both fail a write half-way.
    target = tmp_path / "venues.json"
    target.write_text("yesterday's")
    line = 'trap "" XFSZ; ulimit -f 16; exec "$F" venues 1 -o venues.json'
    status, out, errors = await _shell(address, tmp_path, line)
    assert (status, out, errors) == (1, b"", "fhirexport: File too large: venues.json\n")
    assert (target.read_text(), list(tmp_path.iterdir())) == ("yesterday's", [target])


async def _shell(address: str, directory: Path, line: str) -> tuple[int, bytes, str]:
    """Runs a line in a shell, where `$F` is the command."""
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", line,
        cwd=directory,
        env=environment(address) | {"F": str(FHIREXPORT)},
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
    )  # fmt: skip
    async with asyncio.timeout(PATIENCE):
        out, errors = await process.communicate()
    return process.returncode or 0, out, errors.decode()


# --- signals --------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
@pytest.mark.long
async def test_a_signal_in_the_middle_of_an_export_leaves_no_part_of_it(
    number: signal.Signals, tmp_path: Path
) -> None:
    target = tmp_path / "patients.ndjson"
    target.write_text("yesterday's")
    # More than fits into a buffer, and never an end.
    endless: Script = [started(), *[chunk(place) for place in range(4)] * 1500, HANG]
    async with playing(endless) as (address, server):
        process = await asyncio.create_subprocess_exec(
            FHIREXPORT, "--address", address, "patients", "1", "--format", "ndjson", "-o", target,
            env=environment(address), stdout=PIPE, stderr=PIPE,
        )  # fmt: skip
        async with asyncio.timeout(PATIENCE):
            await server.hanging.wait()
            process.send_signal(number)
            out, errors = await process.communicate()
    assert (process.returncode, out, errors) == (128 + number, b"", b"")
    assert (target.read_text(), list(tmp_path.iterdir())) == ("yesterday's", [target])


@pytest.mark.parametrize("raised", [SignalledError(signal.SIGTERM), KeyboardInterrupt()])
def test_a_signal_that_comes_while_a_lock_is_let_go_is_no_error(raised: BaseException) -> None:
    def waiting() -> None:
        condition = Condition()
        with condition:
            condition.release()  # as its wait does, until it has the lock again
            raise raised

    with pytest.raises(type(raised)), signals_as_they_came():
        waiting()
    ends = typer.Exit if isinstance(raised, KeyboardInterrupt) else SignalledError
    with pytest.raises(ends), until_interrupted():
        waiting()
    with pytest.raises(RuntimeError), signals_as_they_came():
        Condition().release()


LOSING = """
import os, signal, sys, time
from fhirexport._internal import stdio

stdio.ENDING_SECONDS = 0.2

class Finalised:
    def __del__(self):
        os.kill(os.getpid(), int(sys.argv[1]))
        time.sleep(0.01)

def command():
    Finalised()
    print("lost", flush=True)
    time.sleep(600)

sys.exit(stdio.run("losing", command))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
async def test_a_signal_whose_exception_is_lost_ends_the_command_all_the_same(number: signal.Signals) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LOSING, str(int(number)), stdout=PIPE, stderr=PIPE
    )
    async with asyncio.timeout(PATIENCE):
        out, errors = await process.communicate()
    assert (process.returncode, out) == (128 + number, b"lost\n")
    assert b"Exception ignored in" in errors


@pytest.mark.long
async def test_a_signal_that_is_ignored_stays_so(tmp_path: Path) -> None:
    # What nohup does.
    async with playing([started(), HANG], COMPLETE) as (address, server):
        process = await asyncio.create_subprocess_exec(
            "bash", "-c", 'trap "" HUP; exec "$0" "$@"', FHIREXPORT,
            "--address", address, "patients", "1", "--format", "ndjson", "-o", tmp_path / "saved",
            env=environment(address),
        )  # fmt: skip
        async with asyncio.timeout(PATIENCE):
            await server.hanging.wait()
            process.send_signal(signal.SIGHUP)
            server.go_on.set()
            assert await process.wait() == 0
    assert (tmp_path / "saved").read_bytes() == WHOLE

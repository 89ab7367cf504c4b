"""Shows `fhirexport watch` as people and scripts use it: against a real server."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from datetime import datetime

import pytest
from sqlalchemy import text
from support.command import FHIREXPORT, environment, fhirexport, on_a_terminal
from support.rows import writing
from support.server import PATIENCE, running_server, wait_for_health

UPDATE = "UPDATE patient SET used_family = 'DURAND'"


@pytest.fixture
async def address(small_url: str) -> AsyncIterator[str]:
    async with running_server(small_url) as address:
        await wait_for_health(address)
        yield address


def _write(url: str, statement: str) -> None:
    with writing(url) as connection:
        connection.execute(text(statement))


class _Command:
    """The command, running; its output is read line by line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def line(self) -> str:
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            return (await self.process.stdout.readline()).decode()

    async def complaint(self) -> str:
        assert self.process.stderr is not None
        async with asyncio.timeout(PATIENCE):
            return (await self.process.stderr.readline()).decode()

    async def ended(self) -> int:
        async with asyncio.timeout(PATIENCE):
            return await self.process.wait()


async def _started(address: str, *arguments: str) -> _Command:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        FHIREXPORT, *arguments, env=environment(address), stdout=pipe, stderr=pipe
    )
    return _Command(process)


async def test_each_revision_is_a_line(address: str, small_url: str) -> None:
    command = await _started(address, "watch", "010780054", "patients", "venues")
    shown = [await command.line() for _ in range(2)]
    assert [line.split()[1:5] for line in shown] == [
        ["patients", "of", "EJ", "1:"],
        ["venues", "of", "EJ", "1:"],
    ]
    await asyncio.to_thread(_write, small_url, UPDATE)
    when, *words, revision = (await command.line()).split()
    assert words == ["patients", "of", "EJ", "1:"]
    assert datetime.fromisoformat(when).tzinfo is not None
    assert revision not in "".join(shown)
    command.process.send_signal(signal.SIGINT)
    # The way to end it.
    assert await command.ended() == 0


async def test_scripts_get_json(address: str) -> None:
    command = await _started(address, "watch", "1", "--json")
    told = [json.loads(await command.line()) for _ in range(3)]
    assert [one["dataset"] for one in told] == ["structure", "patients", "venues"]
    assert all(one.keys() == {"ej_id", "dataset", "revision", "notice_time"} for one in told)
    assert datetime.fromisoformat(told[0]["notice_time"]).tzinfo is not None
    command.process.terminate()
    assert await command.ended() == 128 + signal.SIGTERM


async def test_a_reader_that_leaves_ends_it_though_nothing_happens(address: str) -> None:
    process = await asyncio.create_subprocess_shell(
        f"{FHIREXPORT} watch 1 patients | head -n 1; exit ${{PIPESTATUS[0]}}",
        env=environment(address),
        executable="/bin/bash",
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        assert b"patients of EJ 1" in await process.stdout.readline()
        assert await process.wait() == 141


@pytest.mark.long
async def test_what_is_not_there_is_told_by_its_status(address: str) -> None:
    status, out, errors = await fhirexport(address, "watch", "9")
    assert (status, out) == (64 + 5, b"")
    assert "there is no legal entity (EJ) 9" in errors
    status, out, errors = await fhirexport(address, "watch", "1", "beds")
    assert (status, out, "beds" in errors) == (2, b"", True)
    status, out, _ = await fhirexport("127.0.0.1:9", "watch", "1")
    assert (status, out) == (64 + 14, b"")
    status, out, _ = await fhirexport(address, "watch", "1", "--timeout", "6")
    assert (status, len(out.splitlines())) == (64 + 4, 3)


@pytest.mark.long
async def test_a_server_that_goes_away_is_waited_for(small_url: str) -> None:
    async with running_server(small_url) as address:
        await wait_for_health(address)
        command = await _started(address, "watch", "1", "patients")
        first = await command.line()
    assert (await command.complaint()).startswith("fhirexport: interrupted, and taken up again: ")
    await asyncio.to_thread(_write, small_url, UPDATE)
    async with running_server(small_url, listen_address=address):
        assert (await command.line()).split()[1:5] == first.split()[1:5]
        command.process.send_signal(signal.SIGINT)
        assert await command.ended() == 0


async def test_people_see_each_at_once(address: str, small_url: str) -> None:
    async with on_a_terminal(address, "watch", "1", "patients") as terminal:
        await terminal.until("patients of EJ 1: ")
        await asyncio.to_thread(_write, small_url, UPDATE)
        await terminal.until("patients of EJ 1: ")
        terminal.interrupt()
        assert await terminal.ended() == 0

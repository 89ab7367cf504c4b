"""Shows that saves to one path, many at once and killed at random, leave one whole export there."""

import asyncio
import itertools
import random
import signal
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from fhirexport import AsyncClient
from fhirexport_server.demo.group import batches
from fhirexport_server.store.loader import load
from support.command import environment
from support.server import PATIENCE, running_server, wait_for_health

SAVES = 200
AT_ONCE = 4
SIGNALS = (None, signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGKILL)
ENDS = {0, 128 + signal.SIGTERM, 128 + signal.SIGHUP, 128 + signal.SIGINT, -signal.SIGKILL}

# One process makes many saves of two exports that differ in length, as the command makes each of them.
SAVER = """
import signal, sys
from fhirexport import Client
from fhirexport._internal.stdio import run

def save():
    with Client(sys.argv[1]) as client:
        exports = {"1": client.patients(1), "2": client.patients(2)}
        print("ready", flush=True)
        for line in sys.stdin:
            exports[line.strip()].save(sys.argv[2])
            print("saved", flush=True)

sys.exit(run("saver", save))
"""


@pytest.fixture
async def address(new_database: Callable[[str], str]) -> AsyncIterator[str]:
    url = new_database("sqlite")
    load(url, batches(patients=1000))
    async with running_server(url) as address:
        await wait_for_health(address)
        yield address


class Saves:
    """Two hundred saves to one path, shared out among processes that are killed and started anew."""

    def __init__(self, address: str, target: Path, whole: dict[str, bytes], seed: int) -> None:
        self._address = address
        self._target = target
        self._whole = whole
        self._random = random.Random(seed)
        self._signals = itertools.cycle(SIGNALS)
        self._left = SAVES
        self.ended: list[int] = []
        """How the processes ended."""
        self.said: list[str] = []
        """What those said that ended as none should."""

    async def work(self) -> None:
        """Has processes save until nothing is left to do, and looks at the target after each."""
        while self._left > 0:
            with tempfile.TemporaryFile() as errors:
                process = await asyncio.create_subprocess_exec(
                    sys.executable, "-c", SAVER, self._address, self._target,
                    env=environment(self._address), stdin=PIPE, stdout=PIPE, stderr=errors,
                )  # fmt: skip
                await self._killed_at_random(process)
                self.ended.append(await process.wait())
                if self.ended[-1] not in ENDS:
                    errors.seek(0)
                    self.said.append(errors.read().decode())
            assert self._target.read_bytes() in self._whole.values()

    async def _killed_at_random(self, process: Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        for _ in range(self._random.randint(1, 12)):
            self._left -= 1
            which = self._random.choice(sorted(self._whole))
            process.stdin.write(f"{which}\n".encode())
            if not await process.stdout.readline():
                break
            assert self._target.read_bytes() in self._whole.values()
        number = next(self._signals)
        if number is None:
            process.stdin.close()
            return
        # In the middle of one more: some chunks into it, or about to replace the target.
        self._left -= 1
        process.stdin.write(b"1\n")
        await asyncio.sleep(self._random.uniform(0, 0.02))
        process.send_signal(number)


async def test_the_target_is_always_one_whole_export(address: str, tmp_path: Path) -> None:
    target = tmp_path / "exports" / "patients.ndjson"
    target.parent.mkdir()
    async with AsyncClient(address) as client:
        whole = {str(ej): await client.patients(ej).read("ndjson") for ej in (1, 2)}
        assert len({len(content) for content in whole.values()}) == 2
        await client.patients(1).save(target)
    saves = Saves(address, target, whole, seed=10)
    async with asyncio.timeout(2 * PATIENCE), asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(saves.work())
    assert target.read_bytes() in whole.values()
    assert (saves.said, set(saves.ended)) == ([], ENDS)
    # Only what nothing can clean up after may leave a file, and it is whole where it has a name.
    left = [path.read_bytes() for path in target.parent.iterdir() if path != target]
    assert all(content in whole.values() for content in left)
    assert len(left) <= saves.ended.count(-signal.SIGKILL)

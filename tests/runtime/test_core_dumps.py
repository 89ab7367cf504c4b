"""Shows that a server cannot be dumped, and that it says so where it could not see to that."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest
from fhirexport_server.runtime import core_dumps
from structlog.testing import capture_logs
from support.server import server_process

# What it prints: whether it may be dumped, before, after, and in a child that it forks.
DUMPABLE = """
import ctypes, os
from fhirexport_server.runtime import core_dumps

def dumpable():
    return ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)

before = dumpable()
core_dumps.forbid()
print(before, dumpable(), flush=True)
if os.fork() == 0:
    print(dumpable(), flush=True)
    os._exit(0)
os.wait()
os.abort()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_a_process_and_those_it_forks_cannot_be_dumped(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DUMPABLE], cwd=tmp_path, stdout=subprocess.PIPE, text=True, check=False
    )
    assert done.stdout.split() == ["1", "0", "0"]
    assert done.returncode < 0
    assert list(tmp_path.iterdir()) == []


async def test_a_server_forbids_them(small_url: str, tmp_path: Path) -> None:
    async with server_process(tmp_path, small_url, serving=False) as server:
        limits = Path(f"/proc/{server.process.pid}/limits").read_text()
    (line,) = (line for line in limits.splitlines() if line.startswith("Max core file size"))
    assert line.split()[4:6] == ["0", "0"]


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_what_the_system_refuses_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing:
        def prctl(self, *_: int) -> int:
            return -1

    monkeypatch.setattr("ctypes.CDLL", lambda *_, **__: Refusing())
    monkeypatch.setattr(resource, "setrlimit", lambda *_: None)
    with capture_logs() as logs:
        core_dumps.forbid()
    assert [line["event"] for line in logs] == ["core_dumps_possible"]

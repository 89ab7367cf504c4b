"""Shows that workers write to one file, which their parent rotates under them, and that no line is lost."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PARENT = """
import asyncio, sys
from pathlib import Path
from fhirexport_server.telemetry import logs
logs._FILE_BYTES, logs._OLD_FILES, logs._ROTATION_SECONDS = 2000, 100, 0.02
logs.configure("INFO", Path(sys.argv[1]))
print("ready", flush=True)
asyncio.run(logs.rotate())
"""
WORKER = """
import sys, time
from pathlib import Path
import structlog
from fhirexport_server.telemetry import logs
logs.configure("INFO", Path(sys.argv[1]), worker=int(sys.argv[2]))
log = structlog.stdlib.get_logger("fhirexport_server")
for number in range(100):
    log.info("line", number=number)
    time.sleep(0.005)
"""
LINES = 100


@pytest.mark.long
def test_no_line_is_lost_when_the_file_is_rotated(tmp_path: Path) -> None:
    file = tmp_path / "all.log"
    with subprocess.Popen([sys.executable, "-c", PARENT, file], stdout=subprocess.PIPE) as parent:
        try:
            assert parent.stdout is not None
            assert parent.stdout.readline() == b"ready\n"
            workers = [
                subprocess.Popen([sys.executable, "-c", WORKER, file, str(number)], stderr=subprocess.DEVNULL)
                for number in (1, 2)
            ]
            assert [worker.wait() for worker in workers] == [0, 0]
        finally:
            parent.kill()
    files = sorted(
        tmp_path.glob("all.log*"), key=lambda path: int(path.suffix[1:] or 0) if path != file else 0
    )
    lines = [json.loads(line) for path in reversed(files) for line in path.read_text().splitlines()]
    assert len(files) > 3
    for worker in (1, 2):
        numbers = [line["number"] for line in lines if line["worker"] == worker]
        assert numbers == list(range(LINES))

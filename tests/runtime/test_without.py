"""Shows that a package looks absent to what is imported without it, and to nothing else."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from fhirexport_server.runtime.without import without
from support.server import NO_REDIS


def test_a_package_is_absent_only_there() -> None:
    sys.modules.pop("this", None)
    with without("this"), pytest.raises(ModuleNotFoundError):
        import this  # noqa: F401, PLC0415 - what is shown
    assert "this" not in sys.modules


def test_a_package_that_is_loaded_stays() -> None:
    with without("json"):
        import json  # noqa: PLC0415 - what is shown
    assert sys.modules["json"] is json


@pytest.mark.long
def test_a_server_that_serves_loads_no_migrations_no_terminal_and_no_tracing(tmp_path: Path) -> None:
    command = (sys.executable, "-X", "importtime", "-m", "fhirexport_server", "serve")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        variables = {"LISTEN_ADDRESS": address, "METRICS_ADDRESS": "off", "REDIS_URL": NO_REDIS}
        ended = subprocess.run(
            command, env=os.environ | variables, cwd=tmp_path, capture_output=True, text=True, check=False
        )
    assert ended.returncode == 1
    assert "cannot listen on LISTEN_ADDRESS" in ended.stderr
    loaded = {line.rpartition("|")[2].strip() for line in ended.stderr.splitlines()}
    assert {"structlog.dev", "redis.asyncio", "grpc.aio", "sqlalchemy.engine"} <= loaded
    # By modules that they load themselves: what was looked for in vain is listed as well.
    assert not {"alembic.config", "rich.console", "pygments.lexer", "opentelemetry.context"} & loaded

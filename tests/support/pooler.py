"""A real PgBouncer for the tests, before their PostgreSQL: in transaction mode, with one session for all."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

_PATIENCE = 60.0
"""How long it may take to start, in seconds."""
_PORT = 6432
"""Of its socket's name; nothing listens on TCP."""
_CONFIG = """\
[databases]
* = host={host} user=postgres
[pgbouncer]
listen_port = {port}
unix_socket_dir = {directory}
auth_type = any
pool_mode = transaction
default_pool_size = {sessions}
"""


def program() -> str:
    """Return where PgBouncer is.

    Raises:
        AssertionError: It is missing.
    """
    found = shutil.which(Path(sys.executable).with_name("pgbouncer")) or shutil.which("pgbouncer")
    assert found is not None, (
        "pgbouncer is missing: `make pooler` takes it from Debian's package of that name"
    )
    return found


@contextmanager
def running_pooler(url: str, *, sessions: int = 1) -> Iterator[str]:
    """Start a pooler before the PostgreSQL of a URL; yield the URL of the same database behind it.

    Args:
        url: The database's own URL.
        sessions: How many sessions of PostgreSQL its clients share. With one, each client's transaction
            begins in the session that another one has left.
    """
    known = conninfo_to_dict(url)
    with tempfile.TemporaryDirectory(prefix="fhirexport-pooler-") as name:
        directory = Path(name)
        config = directory / "pgbouncer.ini"
        config.write_text(
            _CONFIG.format(host=known["host"], port=_PORT, directory=directory, sessions=sessions)
        )
        command = [program(), "--quiet", str(config)]
        if os.geteuid() == 0:
            # It refuses to run as root, as PostgreSQL does.
            owner = pwd.getpwuid(Path(str(known["host"])).stat().st_uid).pw_name
            shutil.chown(directory, owner)
            command[1:1] = ["--user", owner]
        with (directory / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        pooled = f"postgresql://postgres@/{known['dbname']}?host={directory}&port={_PORT}"
        try:
            _wait(pooled, process, directory / "log")
            yield pooled
        finally:
            process.terminate()
            process.wait(_PATIENCE)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > until:
                raise AssertionError(f"the pooler does not serve: {log.read_text()}") from None
            time.sleep(0.02)
        else:
            return

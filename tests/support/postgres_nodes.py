"""Several PostgreSQL: a primary and streaming standbys, each of which can die, hang and be promoted."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import psycopg

from support.ports import free_port
from support.postgres import programs
from support.valkey_node import PATIENCE

_SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
port = {port}
fsync = off
wal_level = logical
hot_standby_feedback = on
max_prepared_transactions = 20
max_connections = 100
shared_buffers = '32MB'
wal_keep_size = '256MB'
wal_receiver_timeout = '2s'
wal_retrieve_retry_interval = '100ms'
cluster_name = '{name}'
"""
_ATTEMPTS = 5
"""How often a copy is tried: pg_basebackup of this build crashes now and then, on a busy machine."""
_OWNER = "embedded_postgres"
"""Whom the servers run as where the tests run as root, which PostgreSQL refuses to."""


def wait_until(happened: Callable[[], object], what: str) -> None:
    """Waits for something; what fails meanwhile has not happened yet.

    Raises:
        AssertionError: It did not happen.
    """
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with suppress(psycopg.Error):
            if happened():
                return
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {PATIENCE:.0f} s")


class PostgresNode:
    """One server, which keeps its port."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self._directory = directory
        self._log = directory.with_suffix(".log")

    def create(self) -> None:
        """Makes a server of its own, with no databases yet."""
        _run("initdb", "-D", str(self._directory), "-U", "postgres", "--auth=trust", "--encoding=utf8")
        self._configure()

    def copy(self, primary: "PostgresNode") -> None:
        """Makes it a standby of another server, from a copy of that; whatever it was before is gone."""
        where = ("-h", "127.0.0.1", "-p", str(primary.port), "-U", "postgres")
        for attempts_left in reversed(range(_ATTEMPTS)):
            shutil.rmtree(self._directory, ignore_errors=True)
            try:
                _run("pg_basebackup", "-D", str(self._directory), *where, "-R", "-c", "fast")
            except subprocess.CalledProcessError:
                if not attempts_left:
                    raise
            else:
                break
        self._configure()

    def url(self, database: str = "postgres") -> str:
        """Returns the URL of one of its databases."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Starts it, and waits until it answers."""
        arguments = ("-D", str(self._directory), "-l", str(self._log), "-w", "-t", "60", "start")
        end = time.monotonic() + PATIENCE
        while True:
            try:
                _run("pg_ctl", *arguments)
            except subprocess.CalledProcessError:
                # The former one's children may still hold its memory.
                if time.monotonic() > end:
                    raise
                time.sleep(0.2)
            else:
                return

    def kill(self) -> None:
        """Ends it as `kill -9` does, with all its processes."""
        processes = self._processes()
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(processes, timeout=PATIENCE)

    def pause(self) -> None:
        """Freezes all its processes."""
        for process in self._processes():
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Lets them go on."""
        for process in self._processes():
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGCONT)

    def promote(self) -> None:
        """Makes it the primary."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute("SELECT pg_promote(wait => true)")

    @property
    def is_standby(self) -> bool:
        """Whether it says that it is one."""
        return self.value("SELECT pg_is_in_recovery()") is True

    def value(self, query: str, database: str = "postgres") -> object:
        """Returns the one value of a query."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            row = connection.execute(query.encode()).fetchone()
            return None if row is None else row[0]

    def follows(self, primary: "PostgresNode") -> bool:
        """Returns whether it has replayed all that the primary has written so far."""
        written = primary.value("SELECT pg_current_wal_lsn()::text")
        return self.value(f"SELECT pg_last_wal_replay_lsn() >= '{written}'::pg_lsn") is True

    def pause_replay(self, *, paused: bool) -> None:
        """Makes it lag, or catch up."""
        self.value(f"SELECT pg_wal_replay_{'pause' if paused else 'resume'}()")
        if paused:
            wait_until(lambda: self.value("SELECT pg_get_wal_replay_pause_state()") == "paused", "it lags")

    def _configure(self) -> None:
        file = self._directory / "postgresql.auto.conf"
        with file.open("a") as settings:
            settings.write(_SETTINGS.format(port=self.port, name=self._directory.name))

    def _processes(self) -> list[psutil.Process]:
        try:
            process = psutil.Process(int((self._directory / "postmaster.pid").read_text().split()[0]))
        except (OSError, psutil.NoSuchProcess, ValueError, IndexError):
            return []
        if process.name() != "postgres":
            return []
        return [process, *process.children(recursive=True)]


def _run(program: str, *arguments: str) -> None:
    user = _OWNER if os.geteuid() == 0 else None
    subprocess.run(
        [programs() / program, *arguments],
        check=True,
        user=user,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
    )


@contextmanager
def postgres_nodes(standbys: int = 1) -> Iterator[list[PostgresNode]]:
    """Starts a primary and standbys of it, the primary first; ends them at the end."""
    with tempfile.TemporaryDirectory(prefix="fhirexport-pgs-") as name:
        directory = Path(name)
        if os.geteuid() == 0:
            directory.chmod(0o755)
            programs(prepared=True)
            shutil.chown(directory, pwd.getpwnam(_OWNER).pw_uid)
        nodes = [PostgresNode(directory / f"node{number}") for number in range(1 + standbys)]
        try:
            nodes[0].create()
            nodes[0].start()
            for standby in nodes[1:]:
                standby.copy(nodes[0])
                standby.start()
            yield nodes
        finally:
            for node in nodes:
                node.resume()
                node.kill()

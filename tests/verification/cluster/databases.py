"""A primary, a standby that changes places with it, and a pooler that follows: what those who run them do."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic

import psycopg
from support.pooler import program
from support.ports import free_port
from support.postgres_nodes import PostgresNode, postgres_nodes, wait_until
from support.valkey_node import PATIENCE

_POOLER = """\
[databases]
* = host=127.0.0.1 port={port} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 20
server_connect_timeout = 2
server_login_retry = 1
query_wait_timeout = 5
logfile = {directory}/log
"""
DATABASE = "cluster"


class Pooler:
    """PgBouncer, before the primary."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The database's URL, by way of it."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{DATABASE}"

    def start(self, primary: PostgresNode) -> None:
        """Starts it before this primary."""
        config = self._directory / "pgbouncer.ini"
        config.write_text(_POOLER.format(port=primary.port, listen=self.port, directory=self._directory))
        command = [program(), "--quiet", str(config)]
        if os.geteuid() == 0:
            owner = "embedded_postgres"
            shutil.chown(self._directory, pwd.getpwnam(owner).pw_uid)
            command[1:1] = ["--user", owner]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self._serves, "the pooler serves")

    def _serves(self) -> bool:
        with psycopg.connect(self.url, connect_timeout=2) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)

    def signal(self, what: signal.Signals) -> None:
        """Sends it a signal."""
        if self._process is not None:
            self._process.send_signal(what)

    def kill(self) -> None:
        """Ends it as `kill -9` does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(PATIENCE)
            self._process = None


class Pair:
    """Two servers, of which one is the primary. What it has acknowledged, the other one has as well."""

    def __init__(self, nodes: list[PostgresNode], pooler: Pooler | None) -> None:
        self._nodes = nodes
        self.primary, self.standby = nodes
        self.pooler = pooler
        self.without: list[tuple[float, float]] = []
        """When there was no primary that could be reached, from and to."""
        self.unfenced: list[tuple[float, float]] = []
        """When a former primary went on beside the new one, from and to."""

    def urls(self) -> list[str]:
        """Returns the URL of each."""
        return [node.url(DATABASE) for node in self._nodes]

    @property
    def several(self) -> str:
        """The URL that names both."""
        return f"postgresql://postgres@{self._hosts}/{DATABASE}"

    @property
    def replica(self) -> str:
        """The URL of whichever is the standby."""
        return f"{self.several}?target_session_attrs=prefer-standby"

    @property
    def of_programs(self) -> str:
        """The URL that names both, as other programs take it."""
        ports = ",".join(str(node.port) for node in self._nodes)
        options = f"host=127.0.0.1,127.0.0.1&port={ports}&target_session_attrs=read-write"
        return f"postgresql://postgres@/{DATABASE}?{options}"

    @property
    def _hosts(self) -> str:
        return ",".join(f"127.0.0.1:{node.port}" for node in self._nodes)

    def make_synchronous(self) -> None:
        """Makes the primary acknowledge what the standby has too, so that a failover loses nothing."""
        with psycopg.connect(self.primary.url(), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            connection.execute("SELECT pg_reload_conf()")
        wait_until(self._is_synchronous, "the standby is synchronous")

    def _is_synchronous(self) -> bool:
        state = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync' AND state = 'streaming'"
        return self.primary.value(state) == 1

    def promote(self, *, begun: float) -> None:
        """Makes the standby the primary, and takes the pooler there."""
        self.standby.promote()
        with psycopg.connect(self.standby.url(), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM RESET synchronous_standby_names")
            connection.execute("SELECT pg_reload_conf()")
        if self.pooler is not None:
            self.pooler.kill()
            self.pooler.start(self.standby)
        self.without.append((begun, monotonic()))
        self.primary, self.standby = self.standby, self.primary

    def rejoin(self) -> None:
        """Makes the former primary, which is away, the standby."""
        self.standby.copy(self.primary)
        self.standby.start()
        self.make_synchronous()

    # --- what happens to them; each ends with both in their places ---

    def kill_primary(self) -> bool:
        """The primary dies, and the standby takes its place."""
        begun = monotonic()
        self.primary.kill()
        self.promote(begun=begun)
        self.rejoin()
        return True

    def leave_primary(self) -> bool:
        """The primary hangs, the standby takes its place, and the former one goes on: nobody fenced it."""
        begun = monotonic()
        self.primary.pause()
        try:
            self.promote(begun=begun)
        finally:
            former = self.standby
            thawed = monotonic()
            former.resume()
        time.sleep(2.0)
        former.kill()
        self.unfenced.append((thawed, monotonic()))
        self.rejoin()
        return True

    def restart_primary(self) -> bool:
        """The primary dies and comes back."""
        begun = monotonic()
        self.primary.kill()
        self.primary.start()
        self.without.append((begun, monotonic()))
        wait_until(self._is_synchronous, "the standby is synchronous")
        return True

    def freeze_primary(self) -> bool:
        """The primary hangs for a moment."""
        begun = monotonic()
        self.primary.pause()
        time.sleep(0.7)
        self.primary.resume()
        self.without.append((begun, monotonic()))
        return True

    def switch(self) -> bool:
        """The two change places as planned."""
        wait_until(lambda: self.standby.follows(self.primary), "the standby follows")
        return self.kill_primary()

    def kill_standby(self) -> bool:
        """The standby dies and comes back; commits wait for it."""
        self.standby.kill()
        self.standby.start()
        wait_until(self._is_synchronous, "the standby is synchronous")
        return True

    def freeze_standby(self) -> bool:
        """The standby hangs for a moment; commits wait for it."""
        self.standby.pause()
        time.sleep(1.0)
        self.standby.resume()
        wait_until(self._is_synchronous, "the standby is synchronous")
        return True

    def lag(self) -> bool:
        """The standby has what is written and does not show it."""
        self.standby.pause_replay(paused=True)
        time.sleep(1.5)
        self.standby.pause_replay(paused=False)
        return True

    def end_connections(self) -> bool:
        """All connections of the servers are ended."""
        self.primary.value(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE application_name = 'fhirexport'"
        )
        return True

    def kill_pooler(self) -> bool:
        """The pooler dies and comes back."""
        if self.pooler is None:
            return False
        begun = monotonic()
        self.pooler.kill()
        self.pooler.start(self.primary)
        self.without.append((begun, monotonic()))
        return True

    def freeze_pooler(self) -> bool:
        """The pooler hangs for a moment."""
        if self.pooler is None:
            return False
        self.pooler.signal(signal.SIGSTOP)
        time.sleep(0.7)
        self.pooler.signal(signal.SIGCONT)
        return True


@contextmanager
def running_pair(*, pooled: bool) -> Iterator[Pair]:
    """Starts both, and a pooler where it is wanted; ends them at the end. The database is empty."""
    with postgres_nodes() as nodes, tempfile.TemporaryDirectory(prefix="fhirexport-pooler-") as name:
        nodes[0].value("SELECT 1")
        with psycopg.connect(nodes[0].url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {DATABASE}")
        pooler = Pooler(Path(name)) if pooled else None
        pair = Pair(nodes, pooler)
        try:
            if pooler is not None:
                pooler.start(pair.primary)
            yield pair
        finally:
            if pooler is not None:
                with suppress(OSError):
                    pooler.kill()

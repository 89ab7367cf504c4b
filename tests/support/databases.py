"""Makes databases for tests: each is a copy of a template, which is filled once a session."""

import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import cache, partial
from pathlib import Path
from tempfile import mkdtemp

import psycopg
from fhirexport_server.demo.group import batches
from fhirexport_server.domain.rows import Batch
from fhirexport_server.store.loader import load
from fhirexport_server.store.migrate import migrate

from support.in_memory import in_memory
from support.postgres import Postgres, running_postgres
from support.rows import small

BACKENDS = ("sqlite", "postgresql")

Fill = Callable[[str], object]
"""Fills the migrated, empty database at a URL."""


def filled_with(rows: Callable[[], Iterable[Batch]]) -> Fill:
    """Return what fills a database with rows."""
    return lambda url: load(url, rows())


def _become_another(url: str) -> None:
    """Give a copy an incarnation of its own; without our engine, whose making takes longer than the copy."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as file:
            file.execute("PRAGMA synchronous = OFF")
            file.execute("UPDATE database_incarnation SET id = lower(hex(randomblob(16)))")
    else:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("UPDATE database_incarnation SET id = gen_random_uuid()::text")


class Databases:
    """Databases on both backends, by their URLs. No two of them are the same to a cache."""

    def __init__(self, make_directory: Callable[[], Path], postgres: Callable[[], Postgres]) -> None:
        """Make nothing yet.

        Args:
            make_directory: Makes a directory that is empty.
            postgres: Starts PostgreSQL on its first call, and returns it.
        """
        self._make_directory, self._postgres = make_directory, postgres
        self._templates: dict[tuple[str, str], str] = {}
        self._copies: list[str] = []

    def empty(self, backend: str) -> str:
        """Return a database without a schema."""
        if backend == "sqlite":
            return f"sqlite:///{self._make_directory() / 'fhirexport.db'}"
        return self._postgres().create_database()

    def new(self, backend: str) -> str:
        """Return a database with the schema, and no rows."""
        return self._copy(backend, self._migrated(backend))

    def copy(self, backend: str, name: str, fill: Fill) -> str:
        """Return a database that was filled.

        Args:
            backend: `sqlite` or `postgresql`.
            name: What it holds: of two with one name, the second is filled as the first was.
            fill: Fills the template.
        """
        return self._copy(backend, self.template(backend, name, fill))

    def small(self, backend: str) -> str:
        """Return a database that holds the small hospital of `support.rows`."""
        return self.copy(backend, "small", filled_with(small))

    def group(self, backend: str, patients: int) -> str:
        """Return a database that holds a demo group of so many patients."""
        return self.copy(backend, f"group of {patients}", filled_with(partial(batches, patients=patients)))

    def template(self, backend: str, name: str, fill: Fill) -> str:
        """Return the database that such copies are made of: for those who commit nothing."""
        if (backend, name) not in self._templates:
            url = self._copied(backend, self._migrated(backend))
            fill(url)
            self._templates[backend, name] = url
        return self._templates[backend, name]

    @contextmanager
    def dropped(self) -> Iterator[None]:
        """Drop the copies that are made in this context, at its end: on PostgreSQL, each takes 300 files."""
        before = len(self._copies)
        yield
        while len(self._copies) > before:
            url = self._copies.pop()
            if url.startswith("sqlite"):
                # A file may go meanwhile: that of a connection which the garbage collector closes.
                shutil.rmtree(Path(url.removeprefix("sqlite:///")).parent, ignore_errors=True)
            else:
                self._postgres().drop_database(url)

    def _migrated(self, backend: str) -> str:
        key = (backend, "")
        if key not in self._templates:
            url = self.empty(backend)
            migrate(url)
            self._templates[key] = url
        return self._templates[key]

    def _copy(self, backend: str, template: str) -> str:
        self._copies.append(url := self._copied(backend, template))
        return url

    def _copied(self, backend: str, template: str) -> str:
        if backend == "sqlite":
            url = self.empty(backend)
            source = Path(template.removeprefix("sqlite:///"))
            assert not source.with_name(f"{source.name}-wal").exists(), "somebody still writes to it"
            shutil.copyfile(source, url.removeprefix("sqlite:///"))
        else:
            url = self._postgres().copy_database(template)
        _become_another(url)
        return url


@contextmanager
def running_databases(directory: Path) -> Iterator[Databases]:
    """Offer databases to a program, until the end; PostgreSQL is started when one of it is asked for."""
    with ExitStack() as stack:
        server = cache(lambda: stack.enter_context(running_postgres(parent=in_memory())))
        yield Databases(lambda: Path(mkdtemp(dir=directory)), server)

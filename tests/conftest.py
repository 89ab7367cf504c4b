"""Owns the fixtures that every test may use: real databases, empty or with the demo group."""

from collections.abc import Callable, Iterator

import pytest
from fhirexport_server.demo.group import batches
from fhirexport_server.store.loader import load
from fhirexport_server.store.migrate import migrate
from support.postgres import Postgres, running_postgres
from support.rows import small
from support.valkey import Valkey, running_valkey

DEMO_PATIENTS = 200
BACKENDS = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server, for the whole session."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def empty_database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], str]:
    """Make a database without a schema: `empty_database("sqlite")` or `("postgresql")`; return its URL."""

    def make(backend: str) -> str:
        if backend == "sqlite":
            directory = tmp_path_factory.mktemp("sqlite")
            return f"sqlite:///{directory / 'fhirexport.db'}"
        server: Postgres = request.getfixturevalue("postgres")
        return server.create_database()

    return make


@pytest.fixture(scope="session")
def new_database(empty_database: Callable[[str], str]) -> Callable[[str], str]:
    """Make a migrated, empty database: `new_database("sqlite")` or `("postgresql")`; return its URL."""

    def make(backend: str) -> str:
        url = empty_database(backend)
        migrate(url)
        return url

    return make


@pytest.fixture(params=BACKENDS)
def database_url(request: pytest.FixtureRequest, new_database: Callable[[str], str]) -> str:
    """A migrated, empty database of one's own, on either backend."""
    return new_database(request.param)


@pytest.fixture(scope="session", params=BACKENDS)
def demo_database_url(request: pytest.FixtureRequest, new_database: Callable[[str], str]) -> str:
    """The demo group, on either backend. Shared by the session: read only."""
    url = new_database(request.param)
    load(url, batches(patients=DEMO_PATIENTS))
    return url


@pytest.fixture(scope="session")
def session_valkey() -> Iterator[Valkey]:
    """A Valkey server, for the whole session: for `valkey`."""
    with running_valkey() as server:
        yield server


@pytest.fixture
def valkey(session_valkey: Valkey) -> Valkey:
    """A Valkey server that holds nothing. Whoever kills or freezes one runs one of their own."""
    with session_valkey.client() as client:
        client.flushall()
    return session_valkey


@pytest.fixture
def own_valkey() -> Iterator[Valkey]:
    """A Valkey server of one's own, to be ended, frozen and changed."""
    with running_valkey() as server:
        yield server


@pytest.fixture
def small_url(new_database: Callable[[str], str]) -> str:
    """A small hospital, in SQLite."""
    url = new_database("sqlite")
    load(url, small())
    return url


@pytest.fixture
def lockable_url(new_database: Callable[[str], str]) -> str:
    """The same in PostgreSQL, where `support.locks` can hold up its readers."""
    url = new_database("postgresql")
    load(url, small())
    return url

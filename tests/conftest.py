"""The fixtures that every test may use: real databases, empty or filled."""

import os

# A process that is forked to change its user, as PostgreSQL's are where root runs the tests, gets gRPC's
# threads again otherwise, and they crash it now and then before it is another program. gRPC looks once, as
# it is imported.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "false"

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import cast

import pytest
from fhirexport_server.demo.group import batches
from fhirexport_server.runtime.fairness.event_loop import FairEventLoop
from fhirexport_server.runtime.garbage import collect_rarely
from fhirexport_server.store.loader import load
from fhirexport_server.telemetry.metrics import Metrics
from imports.hospital import Hospital, Resource
from prometheus_client import CollectorRegistry
from support import examples  # noqa: F401 - it makes the profiles
from support.databases import BACKENDS, Databases
from support.exporting import exporting
from support.importing import Exported, exported, import_lines, importing
from support.in_memory import in_memory
from support.postgres import Postgres, running_postgres
from support.valkey import Valkey, running_valkey

DEMO_PATIENTS = 200


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--every-database", action="store_true", help="Run the tests marked `content` on PostgreSQL too."
    )


def pytest_configure() -> None:
    """Take signals as a terminal's programs do.

    What a shell runs in the background ignores SIGINT, and what `nohup` runs ignores SIGHUP; and so would the
    commands that the tests start.
    """
    for number, action in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, action)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Have half as many processes again as there are cores: a test waits for others a quarter of its time."""
    return (os.cpu_count() or 1) * 3 // 2


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run tests in the event loop that serves."""
    return {"fair": FairEventLoop}


def pytest_collection_finish() -> None:
    """Exempt the tests, too: to look through them for garbage took a fifth of the time."""
    collect_rarely()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Have a test of a hospital on each database, or on one where no database has a say in it."""
    if "hospital" in metafunc.fixturenames:
        content = metafunc.definition.get_closest_marker("content")
        every = content is None or metafunc.config.getoption("--every-database")
        metafunc.parametrize("hospital", BACKENDS if every else BACKENDS[:1], indirect=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server, for the whole session."""
    with running_postgres(vacuums=False, parent=in_memory()) as server:
        yield server


@pytest.fixture(scope="session")
def databases(request: pytest.FixtureRequest) -> Iterator[Databases]:
    """Whatever databases a test needs."""
    with TemporaryDirectory(prefix="fhirexport-sqlite-", dir=in_memory()) as directory:
        yield Databases(
            lambda: Path(mkdtemp(dir=directory)),
            lambda: cast("Postgres", request.getfixturevalue("postgres")),
        )


@pytest.fixture(autouse=True)
def _dropped_databases(databases: Databases) -> Iterator[None]:
    """Drops the databases that a test and its own fixtures made; not those of modules and of the session."""
    with databases.dropped():
        yield


@pytest.fixture(scope="session")
def empty_database(databases: Databases) -> Callable[[str], str]:
    """Make a database without a schema: `empty_database("sqlite")` or `("postgresql")`; return its URL."""
    return databases.empty


@pytest.fixture(scope="session")
def new_database(databases: Databases) -> Callable[[str], str]:
    """Make a migrated, empty database: `new_database("sqlite")` or `("postgresql")`; return its URL."""
    return databases.new


@pytest.fixture(scope="session")
def new_small(databases: Databases) -> Callable[[str], str]:
    """Make a database of the small hospital: `new_small("sqlite")`; return its URL."""
    return databases.small


@pytest.fixture(scope="session")
def new_group(databases: Databases) -> Callable[[str, int], str]:
    """Make a database of a demo group of so many patients: `new_group("sqlite", 20)`; return its URL."""
    return databases.group


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """Either backend, by its name."""
    return str(request.param)


@pytest.fixture
def database_url(backend: str, new_database: Callable[[str], str]) -> str:
    """A migrated, empty database of one's own, on either backend."""
    return new_database(backend)


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
def small_url(databases: Databases) -> str:
    """A small hospital, in SQLite."""
    return databases.small("sqlite")


@pytest.fixture
def lockable_url(databases: Databases) -> str:
    """The same in PostgreSQL, where `support.locks` can hold up its readers."""
    return databases.small("postgresql")


@pytest.fixture(scope="session")
def large_url(new_database: Callable[[str], str]) -> str:
    """Some megabytes of venues, in SQLite. Shared by the session: read only."""
    url = new_database("sqlite")
    load(url, batches(patients=1000))
    return url


@pytest.fixture
def sixty_url(databases: Databases) -> str:
    """A group of sixty patients, in SQLite."""
    return databases.group("sqlite", 60)


@pytest.fixture(scope="session")
def small_exports(new_database: Callable[[str], str]) -> dict[int, Exported]:
    """The exports of a group of 30 patients, by EJ."""
    url = new_database("sqlite")
    load(url, batches(patients=30))
    return asyncio.run(exported(url))


@pytest.fixture
async def hospital(
    request: pytest.FixtureRequest, databases: Databases, small_exports: dict[int, Exported]
) -> AsyncIterator[Hospital]:
    """The first EJ of that group, imported, on either backend: it is one's own."""
    content = b"".join(small_exports[1])

    def fill(url: str) -> None:
        summary = asyncio.run(import_lines(url, content))
        assert summary.problems == ()

    url = await asyncio.to_thread(databases.copy, request.param, "hospital", fill)
    resources: list[Resource] = [json.loads(line) for line in content.splitlines()]
    metrics = Metrics(CollectorRegistry())
    async with importing(url, metrics=metrics) as importer, exporting(url, metrics=metrics) as exporter:
        yield Hospital(url, {resource["id"]: resource for resource in resources}, importer, exporter)

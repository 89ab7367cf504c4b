"""Owns the databases and servers that the tests of rpc share."""

from collections.abc import AsyncIterator, Callable

import pytest
from fhirexport_server.demo.group import batches
from fhirexport_server.store.loader import load
from support.admin import Server, serving
from support.valkey import Valkey


@pytest.fixture(scope="session")
def large_url(new_database: Callable[[str], str]) -> str:
    """Some megabytes of venues, in SQLite. Shared by the session: read only."""
    url = new_database("sqlite")
    load(url, batches(patients=1000))
    return url


@pytest.fixture
def sixty_url(new_database: Callable[[str], str]) -> str:
    """A group of sixty patients, in SQLite."""
    url = new_database("sqlite")
    load(url, batches(patients=60))
    return url


@pytest.fixture
async def server(sixty_url: str, valkey: Valkey) -> AsyncIterator[Server]:
    """A server of it with an empty Valkey, as an operator reaches it."""
    async with serving(sixty_url, valkey.url) as server:
        yield server

"""Owns the databases that the tests of the server share."""

from collections.abc import Callable

import pytest
from fhirexport_server.demo.group import batches
from fhirexport_server.store.loader import load
from support.rows import small


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


@pytest.fixture(scope="session")
def large_url(new_database: Callable[[str], str]) -> str:
    """Some megabytes of venues, in SQLite. Shared by the session: read only."""
    url = new_database("sqlite")
    load(url, batches(patients=1000))
    return url

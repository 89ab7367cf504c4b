"""Owns the databases that the tests of the metrics share."""

from collections.abc import Callable

import pytest
from fhirexport_server.store.loader import load
from support.rows import small


@pytest.fixture
def small_url(new_database: Callable[[str], str]) -> str:
    """A small hospital, in SQLite."""
    url = new_database("sqlite")
    load(url, small())
    return url


@pytest.fixture
def postgres_url(new_database: Callable[[str], str]) -> str:
    """The same in PostgreSQL, where `support.locks` can hold up its readers."""
    url = new_database("postgresql")
    load(url, small())
    return url

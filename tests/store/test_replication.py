"""Shows what the exports of a database say that is a subscriber of logical replication."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing

import psycopg
import pytest
from fhirexport_server.domain.errors import ChangesUntrackedError, Fault
from fhirexport_server.exports.exporter import Exporter
from fhirexport_server.store.loader import load
from fhirexport_server.store.migrate import migrate
from store.altered import CACHE_BYTES, export_patients
from support.exporting import exporting
from support.postgres import Postgres, running_postgres
from support.rows import small
from support.server import PATIENCE


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A server whose databases can be published."""
    with running_postgres(vacuums=False, logical=True) as server:
        yield server


def _execute(url: str, *statements: str) -> Sequence[tuple[object, ...]]:
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        for statement in statements[:-1]:
            connection.execute(statement)
        cursor = connection.execute(statements[-1])
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
async def exporter(server: Postgres) -> AsyncIterator[tuple[Exporter, str, str]]:
    """An exporter of a database that could subscribe, that database, and the one that is published."""
    published, subscriber = server.create_database(), server.create_database()
    for url in (published, subscriber):
        migrate(url)
    load(subscriber, small())
    load(published, small())
    _execute(published, "CREATE PUBLICATION everything FOR TABLE patient")
    async with exporting(subscriber, cache_bytes=CACHE_BYTES) as exporter:
        yield exporter, subscriber, published


async def _until(url: str, question: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while not (await asyncio.to_thread(_execute, url, question))[0][0]:
            await asyncio.sleep(0.05)


async def test_what_a_subscription_writes_is_not_told_as_unchanged(
    exporter: tuple[Exporter, str, str],
) -> None:
    exports, subscriber, published = exporter
    before = await export_patients(exports)
    _execute(published, "SELECT pg_create_logical_replication_slot('copies', 'pgoutput')")
    # A server that is its own publisher must make the slot first: it would wait for itself.
    place = published.replace("postgresql://", "postgres://")
    _execute(
        subscriber,
        f"CREATE SUBSCRIPTION copies CONNECTION '{place}' PUBLICATION everything"
        " WITH (create_slot = false, copy_data = false)",
    )
    try:
        with pytest.raises(ChangesUntrackedError) as refused:
            await export_patients(exports)
        assert (refused.value.fault, refused.value.name) == (Fault.SUBSCRIPTION, "patient")

        _execute(published, "UPDATE patient SET birth_family = 'DURAND'")

        await _until(subscriber, "SELECT birth_family = 'DURAND' FROM patient")
        with pytest.raises(ChangesUntrackedError):
            await export_patients(exports)
    finally:
        _execute(subscriber, "ALTER SUBSCRIPTION copies DISABLE", "DROP SUBSCRIPTION copies")
    assert b"MARTIN" in before

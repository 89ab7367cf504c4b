"""Shows that a subscriber of logical replication notices what it is sent, and serves it."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing

import psycopg
import pytest
from fhirexport_server.domain.changes import Changes
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.errors import ChangesUntrackedError, Fault
from fhirexport_server.domain.outcomes import FullReason
from fhirexport_server.exports.exporter import Exporter
from fhirexport_server.store.database import Database
from fhirexport_server.store.loader import load
from fhirexport_server.store.migrate import migrate
from fhirexport_server.store.schema.revisions import READ_BY
from store.altered import CACHE_BYTES, export_patients, is_cached
from store.differences import NAMED, Seen, changes_since, missing, see
from support.exporting import exporting
from support.in_memory import in_memory
from support.postgres import Postgres, running_postgres
from support.rows import small
from support.server import PATIENCE

EJS = (1, 2)
MARK = "UPDATE ej SET short_name = '{}' WHERE id = 2"
"""What is written last: a subscriber that has it has all before it."""
_END_SENDERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'walsender'"
P, V = Dataset.PATIENTS, Dataset.VENUES

STATEMENTS: dict[str, dict[tuple[int, Dataset], set[int]]] = {
    "INSERT INTO patient (id, ej_id) VALUES (8, 1), (9, 2)": {(1, P): {8}, (2, P): {9}},
    "UPDATE patient SET used_family = 'DURAND' WHERE id IN (1, 8)": {(1, P): {1, 8}},
    "UPDATE patient SET ej_id = 2 WHERE id = 8": {(1, P): {8}, (2, P): {8}},
    "INSERT INTO patient_identifier (ej_id, patient_id, seq, kind, use_code, system, value)"
    " VALUES (2, 8, 1, 'IPP', 'usual', 'urn:oid:1.2', '8'), (2, 9, 1, 'IPP', 'usual', 'urn:oid:1.2', '9')": {
        (2, P): {8, 9}
    },
    "UPDATE patient_identifier SET patient_id = 9, seq = 2 WHERE patient_id = 8": {(2, P): {8, 9}},
    "UPDATE patient_contact SET family = 'DURAND'": {(1, P): {1}},
    "DELETE FROM patient WHERE id = 9": {(2, P): {9}},
    "INSERT INTO venue (id, ej_id, patient_id, venue_no, patient_class) VALUES (7, 1, 1, 'V7', 'I')": {
        (1, V): {7}
    },
    "UPDATE movement SET venue_id = 7": {(1, V): {1, 7}},
    "DELETE FROM venue WHERE id = 7": {(1, V): {7}},
    "UPDATE org_unit SET name = 'Nord'": {(1, V): set()},
    "UPDATE namespace SET system = 'urn:oid:1.2.4'": {(1, V): set()},
    "DELETE FROM place": {(1, V): set()},
    "UPDATE ej SET time_zone = 'Indian/Reunion' WHERE id = 1": {(1, P): set(), (1, V): set()},
}
"""For each dataset, the ids that a statement touches. None at all is a change of what all resources share."""


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A server whose databases can be published."""
    with running_postgres(vacuums=False, logical=True, parent=in_memory()) as server:
        yield server


def _execute(url: str, *statements: str) -> Sequence[tuple[object, ...]]:
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        for statement in statements[:-1]:
            connection.execute(statement.encode())
        cursor = connection.execute(statements[-1].encode())
        return cursor.fetchall() if cursor.description else []


async def _until(url: str, question: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while not (await asyncio.to_thread(_execute, url, question))[0][0]:
            await asyncio.sleep(0.05)


class Pair:
    """A database that is published, and one that subscribes to it."""

    def __init__(self, published: str, subscriber: str) -> None:
        self.published, self.subscriber = published, subscriber
        self._marks = 0

    async def subscribe(self, tables: str) -> None:
        """Publish tables, and subscribe to them. What they hold is copied."""
        _execute(self.published, f"CREATE PUBLICATION published FOR {tables}")
        # A server that is its own publisher must make the slot first: it would wait for itself.
        _execute(self.published, "SELECT pg_create_logical_replication_slot('copies', 'pgoutput')")
        source = self.published.replace("postgresql://", "postgres://")
        _execute(
            self.subscriber,
            f"CREATE SUBSCRIPTION copies CONNECTION '{source}' PUBLICATION published"
            " WITH (create_slot = false)",
        )

    async def until_copied(self) -> None:
        await _until(self.subscriber, "SELECT bool_and(srsubstate = 'r') FROM pg_subscription_rel")

    async def publish(self, *statements: str) -> None:
        """Execute statements, and wait until the subscriber has what they did."""
        self._marks += 1
        _execute(self.published, *statements, MARK.format(self._marks))
        await _until(self.subscriber, f"SELECT short_name = '{self._marks}' FROM ej WHERE id = 2")

    def unsubscribe(self) -> None:
        if not _execute(self.subscriber, "SELECT 1 FROM pg_subscription WHERE subname = 'copies'"):
            return
        _execute(self.subscriber, "ALTER SUBSCRIPTION copies DISABLE")
        # A sender that makes the slot of a copy waits for each transaction of its server, that of the DROP as
        # well, which waits for the slot.
        deadline = time.monotonic() + PATIENCE
        while _execute(self.published, _END_SENDERS):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        _execute(self.subscriber, "DROP SUBSCRIPTION copies")


@pytest.fixture
def pair(server: Postgres) -> Iterator[Pair]:
    pair = Pair(server.create_database(), server.create_database())
    for url in (pair.published, pair.subscriber):
        migrate(url)
    load(pair.published, small())
    _execute(pair.published, "INSERT INTO ej (id, finess, name) VALUES (2, '750712184', 'AP')")
    yield pair
    pair.unsubscribe()


@pytest.fixture
async def exporter(pair: Pair) -> AsyncIterator[Exporter]:
    """An exporter of the subscriber."""
    async with exporting(pair.subscriber, cache_bytes=CACHE_BYTES) as exporter:
        yield exporter


def _all(database: Database) -> list[Seen]:
    return [see(database, ej_id, dataset) for ej_id in EJS for dataset in NAMED]


@pytest.mark.long
async def test_what_a_subscription_writes_is_named(pair: Pair) -> None:
    await pair.subscribe(f"TABLE {', '.join(READ_BY)}")
    await pair.until_copied()
    await pair.publish()
    with Database.open(pair.subscriber) as database:
        for statement, expected in STATEMENTS.items():
            before = _all(database)
            await pair.publish(statement)
            named = {}
            for seen in before:
                changes = changes_since(database, seen)
                after = see(database, seen.ej_id, seen.dataset)
                assert isinstance(changes, Changes), statement
                assert missing(seen, after, changes) == set(), statement
                if changes.ids or (changes.context and seen.ej_id == 1):
                    named[seen.ej_id, seen.dataset] = set(changes.ids)
            assert named == expected, statement
            while database.compact().more:
                pass
    # Who deletes there, too, is noted.
    noted = _execute(pair.subscriber, "SELECT table_name, row_id FROM tombstone ORDER BY 1, 2")
    assert noted == [("movement", 1), ("patient", 9), ("place", 1), ("venue", 7)]


async def test_what_a_subscription_copies_and_writes_is_exported(pair: Pair, exporter: Exporter) -> None:
    await pair.subscribe(f"TABLE {', '.join(READ_BY)}")
    await pair.until_copied()
    assert b"MARTIN" in await export_patients(exporter)
    assert await is_cached(exporter)
    await pair.publish("UPDATE patient SET birth_family = 'DURAND'")
    assert b"DURAND" in await export_patients(exporter)
    assert await is_cached(exporter)
    await pair.publish("TRUNCATE patient CASCADE")
    assert b"DURAND" not in await export_patients(exporter)
    await exporter.database.check()


async def test_a_write_of_ones_own_is_counted_once(pair: Pair) -> None:
    counted = "SELECT count(*) FROM revision_delta"
    load(pair.subscriber, small())
    (before,) = _execute(pair.subscriber, counted)[0]
    _execute(pair.subscriber, "UPDATE patient SET birth_family = 'DURAND'")
    assert _execute(pair.subscriber, counted) == [(int(str(before)) + 1,)]


async def test_a_truncation_elsewhere_is_noticed(pair: Pair) -> None:
    await pair.subscribe(f"TABLE {', '.join(READ_BY)}")
    await pair.until_copied()
    with Database.open(pair.subscriber) as database:
        before = see(database, 1, V)
        await pair.publish("TRUNCATE movement")
        after = see(database, 1, V)
        assert after.rows != before.rows
        assert after.revision != before.revision
        assert changes_since(database, before) is FullReason.UNPROVEN


async def test_who_subscribes_to_the_tables_of_revisions_is_refused(pair: Pair) -> None:
    await pair.subscribe("ALL TABLES")
    with Database.open(pair.subscriber) as database, pytest.raises(ChangesUntrackedError) as refused:
        database.check()
    assert (refused.value.fault, refused.value.name) == (Fault.SUBSCRIPTION, "database_incarnation")

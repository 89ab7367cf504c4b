"""Shows that compacting changes no revision, whoever writes and reads meanwhile."""

import threading
from collections.abc import Callable

import pytest
from fhirexport_server.domain.changes import Change, Compaction
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.revision import Revision
from fhirexport_server.store.compactor import BATCH_ROWS
from fhirexport_server.store.database import Database
from sqlalchemy import text
from support.rows import EJ_ID, writing

WRITES = 150
WRITERS = 2
UPDATE = text("UPDATE movement SET nature = 'H' WHERE ej_id = 1")


@pytest.fixture
def url(new_small: Callable[[str], str]) -> str:
    return new_small("postgresql")


def _revision(database: Database) -> Revision:
    with database.snapshot() as snapshot:
        return snapshot.revision(EJ_ID, Dataset.VENUES)


def _deltas(url: str) -> int:
    with writing(url) as connection:
        return int(connection.execute(text("SELECT count(*) FROM revision_delta")).scalar_one())


def test_a_compacted_revision_is_the_same(url: str) -> None:
    with Database.open(url) as database:
        with writing(url) as connection:
            for _ in range(BATCH_ROWS + 10):
                connection.execute(UPDATE)
        before = _revision(database)
        assert database.compact().more is True
        assert _revision(database) == before
        assert database.compact().more is False
        assert _revision(database) == before
    assert _deltas(url) == 0


def test_a_delta_that_is_not_committed_is_left_alone(url: str) -> None:
    with Database.open(url) as database:
        database.compact()
        before = _revision(database)
        with writing(url) as connection:
            connection.execute(UPDATE)
            database.compact()
            assert _revision(database) == before
        assert _revision(database).n == before.n + 1


@pytest.mark.long
def test_revisions_only_grow_while_writers_and_two_compactors_run(url: str) -> None:
    with Database.open(url) as database:
        before = _revision(database)
        done = threading.Event()
        seen: list[Revision] = []

        def write() -> None:
            for _ in range(WRITES):
                with writing(url) as connection:
                    connection.execute(UPDATE)

        def compact() -> None:
            while not done.is_set():
                database.compact()

        def read() -> None:
            while not done.is_set():
                seen.append(_revision(database))

        writers = [threading.Thread(target=write) for _ in range(WRITERS)]
        others = [threading.Thread(target=target) for target in (compact, compact, read)]
        for thread in (*writers, *others):
            thread.start()
        for thread in writers:
            thread.join()
        done.set()
        for thread in others:
            thread.join()
        assert _revision(database).n == before.n + WRITES * WRITERS
        assert [revision.n for revision in seen] == sorted(revision.n for revision in seen)
        by_n: dict[int, int] = {}
        assert all(by_n.setdefault(revision.n, revision.digest) == revision.digest for revision in seen)
        assert len(by_n) > 10


def test_each_change_is_told_of_once(backend: str, new_group: Callable[[str, int], str]) -> None:
    database_url, sqlite = new_group(backend, 20), backend == "sqlite"
    with Database.open(database_url) as database, Database.open(database_url) as other:
        while database.compact().changes:
            pass
        assert other.compact() == Compaction((), more=False)
        with writing(database_url) as connection:
            connection.execute(UPDATE)
            connection.execute(text("UPDATE venue SET nda = 'x' WHERE id = -1"))
            rows = connection.execute(text("SELECT count(*) FROM movement WHERE ej_id = 1")).scalar_one()
            contacts = connection.execute(text("DELETE FROM patient_contact WHERE ej_id = 1")).rowcount
        assert (rows > 1, contacts > 1) == (True, True)
        assert set(database.compact().changes) == {
            Change(EJ_ID, Dataset.VENUES, "movement", None if sqlite else rows),
            Change(EJ_ID, Dataset.PATIENTS, "patient_contact", None if sqlite else contacts),
        }
        # On SQLite each process finds out for itself.
        assert bool(other.compact().changes) is sqlite
        assert database.compact() == other.compact() == Compaction((), more=False)


def test_what_counts_for_every_ej_is_told_as_such(new_small: Callable[[str], str]) -> None:
    url = new_small("postgresql")
    with Database.open(url) as database:
        while database.compact().changes:
            pass
        with writing(url) as connection:
            connection.execute(text("TRUNCATE movement"))
        assert database.compact().changes == (Change(0, Dataset.VENUES, "movement", 0),)

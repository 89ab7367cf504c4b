"""Shows that compacting changes no revision, whoever writes and reads meanwhile."""

import threading
from collections.abc import Callable

import pytest
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.revision import Revision
from fhirexport_server.store.compactor import BATCH_ROWS
from fhirexport_server.store.database import Database
from fhirexport_server.store.loader import load
from sqlalchemy import text
from support.rows import EJ_ID, small, writing

WRITES = 150
WRITERS = 2
UPDATE = text("UPDATE movement SET nature = 'H' WHERE ej_id = 1")


@pytest.fixture
def url(new_database: Callable[[str], str]) -> str:
    url = new_database("postgresql")
    load(url, small())
    return url


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
        assert database.compact() is True
        assert _revision(database) == before
        assert database.compact() is False
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


def test_sqlite_has_nothing_to_compact(new_database: Callable[[str], str]) -> None:
    url = new_database("sqlite")
    load(url, small())
    with Database.open(url) as database:
        assert database.compact() is False

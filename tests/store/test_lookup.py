"""Shows that the look-up of several revisions says what look-ups of each say, by one statement."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise

import pytest
from fhirexport_server.domain.audit import AuditEntry
from fhirexport_server.domain.datasets import EVERY_EJ, Dataset, EjDataset
from fhirexport_server.domain.errors import (
    ChangesUntrackedError,
    DatabaseUnavailableError,
    Fault,
    SchemaMismatchError,
)
from fhirexport_server.domain.revision import Revision
from fhirexport_server.store import lookup
from fhirexport_server.store.database import Database
from sqlalchemy import event
from support.rows import writing

EXPORTS = [EjDataset(ej_id, dataset) for ej_id in (1, 2, 3) for dataset in Dataset]
WRITES = (
    "UPDATE patient SET used_family = 'DURAND' WHERE ej_id = 1",
    "INSERT INTO ej (id, finess, name) VALUES (2, '750712184', 'AP')",
    "UPDATE venue SET nda = 'N1' WHERE ej_id = 1",
    "INSERT INTO place (ej_id, kind, code, name) VALUES (2, 'ROOM', 'R', 'R')",
    "DELETE FROM movement WHERE ej_id = 1",
    "DELETE FROM place WHERE ej_id = 2",
    "DELETE FROM ej WHERE id = 2",
)


@pytest.fixture
def url(backend: str, new_small: Callable[[str], str]) -> str:
    return new_small(backend)


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    with Database.open(url) as database:
        yield database


def _execute(url: str, statement: str) -> None:
    with writing(url) as connection:
        connection.exec_driver_sql(statement, execution_options={"no_parameters": True})


def _one_by_one(database: Database) -> dict[EjDataset, Revision]:
    looked = {export: database.revision(*export) for export in EXPORTS}
    return {export: revision for export, revision in looked.items() if revision is not None}


@contextmanager
def _statements(database: Database) -> Iterator[list[str]]:
    """What is sent to the database by its readers."""
    sent: list[str] = []
    engine = database._engine  # noqa: SLF001 - what is sent has no other way out

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement != "BEGIN":
            sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_it_says_what_each_look_up_says_whatever_is_written(url: str, database: Database) -> None:
    seen = []
    for statement in (None, *WRITES):
        if statement is not None:
            _execute(url, statement)
        looked = database.revisions(EXPORTS)
        assert looked.refused == {}
        assert looked.found == _one_by_one(database)
        seen.append(looked.found)
    assert all(before != after for before, after in pairwise(seen))
    assert {len(found) for found in seen} == {3, 6}


def test_what_counts_for_every_ej_counts_here(database: Database) -> None:
    before = database.revisions(EXPORTS).found
    database.invalidate([(EVERY_EJ, Dataset.VENUES)], AuditEntry("", "flush", "", 0, "", ""))
    found = database.revisions(EXPORTS).found
    assert found == _one_by_one(database)
    assert {export.dataset for export in before if found[export] != before[export]} == {Dataset.VENUES}


def test_folding_changes_nothing(url: str, database: Database) -> None:
    for statement in WRITES:
        _execute(url, statement)
        before = database.revisions(EXPORTS)
        database.compact()
        assert database.revisions(EXPORTS) == before


def test_any_number_of_datasets_is_one_statement(database: Database) -> None:
    database.revisions(EXPORTS)
    wanted = [EjDataset(ej_id, dataset) for ej_id in range(1, 1000) for dataset in Dataset]
    with _statements(database) as sent:
        found = database.revisions(wanted).found
    assert len(sent) == 1
    assert {export.ej_id for export in found} == {1}


def test_beyond_a_bound_it_is_several(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = database.revisions(EXPORTS)
    monkeypatch.setattr(lookup, "MOST_AT_ONCE", 4)
    with _statements(database) as sent:
        assert database.revisions(EXPORTS) == whole
    assert len(sent) == 3


def test_nothing_is_asked_for_nothing(database: Database) -> None:
    with _statements(database) as sent:
        assert database.revisions([]) == ({}, {})
    assert sent == []


@pytest.fixture
def postgresql_url(new_small: Callable[[str], str]) -> str:
    return new_small("postgresql")


@pytest.fixture
def warm(postgresql_url: str) -> Iterator[Database]:
    """A database whose schema was found in order."""
    with Database.open(postgresql_url) as database:
        assert len(database.revisions(EXPORTS).found) == 3
        yield database


def test_a_dataset_whose_changes_would_go_unnoticed_is_refused_alone(
    postgresql_url: str, warm: Database
) -> None:
    before = warm.revisions(EXPORTS).found
    _execute(postgresql_url, "ALTER TABLE patient DISABLE TRIGGER patient_revision_update")
    looked = warm.revisions(EXPORTS)
    (refused,) = looked.refused.items()
    assert refused[0] is Dataset.PATIENTS
    assert isinstance(refused[1], ChangesUntrackedError)
    assert refused[1].fault is Fault.TRIGGER_OFF
    others = {export: revision for export, revision in before.items() if export.dataset != Dataset.PATIENTS}
    assert looked.found == others
    _execute(postgresql_url, "ALTER TABLE patient ENABLE ALWAYS TRIGGER patient_revision_update")
    # Nobody knows what happened meanwhile, so it is another revision.
    found = warm.revisions(EXPORTS).found
    assert found == {export: warm.revision(*export) for export in before}
    assert {export.dataset for export in before if found[export] != before[export]} == {Dataset.PATIENTS}


def test_tables_that_moved_to_another_schema_are_found(postgresql_url: str, warm: Database) -> None:
    before = warm.revisions(EXPORTS).found
    _execute(postgresql_url, 'ALTER SCHEMA public RENAME TO "o%""p"')
    found = warm.revisions(EXPORTS).found
    assert found.keys() == before.keys()
    assert found == {export: warm.revision(*export) for export in before}


def test_a_connection_that_died_is_made_anew(postgresql_url: str, warm: Database) -> None:
    before = warm.revisions(EXPORTS)
    _execute(
        postgresql_url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        " AND datname = current_database()",
    )
    assert warm.revisions(EXPORTS) == before


def test_a_database_that_is_not_there_is_unavailable() -> None:
    with (
        Database.open("postgresql://nobody@127.0.0.1:9/none?connect_timeout=1") as database,
        pytest.raises(DatabaseUnavailableError),
    ):
        database.revisions(EXPORTS)


def test_without_tables_there_is_another_schema(empty_database: Callable[[str], str]) -> None:
    with (
        Database.open(empty_database("postgresql")) as database,
        pytest.raises(SchemaMismatchError),
    ):
        database.revisions(EXPORTS)

"""Shows that every way of writing moves the revisions of what it changes, and of nothing else."""

import sqlite3
from collections.abc import Callable, Iterator

import pytest
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.revision import Revision
from fhirexport_server.store.database import Database
from fhirexport_server.store.loader import load
from fhirexport_server.store.schema.revisions import READ_BY
from sqlalchemy import text
from support.databases import Databases
from support.rows import small, writing

Revisions = dict[tuple[int, Dataset], Revision]
OTHER_EJ = "INSERT INTO ej (id, finess, name) VALUES (2, '750712184', 'AP')"
UPDATES = {
    "ej": "UPDATE ej SET name = 'CHU' WHERE id = 1",
    "namespace": "UPDATE namespace SET system = 'urn:oid:1.2.4' WHERE ej_id = 1",
    "org_unit": "UPDATE org_unit SET name = 'Nord' WHERE ej_id = 1",
    "org_member": "UPDATE org_member SET child_id = 3 WHERE ej_id = 1",
    "place": "UPDATE place SET name = 'UH 2' WHERE ej_id = 1",
    "patient": "UPDATE patient SET used_family = 'DURAND' WHERE ej_id = 1",
    "patient_identifier": "UPDATE patient_identifier SET value = '8002' WHERE ej_id = 1",
    "patient_contact": "UPDATE patient_contact SET family = 'DURAND' WHERE ej_id = 1",
    "venue": "UPDATE venue SET nda = 'N1' WHERE ej_id = 1",
    "movement": "UPDATE movement SET state = 'cancelled' WHERE ej_id = 1",
}
INSERTS = {
    "namespace": "INSERT INTO namespace (ej_id, kind, system) VALUES (1, 'NDA', 'urn:oid:1.2.5')",
    "org_unit": "INSERT INTO org_unit (ej_id, kind, code, name) VALUES (1, 'POLE', 'P', 'P')",
    "org_member": "INSERT INTO org_member (ej_id, parent_id, child_id) VALUES (1, 1, 3)",
    "place": "INSERT INTO place (ej_id, kind, code, name) VALUES (1, 'ROOM', 'R', 'R')",
    "patient": "INSERT INTO patient (ej_id) VALUES (1)",
    "patient_identifier": "INSERT INTO patient_identifier "
    "(ej_id, patient_id, seq, kind, use_code, system, value) "
    "VALUES (1, 1, 2, 'IPP', 'old', 'urn:oid:1.2', '9')",
    "patient_contact": "INSERT INTO patient_contact (ej_id, patient_id, seq, family) VALUES (1, 1, 2, 'X')",
    "venue": "INSERT INTO venue (ej_id, patient_id, venue_no, patient_class) VALUES (1, 1, 'V2', 'O')",
    "movement": "INSERT INTO movement "
    "(ej_id, venue_id, movement_no, started_at, trigger_event) "
    "VALUES (1, 1, 'M2', '2026-01-11T08:00:00Z', 'A03')",
}
# In an order in which nothing that refers is left behind.
DELETES = {
    table: f"DELETE FROM {table} WHERE ej_id = 1"
    for table in (
        "movement",
        "venue",
        "patient_contact",
        "patient_identifier",
        "patient",
        "place",
        "org_member",
        "org_unit",
        "namespace",
    )
}


def _fill(url: str) -> None:
    load(url, small())
    with writing(url) as connection:
        connection.execute(text(OTHER_EJ))
        for number in (2, 3):
            connection.execute(
                text(
                    "INSERT INTO org_unit (id, ej_id, kind, code, name) "
                    f"VALUES ({number}, 1, 'UF', 'U{number}', 'U')"
                )
            )
        connection.execute(text("INSERT INTO org_member (ej_id, parent_id, child_id) VALUES (1, 1, 2)"))


@pytest.fixture
def url(backend: str, databases: Databases) -> str:
    return databases.copy(backend, "two EJs and their units", _fill)


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    with Database.open(url) as database:
        yield database


def _revisions(database: Database) -> Revisions:
    with database.snapshot() as snapshot:
        return {(ej, dataset): snapshot.revision(ej, dataset) for ej in (1, 2) for dataset in Dataset}


def _moved(database: Database, before: Revisions) -> set[tuple[int, Dataset]]:
    after = _revisions(database)
    moved = {key for key in after if after[key] != before[key]}
    assert all(after[key].n > before[key].n for key in moved)
    return moved


def _of_first_ej(table: str) -> set[tuple[int, Dataset]]:
    return {(1, dataset) for dataset in READ_BY[table]}


@pytest.mark.parametrize("table", UPDATES)
def test_an_update_moves_what_reads_the_table(url: str, database: Database, table: str) -> None:
    before = _revisions(database)
    with writing(url) as connection:
        connection.execute(text(UPDATES[table]))
    assert _moved(database, before) == _of_first_ej(table)


@pytest.mark.parametrize("table", INSERTS)
def test_an_insert_moves_what_reads_the_table(url: str, database: Database, table: str) -> None:
    with writing(url) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT setval('org_unit_id_seq', 100)"))
    before = _revisions(database)
    with writing(url) as connection:
        connection.execute(text(INSERTS[table]))
    assert _moved(database, before) == _of_first_ej(table)


def test_deletes_move_what_reads_each_table(url: str, database: Database) -> None:
    for table, statement in DELETES.items():
        before = _revisions(database)
        with writing(url) as connection:
            assert connection.execute(text(statement)).rowcount > 0
        assert _moved(database, before) == _of_first_ej(table), table


def test_what_a_cascade_deletes_moves_its_revision_too(url: str, database: Database) -> None:
    before = _revisions(database)
    with writing(url) as connection:
        connection.execute(text("DELETE FROM venue WHERE id = 1"))
        connection.execute(text("DELETE FROM patient WHERE id = 1"))
        assert connection.execute(text("SELECT count(*) FROM movement")).scalar_one() == 0
        assert connection.execute(text("SELECT count(*) FROM patient_identifier")).scalar_one() == 0
    assert _moved(database, before) == {(1, Dataset.PATIENTS), (1, Dataset.VENUES)}


def test_a_row_that_changes_its_ej_moves_both(url: str, database: Database) -> None:
    with writing(url) as connection:
        connection.execute(text("DELETE FROM org_member"))
    before = _revisions(database)
    with writing(url) as connection:
        connection.execute(text("UPDATE org_unit SET ej_id = 2 WHERE id = 3"))
    assert _moved(database, before) == {
        (ej, dataset) for ej in (1, 2) for dataset in (Dataset.STRUCTURE, Dataset.VENUES)
    }


def test_a_statement_that_is_rolled_back_moves_nothing(url: str, database: Database) -> None:
    before = _revisions(database)
    with pytest.raises(ZeroDivisionError), writing(url) as connection:
        connection.execute(text(UPDATES["movement"]))
        raise ZeroDivisionError
    assert _moved(database, before) == set()


def test_truncate_moves_every_ej(url: str, database: Database) -> None:
    before = _revisions(database)
    with writing(url) as connection:
        if connection.dialect.name == "sqlite":
            # What SQLite has instead: a DELETE without condition, which it may run without row triggers.
            connection.execute(text("DELETE FROM movement"))
            expected = {(1, Dataset.VENUES)}
        else:
            connection.execute(text("TRUNCATE movement"))
            expected = {(1, Dataset.VENUES), (2, Dataset.VENUES)}
    assert _moved(database, before) == expected


def test_sqlite_replace_moves_the_ej_that_loses_the_row(new_small: Callable[[str], str]) -> None:
    url = new_small("sqlite")
    with writing(url) as connection:
        connection.execute(text(OTHER_EJ))
    # Another program, with the driver's defaults: REPLACE then deletes without a DELETE trigger.
    other = sqlite3.connect(url.removeprefix("sqlite:///"))
    with Database.open(url) as database:
        other.execute("INSERT OR REPLACE INTO patient (id, ej_id) VALUES (7, 1)")
        other.commit()
        before = _revisions(database)
        other.execute("INSERT OR REPLACE INTO patient (id, ej_id) VALUES (7, 2)")
        other.commit()
        assert _moved(database, before) == {(1, Dataset.PATIENTS), (2, Dataset.PATIENTS)}
    other.close()


def test_a_deleted_row_leaves_a_tombstone_and_an_update_its_time(url: str) -> None:
    with writing(url) as connection:
        connection.execute(text("UPDATE venue SET updated_at = '2020-01-01T00:00:00Z'"))
    with writing(url) as connection:
        connection.execute(text("UPDATE venue SET nda = 'N2'"))
        year = connection.execute(text("SELECT CAST(updated_at AS TEXT) FROM venue")).scalar_one()[:4]
        connection.execute(text("DELETE FROM venue WHERE id = 1"))
        found = connection.execute(text("SELECT table_name, row_id FROM tombstone ORDER BY 1")).all()
    assert int(year) > 2020
    assert [tuple(row) for row in found] == [("movement", 1), ("venue", 1)]


def test_setseed_does_not_make_changes_alike(new_small: Callable[[str], str]) -> None:
    url = new_small("postgresql")
    nonces = set()
    for _ in range(2):
        with writing(url) as connection:
            connection.execute(text("DELETE FROM revision_delta"))
            connection.execute(text("SELECT setseed(0.5)"))
            connection.execute(text(UPDATES["venue"]))
            nonces |= set(connection.execute(text("SELECT nonce FROM revision_delta")).scalars())
    assert len(nonces) == 2

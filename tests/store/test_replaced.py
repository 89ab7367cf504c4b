"""Shows that on SQLite the rows that REPLACE deletes without a trigger are noticed and named."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from fhirexport_server.domain.changes import Changes
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.errors import ChangesUntrackedError, Fault
from fhirexport_server.store.database import Database
from fhirexport_server.store.loader import load
from sqlalchemy import text
from store.differences import Seen, changes_since, missing, see
from support.databases import Databases
from support.rows import small, writing

P, V = Dataset.PATIENTS, Dataset.VENUES
FILL = """
    INSERT INTO ej (id, finess, name) VALUES (2, '750712184', 'AP');
    INSERT INTO namespace (ej_id, kind, system) VALUES (2, 'VENUE', 'urn:oid:1.2.9');
    INSERT INTO patient (id, ej_id) VALUES (2, 1), (3, 1), (4, 2);
    INSERT INTO patient_identifier (rowid, ej_id, patient_id, seq, kind, use_code, system, value) VALUES
      (21, 1, 2, 1, 'IPP', 'usual', 'urn:oid:1.2', 'A'),
      (22, 1, 2, 2, 'NDP', 'secondary', 'urn:oid:1.2.250.1.176.1.2', 'B'),
      (24, 2, 4, 1, 'IPP', 'usual', 'urn:oid:1.2', 'A');
    INSERT INTO patient_contact (rowid, ej_id, patient_id, seq, family) VALUES
      (21, 1, 2, 1, 'X'), (24, 2, 4, 1, 'X');
    INSERT INTO venue (id, ej_id, patient_id, venue_no, patient_class) VALUES
      (2, 1, 1, 'V2', 'I'), (3, 1, 2, 'V3', 'I'), (4, 2, 4, 'V1', 'O');
    INSERT INTO movement (id, ej_id, venue_id, movement_no, started_at, trigger_event) VALUES
      (2, 1, 2, 'M2', '2026-01-11T08:00:00Z', 'A02'), (4, 2, 4, 'M1', '2026-01-11T08:00:00Z', 'A01');
"""
_MOVEMENT = "INTO movement (id, ej_id, venue_id, movement_no, started_at, trigger_event) VALUES"
_IDENTIFIER = "INTO patient_identifier (ej_id, patient_id, seq, kind, use_code, system, value) VALUES"
STATEMENTS: dict[str, dict[tuple[int, Dataset], set[int]]] = {
    # By the primary key, in the same EJ and in another.
    "INSERT OR REPLACE INTO patient (id, ej_id) VALUES (3, 2)": {(1, P): {3}, (2, P): {3}},
    "UPDATE OR REPLACE patient SET id = 3 WHERE id = 4": {(1, P): {3}, (2, P): {3, 4}},
    f"REPLACE {_MOVEMENT} (2, 1, 1, 'M9', '2026-01-11T08:00:00Z', 'A02')": {(1, V): {1, 2}},
    f"REPLACE {_MOVEMENT} (2, 2, 4, 'M9', '2026-01-11T08:00:00Z', 'A02')": {(1, V): {2}, (2, V): {4}},
    "UPDATE OR REPLACE movement SET id = 2 WHERE id = 4": {(1, V): {2}, (2, V): {4}},
    # By the other keys.
    f"REPLACE {_MOVEMENT} (9, 1, 1, 'M2', '2026-01-11T08:00:00Z', 'A02')": {(1, V): {1, 2}},
    "UPDATE OR REPLACE movement SET movement_no = 'M2' WHERE id = 1": {(1, V): {1, 2}},
    "UPDATE OR REPLACE venue SET venue_no = 'V3' WHERE id = 1": {(1, V): {1, 3}},
    f"REPLACE {_IDENTIFIER} (1, 3, 1, 'IPP', 'usual', 'urn:oid:1.2', 'A')": {(1, P): {2, 3}},
    "UPDATE OR REPLACE patient_identifier SET system = 'urn:oid:1.2', value = 'A' WHERE patient_id = 1": {
        (1, P): {1, 2}
    },
    f"REPLACE {_IDENTIFIER} (1, 2, 9, 'NDP', 'secondary', 'urn:oid:1.2.250.1.176.1.2', 'C')": {(1, P): {2}},
    "UPDATE OR REPLACE patient_identifier SET patient_id = 1 WHERE patient_id = 2 AND seq = 1": {
        (1, P): {1, 2}
    },
    # By the number that a row has beside its columns.
    "UPDATE OR REPLACE patient_identifier SET rowid = 24 WHERE rowid = 21": {(1, P): {2}, (2, P): {4}},
    "UPDATE OR REPLACE patient_contact SET _rowid_ = 24 WHERE oid = 21": {(1, P): {2}, (2, P): {4}},
    "REPLACE INTO patient_contact (rowid, ej_id, patient_id, seq, family) VALUES (21, 2, 4, 2, 'Y')": {
        (1, P): {2},
        (2, P): {4},
    },
    "UPDATE OR REPLACE movement SET rowid = 2 WHERE rowid = 4": {(1, V): {2}, (2, V): {4}},
    "UPDATE OR REPLACE namespace SET rowid = (SELECT rowid FROM namespace WHERE ej_id = 2) WHERE ej_id = 1": {
        (1, V): set(),
        (2, V): set(),
    },
    "REPLACE INTO ej (id, finess, name) VALUES (2, '750712184', 'APHP')": {(2, P): set(), (2, V): set()},
    # Several rows in the way of one, and what is in nobody's way.
    f"REPLACE {_MOVEMENT} (1, 1, 3, 'M2', '2026-01-11T08:00:00Z', 'A02')": {(1, V): {1, 2, 3}},
    f"REPLACE {_MOVEMENT} (9, 1, 1, 'M9', '2026-01-11T08:00:00Z', 'A02')": {(1, V): {1}},
}
"""For each dataset, the ids that a statement touches. One more does no harm, but it is named here."""


def _fill(url: str) -> None:
    load(url, small())
    with writing(url) as connection:
        for statement in FILL.split(";")[:-1]:
            connection.execute(text(statement))


@pytest.fixture
def url(databases: Databases) -> str:
    return databases.copy("sqlite", "in the way", _fill)


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    with Database.open(url) as database:
        yield database


def _file(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def _all(database: Database) -> list[Seen]:
    return [see(database, ej_id, dataset) for ej_id in (1, 2) for dataset in (P, V)]


@pytest.mark.parametrize("recursive", [False, True])
@pytest.mark.parametrize("statement", STATEMENTS)
def test_what_replace_deletes_is_named(
    url: str, database: Database, statement: str, *, recursive: bool
) -> None:
    before = _all(database)
    with closing(sqlite3.connect(_file(url))) as other:
        # Another program has neither, unless it switches them on.
        other.execute(f"PRAGMA recursive_triggers = {recursive}")
        other.execute(f"PRAGMA foreign_keys = {recursive}")
        with other:
            try:
                other.execute(statement)
            except sqlite3.IntegrityError:
                assert recursive, "only foreign keys may forbid it"
                return
    moved = {}
    for seen in before:
        changes = changes_since(database, seen)
        after = see(database, seen.ej_id, seen.dataset)
        assert isinstance(changes, Changes)
        assert missing(seen, after, changes) == set()
        if after.revision != seen.revision:
            moved[seen.ej_id, seen.dataset] = set(changes.ids)
    assert moved == STATEMENTS[statement]


@pytest.mark.parametrize("clause", ["OR IGNORE", "OR ABORT", "OR FAIL", "OR ROLLBACK", ""])
def test_no_other_clause_keeps_a_change_from_being_logged(url: str, database: Database, clause: str) -> None:
    before = see(database, 1, V)
    with closing(sqlite3.connect(_file(url))) as other, other:
        # As after a revision was set back: the log has the number already.
        other.execute("UPDATE revision_base SET n = n - 1 WHERE ej_id = 1 AND dataset = 'venues'")
        other.execute(f"UPDATE {clause} venue SET nda = 'N' WHERE id = 2")
        other.execute(f"INSERT {clause} {_MOVEMENT} (9, 1, 1, 'M9', '2026-01-11T08:00:00Z', 'A02')")
    after = see(database, 1, V)
    assert after.rows != before.rows
    assert after.revision != before.revision
    with closing(sqlite3.connect(_file(url))) as other, other:
        other.execute(f"UPDATE {clause} venue SET nda = 'M' WHERE id = 3")
    assert changes_since(database, after) == Changes(frozenset({3}))


UNKNOWN_KEYS = [
    "CREATE UNIQUE INDEX mine ON movement (ej_id, started_at)",
    "CREATE UNIQUE INDEX mine ON patient_contact (ej_id, family)",
    "CREATE UNIQUE INDEX mine ON patient (lower(birth_family))",
    """
    DROP INDEX patient_identifier_ndp;
    CREATE UNIQUE INDEX patient_identifier_ndp ON patient_identifier (ej_id, patient_id) WHERE kind = 'RRI'
    """,
]


@pytest.mark.parametrize("statements", UNKNOWN_KEYS)
def test_a_unique_key_that_is_none_of_ours_is_refused(url: str, database: Database, statements: str) -> None:
    with closing(sqlite3.connect(_file(url))) as other:
        other.executescript(statements)
    with pytest.raises(ChangesUntrackedError) as refused:
        database.check()
    assert refused.value.fault is Fault.UNIQUE_INDEX


KNOWN_KEYS = [
    "CREATE INDEX mine ON movement (ej_id, started_at)",
    "CREATE UNIQUE INDEX mine ON movement (id, started_at)",
    "CREATE UNIQUE INDEX mine ON movement (started_at, movement_no, ej_id) WHERE state = 'active'",
]


@pytest.mark.parametrize("statement", KNOWN_KEYS)
def test_other_indexes_are_nobodys_business(url: str, database: Database, statement: str) -> None:
    with closing(sqlite3.connect(_file(url))) as other:
        other.execute(statement)
    database.check()


def test_a_trigger_on_the_log_is_refused(url: str, database: Database) -> None:
    with closing(sqlite3.connect(_file(url))) as other:
        other.execute("CREATE TRIGGER quiet BEFORE INSERT ON revision_log BEGIN SELECT RAISE(IGNORE); END")
    with pytest.raises(ChangesUntrackedError) as refused:
        database.check()
    assert (refused.value.fault, refused.value.name) == (Fault.TRIGGER_CHANGED, "quiet")


def test_an_ej_that_gets_another_id_has_revisions(url: str, database: Database) -> None:
    with writing(url) as connection:
        connection.execute(text("INSERT INTO ej (id, finess, name) VALUES (5, '750712185', 'HCL')"))
        connection.execute(text("UPDATE ej SET id = 6 WHERE id = 5"))
    before = see(database, 6, P)
    with writing(url) as connection:
        connection.execute(text("UPDATE patient SET ej_id = 6 WHERE id = 3"))
    after = see(database, 6, P)
    assert after.revision != before.revision
    assert changes_since(database, before) == Changes(frozenset({3}))

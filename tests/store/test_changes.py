"""Shows that the log names what each kind of statement changes in each table: that, and nothing else."""

from collections.abc import Iterable, Iterator, Mapping

import pytest
from fhirexport_server.domain.changes import Changes
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.outcomes import FullReason
from fhirexport_server.store import bulk, compactor
from fhirexport_server.store.connection.engine import create
from fhirexport_server.store.guard.guard import Guard
from fhirexport_server.store.loader import load
from fhirexport_server.store.snapshot import SnapshotReader
from sqlalchemy import Connection, text
from store.differences import NAMED, Seen, missing, seen_in
from support.databases import BACKENDS, Databases
from support.rows import small, writing

P, V = Dataset.PATIENTS, Dataset.VENUES
EJS = (1, 2)
Expected = Mapping[tuple[int, Dataset], Changes]

FILL = """
    INSERT INTO ej (id, finess, name) VALUES (2, '750712184', 'AP');
    INSERT INTO org_unit (id, ej_id, kind, code, name)
     VALUES (2, 1, 'UF', 'U2', 'U'), (3, 1, 'UF', 'U3', 'U'), (4, 2, 'UF', 'U4', 'U');
    INSERT INTO org_member (ej_id, parent_id, child_id) VALUES (1, 1, 2);
    INSERT INTO patient (id, ej_id) VALUES (2, 1), (3, 1), (4, 2), (5, 2);
    INSERT INTO patient_identifier (ej_id, patient_id, seq, kind, use_code, system, value)
     VALUES (1, 2, 1, 'IPP', 'usual', 'urn:oid:1.2', 'A'), (1, 2, 2, 'IPP', 'old', 'urn:oid:1.2', 'B');
    INSERT INTO patient_contact (ej_id, patient_id, seq, family) VALUES (1, 2, 1, 'X');
    INSERT INTO venue (id, ej_id, patient_id, venue_no, patient_class)
     VALUES (2, 1, 1, 'V2', 'I'), (3, 1, 2, 'V3', 'I'), (4, 2, 4, 'V1', 'O');
    INSERT INTO movement (id, ej_id, venue_id, movement_no, started_at, trigger_event) VALUES
     (2, 1, 1, 'M2', '2026-01-11T08:00:00Z', 'A02'), (3, 1, 2, 'M3', '2026-01-11T08:00:00Z', 'A01'),
     (4, 2, 4, 'M1', '2026-01-11T08:00:00Z', 'A01');
"""
"""Beside the small hospital: patients 1 to 3 and venues 1 to 3 are of EJ 1, 4 and 5 of EJ 2."""


def _named(dataset: Dataset, *ids: int, ej_id: int = 1) -> Expected:
    return {(ej_id, dataset): Changes(frozenset(ids))}


def _context(*datasets: Dataset, ej_id: int = 1) -> Expected:
    return {(ej_id, dataset): Changes(context=True) for dataset in datasets}


_MOVEMENT = "INSERT INTO movement (id, ej_id, venue_id, movement_no, started_at, trigger_event) VALUES"
_IDENTIFIER = "INSERT INTO patient_identifier (ej_id, patient_id, seq, kind, use_code, system, value) VALUES"
STATEMENTS: dict[str, Expected] = {
    # Patients, and what they have several of.
    "INSERT INTO patient (id, ej_id) VALUES (50, 1)": _named(P, 50),
    "INSERT INTO patient (id, ej_id) VALUES (50, 1), (52, 1), (60, 2)": {
        **_named(P, 50, 52),
        **_named(P, 60, ej_id=2),
    },
    "INSERT INTO patient (id, ej_id) VALUES (2, 1), (9, 1)"
    " ON CONFLICT (id) DO UPDATE SET active = false": _named(P, 2, 9),
    "UPDATE patient SET used_family = 'DURAND' WHERE id = 2": _named(P, 2),
    "UPDATE patient SET used_family = 'DURAND' WHERE ej_id = 1": _named(P, 1, 2, 3),
    "UPDATE patient SET used_family = 'DURAND' WHERE id IN (3, 5)": {
        **_named(P, 3),
        **_named(P, 5, ej_id=2),
    },
    "UPDATE patient SET used_family = 'DURAND' WHERE id = 99": {},
    "UPDATE patient SET id = 70 WHERE id = 3": _named(P, 3, 70),
    "UPDATE patient SET ej_id = 2 WHERE id = 3": {**_named(P, 3), **_named(P, 3, ej_id=2)},
    "UPDATE patient SET ej_id = 1, id = 80 WHERE id = 5": {**_named(P, 80), **_named(P, 5, ej_id=2)},
    "DELETE FROM patient WHERE id = 3": _named(P, 3),
    f"{_IDENTIFIER} (1, 3, 1, 'IPP', 'usual', 'urn:oid:1.2', '3')": _named(P, 3),
    "UPDATE patient_identifier SET value = 'C' WHERE patient_id = 2 AND seq = 1": _named(P, 2),
    "UPDATE patient_identifier SET patient_id = 3 WHERE patient_id = 2": _named(P, 2, 3),
    "DELETE FROM patient_identifier WHERE ej_id = 1": _named(P, 1, 2),
    "INSERT INTO patient_contact (ej_id, patient_id, seq, family) VALUES (1, 3, 1, 'X')": _named(P, 3),
    "UPDATE patient_contact SET family = 'Y' WHERE ej_id = 1": _named(P, 1, 2),
    "UPDATE patient_contact SET patient_id = 3 WHERE patient_id = 2": _named(P, 2, 3),
    "DELETE FROM patient_contact WHERE patient_id = 1": _named(P, 1),
    # Venues and movements.
    "INSERT INTO venue (id, ej_id, patient_id, venue_no, patient_class) VALUES (50, 1, 1, 'X', 'I')": _named(
        V, 50
    ),
    "UPDATE venue SET nda = 'N' WHERE id = 2": _named(V, 2),
    "UPDATE venue SET nda = 'N' WHERE ej_id = 1": _named(V, 1, 2, 3),
    "UPDATE venue SET id = 90 WHERE id = 3": _named(V, 3, 90),
    "UPDATE venue SET ej_id = 2, patient_id = 5 WHERE id = 3": {**_named(V, 3), **_named(V, 3, ej_id=2)},
    "DELETE FROM venue WHERE id = 1": _named(V, 1),
    f"{_MOVEMENT} (50, 1, 3, 'X', '2026-01-11T08:00:00Z', 'A01')": _named(V, 3),
    f"{_MOVEMENT} (51, 1, 3, 'X', '2026-01-11T08:00:00Z', 'A01'),"
    " (52, 2, 4, 'X', '2026-01-11T08:00:00Z', 'A03')": {
        **_named(V, 3),
        **_named(V, 4, ej_id=2),
    },
    "UPDATE movement SET state = 'cancelled' WHERE id = 2": _named(V, 1),
    "UPDATE movement SET state = 'cancelled' WHERE ej_id = 1": _named(V, 1, 2),
    "UPDATE movement SET venue_id = 3 WHERE id = 3": _named(V, 2, 3),
    "UPDATE movement SET ej_id = 2, venue_id = 4 WHERE id = 2": {**_named(V, 1), **_named(V, 4, ej_id=2)},
    "DELETE FROM movement WHERE id = 1": _named(V, 1),
    "DELETE FROM movement": {**_named(V, 1, 2), **_named(V, 4, ej_id=2)},
    # What reaches all resources, and no one more than the others.
    "UPDATE ej SET name = 'CHU' WHERE id = 1": _context(P, V),
    "UPDATE ej SET time_zone = 'Indian/Reunion' WHERE id = 2": _context(P, V, ej_id=2),
    "INSERT INTO namespace (ej_id, kind, system) VALUES (1, 'NDA', 'urn:oid:1.2.5')": _context(V),
    "UPDATE namespace SET system = 'urn:oid:1.2.4' WHERE ej_id = 1": _context(V),
    "UPDATE namespace SET ej_id = 2 WHERE ej_id = 1": {**_context(V), **_context(V, ej_id=2)},
    "DELETE FROM namespace": _context(V),
    "INSERT INTO org_unit (id, ej_id, kind, code, name) VALUES (9, 1, 'POLE', 'P', 'P')": _context(V),
    "UPDATE org_unit SET name = 'Nord' WHERE id = 1": _context(V),
    "DELETE FROM org_unit WHERE id IN (3, 4)": {**_context(V), **_context(V, ej_id=2)},
    "INSERT INTO place (ej_id, kind, code, name) VALUES (2, 'ROOM', 'R', 'R')": _context(V, ej_id=2),
    "UPDATE place SET name = 'UH 2' WHERE ej_id = 1": _context(V),
    "DELETE FROM place": _context(V),
    # What only the structure shows.
    "INSERT INTO org_member (ej_id, parent_id, child_id) VALUES (1, 1, 3)": {},
    "UPDATE org_member SET child_id = 3": {},
    "DELETE FROM org_member": {},
}
# PostgreSQL alone has these.
OWN_STATEMENTS: dict[str, Expected] = {
    "WITH gone AS (DELETE FROM movement WHERE id = 3 RETURNING *)"
    " UPDATE venue SET nda = 'N' FROM gone WHERE venue.id = gone.venue_id + 1": _named(V, 2, 3),
    "MERGE INTO venue AS v USING (VALUES (1, 'A'), (3, 'B')) AS s (id, nda) ON v.id = s.id"
    " WHEN MATCHED AND s.nda = 'A' THEN UPDATE SET nda = s.nda WHEN MATCHED THEN DELETE": _named(V, 1, 3),
}


def _fill(url: str) -> None:
    load(url, small())
    with writing(url) as connection:
        for statement in FILL.split(";"):
            connection.execute(text(statement))


@pytest.fixture(params=BACKENDS)
def connection(request: pytest.FixtureRequest, databases: Databases) -> Iterator[Connection]:
    """A connection that writes what is never committed, so that all may use one database."""
    yield from _writing(databases, request.param)


@pytest.fixture
def connection_of_postgresql(databases: Databases) -> Iterator[Connection]:
    yield from _writing(databases, "postgresql")


def _writing(databases: Databases, backend: str) -> Iterator[Connection]:
    engine = create(databases.template(backend, "two small hospitals", _fill))
    with engine.connect() as connection, connection.begin() as transaction:
        yield connection
        transaction.rollback()
    engine.dispose()


class Log:
    """What the log says of a transaction, in that transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._is_postgresql = connection.dialect.name == "postgresql"
        self.fold()

    def fold(self) -> None:
        if self._is_postgresql:
            while compactor.fold(self._connection).more:
                pass

    def now(self) -> list[Seen]:
        snapshot = SnapshotReader(self._connection, Guard())
        return [seen_in(snapshot, ej_id, dataset) for ej_id in EJS for dataset in NAMED]

    def changes(self, before: Iterable[Seen]) -> dict[tuple[int, Dataset], Changes]:
        """Return what has changed since; make sure that it is all."""
        snapshot = SnapshotReader(self._connection, Guard())
        found = {}
        for seen in before:
            assert seen.position is not None
            changes = snapshot.changes(seen.ej_id, seen.dataset, seen.revision, seen.position)
            assert isinstance(changes, Changes)
            assert missing(seen, seen_in(snapshot, seen.ej_id, seen.dataset), changes) == set()
            if changes != Changes():
                found[seen.ej_id, seen.dataset] = changes
        return found


def _assert_named(connection: Connection, statement: str, expected: Expected) -> None:
    log = Log(connection)
    before = log.now()
    connection.execute(text(statement))
    changes = log.changes(before)
    if "SET ej_id" in statement and connection.dialect.name == "sqlite":
        # It names the former and the later id in both EJs.
        assert changes.keys() == expected.keys()
        assert all(changes[key].ids >= expected[key].ids for key in expected)
    else:
        assert changes == expected
    between = log.now()
    # Whether a change was folded before, meanwhile or not at all shows in nothing.
    log.fold()
    assert log.changes(before) == changes
    assert log.changes(between) == {}
    connection.execute(text("UPDATE patient SET email = 'a@b.example' WHERE id = 1"))
    assert log.changes(between) == _named(P, 1)


@pytest.mark.parametrize("statement", STATEMENTS)
def test_the_log_names_what_a_statement_changes(connection: Connection, statement: str) -> None:
    _assert_named(connection, statement, STATEMENTS[statement])


@pytest.mark.parametrize("statement", OWN_STATEMENTS)
def test_the_log_names_what_a_statement_of_postgresql_changes(
    connection_of_postgresql: Connection, statement: str
) -> None:
    _assert_named(connection_of_postgresql, statement, OWN_STATEMENTS[statement])


def test_a_copy_is_named(connection_of_postgresql: Connection) -> None:
    log = Log(connection_of_postgresql)
    before = log.now()
    bulk.copy(connection_of_postgresql, "patient", ("id", "ej_id"), [(60, 1), (61, 2), (62, 1)])
    assert log.changes(before) == {**_named(P, 60, 62), **_named(P, 61, ej_id=2)}


def test_what_a_session_that_replicates_writes_is_named(connection_of_postgresql: Connection) -> None:
    connection, log = connection_of_postgresql, Log(connection_of_postgresql)
    before = log.now()
    connection.execute(text("SET LOCAL session_replication_role = replica"))
    connection.execute(text("UPDATE movement SET venue_id = 3 WHERE id = 3"))
    connection.execute(text("DELETE FROM patient WHERE id IN (3, 5)"))
    assert log.changes(before) == {**_named(V, 2, 3), **_named(P, 3), **_named(P, 5, ej_id=2)}


def test_a_cascade_names_what_it_deletes(connection: Connection) -> None:
    log = Log(connection)
    before = log.now()
    connection.execute(text("DELETE FROM venue WHERE id IN (2, 3)"))
    connection.execute(text("DELETE FROM patient WHERE id = 2"))
    assert connection.execute(text("SELECT count(*) FROM movement WHERE id = 3")).scalar_one() == 0
    assert log.changes(before) == {**_named(P, 2), **_named(V, 2, 3)}


def test_what_a_savepoint_undoes_is_not_named(connection: Connection) -> None:
    log = Log(connection)
    before = log.now()
    with connection.begin_nested() as savepoint:
        connection.execute(text("UPDATE venue SET nda = 'N' WHERE id = 2"))
        assert log.changes(before) == _named(V, 2)
        savepoint.rollback()
    connection.execute(text("UPDATE venue SET nda = 'N' WHERE id = 3"))
    assert log.changes(before) == _named(V, 3)


def test_the_structure_is_rendered_whole(connection: Connection) -> None:
    snapshot = SnapshotReader(connection, Guard())
    revision, position = snapshot.revision(1, Dataset.STRUCTURE), snapshot.position(1, Dataset.STRUCTURE)
    assert position is not None
    assert snapshot.changes(1, Dataset.STRUCTURE, revision, position) == Changes()
    connection.execute(text("UPDATE org_unit SET name = 'Nord' WHERE id = 1"))
    after = SnapshotReader(connection, Guard())
    assert after.changes(1, Dataset.STRUCTURE, revision, position) is FullReason.STRUCTURE


@pytest.mark.long
def test_rows_in_bulk_are_named_up_to_a_thousand_and_then_by_their_range(
    connection_of_postgresql: Connection,
) -> None:
    connection, log = connection_of_postgresql, Log(connection_of_postgresql)
    insert = "INSERT INTO patient (id, ej_id) SELECT n * 10, 1 FROM generate_series({}, {}) AS n"
    before = log.now()
    connection.execute(text(insert.format(1, 1000)))
    assert log.changes(before) == _named(P, *range(10, 10_001, 10))
    before = log.now()
    connection.execute(text(insert.format(1001, 2001)))
    connection.execute(text("UPDATE patient SET used_family = 'X' WHERE id IN (10, 10100, 30000)"))
    assert log.changes(before) == {(1, P): Changes(frozenset({10}), ((10_010, 20_010),))}
    # A row that is updated is there twice, before and after.
    before = log.now()
    update = "UPDATE patient SET used_family = 'Y' WHERE id BETWEEN 10 AND {}"
    connection.execute(text(update.format(10_000)))
    assert log.changes(before) == _named(P, *range(10, 10_001, 10))
    before = log.now()
    connection.execute(text(update.format(10_010)))
    assert log.changes(before) == {(1, P): Changes(ranges=((10, 10_010),))}
    # Of a statement with very many rows, not even the few ids of one EJ are gathered.
    before = log.now()
    owner = "CASE WHEN n IN (1, 4) THEN 1 ELSE 2 END"
    rows = f"SELECT 50000 + n, {owner} FROM generate_series(1, 10001) AS n"
    connection.execute(text(f"INSERT INTO patient (id, ej_id) {rows}"))
    assert log.changes(before)[1, P] == Changes(ranges=((50_001, 50_004),))


def test_what_is_changed_often_is_named_once(connection: Connection) -> None:
    log = Log(connection)
    before = log.now()
    for _ in range(3):
        connection.execute(text("UPDATE venue SET nda = 'N' WHERE id = 2"))
    connection.execute(text("UPDATE place SET name = 'UH 2' WHERE ej_id = 1"))
    assert log.changes(before) == {(1, V): Changes(frozenset({2}), context=True)}

"""Shows that a snapshot is one state of the database, in one order, and can be ended from outside."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.errors import DatabaseUnavailableError
from fhirexport_server.runtime.interrupt import Interrupt
from fhirexport_server.store.database import Database
from sqlalchemy import text
from support.postgres import running_postgres
from support.rows import EJ_ID, writing
from support.server import PATIENCE


@pytest.fixture
def url(backend: str, new_small: Callable[[str], str]) -> str:
    return new_small(backend)


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    with Database.open(url) as database:
        yield database


def test_values_read_the_same_on_both_databases(url: str, database: Database) -> None:
    with writing(url) as connection:
        connection.execute(text("UPDATE patient SET birth_date = '1969-05-03', deceased = true"))
    with database.snapshot() as snapshot:
        patient, identifiers, contacts = next(snapshot.patients(EJ_ID))
        _, movements = next(snapshot.venues(EJ_ID))
    assert (patient.birth_date, bool(patient.deceased), patient.is_doubtful) == ("1969-05-03", True, False)
    assert [identifier.value for identifier in identifiers] == ["8001"]
    assert [contact.family for contact in contacts] == ["MARTIN"]
    assert movements[0].started_at == int(datetime(2026, 1, 10, 17, tzinfo=UTC).timestamp())


def test_movements_come_with_their_venue_in_order_and_without_the_cancelled(
    url: str, database: Database
) -> None:
    with writing(url) as connection:
        for number in (2, 3):
            connection.execute(
                text(
                    "INSERT INTO venue (id, ej_id, patient_id, venue_no, patient_class) "
                    f"VALUES ({number}, 1, 1, 'V{number}', 'I')"
                )
            )
        for number, venue, at, state in (
            (11, 3, "12", "active"),
            (12, 3, "08", "active"),
            (13, 3, "08", "active"),
            (14, 3, "07", "cancelled"),
            (15, 1, "09", "cancelled"),
        ):
            connection.execute(
                text(
                    "INSERT INTO movement "
                    "(id, ej_id, venue_id, movement_no, started_at, trigger_event, state) VALUES "
                    f"({number}, 1, {venue}, 'M{number}', '2026-01-12T{at}:00:00Z', 'A02', '{state}')"
                )
            )
    with database.snapshot() as snapshot:
        found = {venue.id: [m.id for m in movements] for venue, movements in snapshot.venues(EJ_ID)}
    assert found == {1: [1], 2: [], 3: [12, 13, 11]}


def test_units_come_parents_first_and_a_cycle_is_seen_as_one(url: str, database: Database) -> None:
    with writing(url) as connection:
        for number, parent in ((9, "NULL"), (5, "9"), (3, "5"), (4, "3"), (7, "NULL"), (8, "7")):
            connection.execute(
                text(
                    "INSERT INTO org_unit (id, ej_id, kind, parent_id, code, name) "
                    f"VALUES ({number}, 1, 'UF', {parent}, 'U{number}', 'U')"
                )
            )
        connection.execute(text("UPDATE org_unit SET parent_id = 8 WHERE id = 7"))
    with database.snapshot() as snapshot:
        units = list(snapshot.org_units(EJ_ID))
    depths = {unit.id: unit.depth for unit in units}
    assert depths == {1: 1, 9: 1, 5: 2, 3: 3, 4: 4, 7: None, 8: None}
    rooted = [unit.id for unit in units if unit.depth is not None]
    assert rooted == [1, 9, 5, 3, 4]


def test_a_snapshot_does_not_see_what_is_committed_after_it_began(url: str, database: Database) -> None:
    with database.snapshot() as snapshot:
        before = snapshot.revision(EJ_ID, Dataset.PATIENTS)
        with writing(url) as connection:
            connection.execute(text("INSERT INTO patient (id, ej_id) VALUES (50, 1)"))
        assert [patient.id for patient, _, _ in snapshot.patients(EJ_ID)] == [1]
        assert snapshot.revision(EJ_ID, Dataset.PATIENTS) == before
    with database.snapshot() as snapshot:
        assert [patient.id for patient, _, _ in snapshot.patients(EJ_ID)] == [1, 50]
        assert snapshot.revision(EJ_ID, Dataset.PATIENTS) != before


def test_a_snapshot_cannot_write(database: Database) -> None:
    with database.snapshot() as snapshot, pytest.raises(Exception, match=r"read-?only"):
        snapshot._connection.execute(text("DELETE FROM movement"))  # noqa: SLF001 - no other way in


def test_a_read_that_was_interrupted_before_it_began_does_not_begin(database: Database) -> None:
    interrupt = Interrupt()
    interrupt.set()
    with pytest.raises(DatabaseUnavailableError), database.snapshot(interrupt):
        pass


def test_a_slow_query_ends_when_it_is_interrupted(url: str, database: Database) -> None:
    slow = (
        "SELECT pg_sleep(30)"
        if url.startswith("postgresql")
        else "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    )
    interrupt = Interrupt()
    timer = threading.Timer(0.3, interrupt.cut)
    timer.start()
    with pytest.raises(DatabaseUnavailableError), database.snapshot(interrupt) as snapshot:
        snapshot._connection.execute(text(slow)).all()  # noqa: SLF001 - no query of ours is that slow
    timer.join()
    with database.snapshot() as snapshot:
        assert snapshot.ej(EJ_ID) is not None


@pytest.mark.long
def test_a_read_from_a_frozen_server_can_be_interrupted() -> None:
    with running_postgres() as server:
        url = server.create_database()
        with Database.open(url) as database:
            ended = threading.Event()
            interrupt = Interrupt()

            def read() -> None:
                with pytest.raises(DatabaseUnavailableError), database.snapshot(interrupt) as snapshot:
                    backend = snapshot._connection.execute(text("SELECT pg_backend_pid()")).scalar_one()  # noqa: SLF001 - to freeze it
                    os.kill(backend, signal.SIGSTOP)
                    try:
                        snapshot._connection.execute(text("SELECT 1"))  # noqa: SLF001 - waits for ever
                    finally:
                        os.kill(backend, signal.SIGCONT)
                ended.set()

            thread = threading.Thread(target=read)
            thread.start()
            assert not ended.wait(0.5)
            interrupt.cut()
            assert ended.wait(PATIENCE)
            thread.join()


def test_a_connection_that_died_in_the_pool_is_replaced(new_small: Callable[[str], str]) -> None:
    url = new_small("postgresql")
    with Database.open(url) as database:
        with database.snapshot() as snapshot:
            backend = snapshot._connection.execute(text("SELECT pg_backend_pid()")).scalar_one()  # noqa: SLF001 - to end it
        with writing(url) as connection:
            connection.execute(text(f"SELECT pg_terminate_backend({backend})"))
        time.sleep(0.2)
        with database.snapshot() as snapshot:
            assert snapshot.ej(EJ_ID) is not None

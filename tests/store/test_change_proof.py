"""Shows that nothing is believed of the log that does not account for the whole difference."""

from collections.abc import Callable, Iterator

import pytest
from fhirexport_server.domain.audit import AuditEntry
from fhirexport_server.domain.changes import Changes
from fhirexport_server.domain.datasets import EVERY_EJ, Dataset
from fhirexport_server.domain.outcomes import FullReason
from fhirexport_server.store import compactor
from fhirexport_server.store.change_log import postgresql_log, touched
from fhirexport_server.store.database import Database
from sqlalchemy import text
from store.differences import changes_since, see
from support.databases import BACKENDS, Databases
from support.rows import EJ_ID, writing

ENTRY = AuditEntry("test", "invalidate", "fhir:*", 1, "", "")
UPDATE = "UPDATE venue SET nda = 'N' WHERE id = 1"
INSERT = "INSERT INTO venue (id, ej_id, patient_id, venue_no, patient_class) VALUES ({0}, 1, 1, 'W{0}', 'I')"


@pytest.fixture(params=BACKENDS)
def url(request: pytest.FixtureRequest, databases: Databases) -> str:
    return databases.small(request.param)


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    with Database.open(url) as database:
        yield database


def _write(url: str, *statements: str) -> None:
    with writing(url) as connection:
        for statement in statements:
            connection.execute(text(statement))


def _fold(database: Database) -> None:
    while database.compact().more:
        pass


@pytest.mark.parametrize("ej_id", [EJ_ID, EVERY_EJ])
def test_after_an_invalidation_everything_may_differ(url: str, database: Database, ej_id: int) -> None:
    before = see(database, EJ_ID, Dataset.VENUES)
    _write(url, UPDATE)
    database.invalidate([(ej_id, Dataset.VENUES)], ENTRY)
    assert changes_since(database, before) is FullReason.EVERYTHING
    after = see(database, EJ_ID, Dataset.VENUES)
    _write(url, UPDATE)
    assert changes_since(database, after) == Changes(frozenset({1}))


def test_after_truncate_the_table_is_another(new_small: Callable[[str], str]) -> None:
    url = new_small("postgresql")
    with Database.open(url) as database:
        before = see(database, EJ_ID, Dataset.VENUES)
        _write(url, UPDATE, "TRUNCATE movement")
        assert changes_since(database, before) is FullReason.UNPROVEN
        with writing(url) as connection:
            logged = connection.execute(
                text("SELECT ej_id, lo FROM revision_delta WHERE source = 'movement'")
            )
            assert (EVERY_EJ, None) in [tuple(row) for row in logged]


TAMPERING = {
    "rows of the log are gone": "DELETE FROM revision_log",
    "one row of the log is gone": "DELETE FROM revision_log WHERE ej_id = 1 AND dataset = 'venues' AND n ="
    " (SELECT max(n) - 1 FROM revision_log WHERE ej_id = 1 AND dataset = 'venues')",
    "a revision was moved": "UPDATE revision_base SET n = n + 1, digest = digest + 1"
    " WHERE ej_id = 1 AND dataset = 'venues'",
    "a revision was moved back": "UPDATE revision_base SET n = n - 2 WHERE ej_id = 1 AND dataset = 'venues'",
    "only a digest was moved": "UPDATE revision_base SET digest = digest + 1"
    " WHERE ej_id = 1 AND dataset = 'venues'",
    "the revision of every EJ was moved": "UPDATE revision_base SET n = n + 1"
    " WHERE ej_id = 0 AND dataset = 'venues'",
    "a row of the log has another number": "UPDATE revision_log SET nonce = nonce + 1 WHERE ej_id = 1 AND n ="
    " (SELECT max(n) FROM revision_log WHERE ej_id = 1 AND dataset = 'venues')",
}


@pytest.mark.parametrize("statement", TAMPERING.values(), ids=TAMPERING)
def test_a_log_that_does_not_add_up_proves_nothing(url: str, database: Database, statement: str) -> None:
    _fold(database)
    before = see(database, EJ_ID, Dataset.VENUES)
    _write(url, UPDATE, INSERT.format(8), INSERT.format(9))
    _fold(database)
    assert isinstance(changes_since(database, before), Changes)
    _write(url, statement)
    assert changes_since(database, before) is FullReason.UNPROVEN
    # It is taken up again from where it is, whatever numbers there are already.
    for number in range(10, 14):
        _write(url, INSERT.format(number))
        _fold(database)
    before = see(database, EJ_ID, Dataset.VENUES)
    _write(url, UPDATE)
    _fold(database)
    assert changes_since(database, before) == Changes(frozenset({1}))


def test_history_that_was_undone_proves_nothing(url: str, database: Database) -> None:
    """As after a crash that loses commits: other changes then have the numbers of those that were lost."""
    _fold(database)
    tables = ("revision_base", "revision_log", "revision_delta")
    _write(url, *(f"CREATE TABLE kept_{table} AS SELECT * FROM {table}" for table in tables))
    _write(url, UPDATE, INSERT.format(8))
    _fold(database)
    lost = see(database, EJ_ID, Dataset.VENUES)
    for table in tables:
        _write(url, f"DELETE FROM {table}", f"INSERT INTO {table} SELECT * FROM kept_{table}")
    _write(url, *(INSERT.format(number) for number in range(20, 24)))
    assert changes_since(database, lost) is FullReason.UNPROVEN
    _fold(database)
    assert changes_since(database, lost) is FullReason.UNPROVEN


@pytest.mark.parametrize(
    "position",
    [
        "",
        "1:2",
        "0:0:",
        "0:0:0:0",
        "9" * 30,
        "1:2:3,",
        "-1:0:",
        "1:2:x",
        "\x00",
        "9" * 18 + ":0:",
        "0:1:" + "1," * 2000,
    ],
)
def test_a_position_that_is_none_proves_nothing(url: str, database: Database, position: str) -> None:
    before = see(database, EJ_ID, Dataset.VENUES)
    _write(url, UPDATE)
    _fold(database)
    with database.snapshot() as snapshot:
        assert snapshot.changes(EJ_ID, Dataset.VENUES, before.revision, position) is FullReason.UNPROVEN


def test_the_position_of_another_snapshot_proves_nothing(url: str, database: Database) -> None:
    first = see(database, EJ_ID, Dataset.VENUES)
    _write(url, UPDATE)
    _fold(database)
    second = see(database, EJ_ID, Dataset.VENUES)
    _write(url, INSERT.format(8))
    _fold(database)
    assert first.position is not None
    assert second.position is not None
    with database.snapshot() as snapshot:
        for since, position in ((first, second.position), (second, first.position)):
            changes = snapshot.changes(EJ_ID, Dataset.VENUES, since.revision, position)
            assert changes is FullReason.UNPROVEN


def test_another_database_proves_nothing(url: str, database: Database) -> None:
    before = see(database, EJ_ID, Dataset.VENUES)
    _write(url, UPDATE, "UPDATE database_incarnation SET id = 'another'")
    assert changes_since(database, before) is FullReason.UNPROVEN


def test_more_than_a_bound_is_too_many(url: str, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    before = see(database, EJ_ID, Dataset.VENUES)
    _write(url, *(INSERT.format(number) for number in range(10, 15)))
    assert isinstance(changes_since(database, before), Changes)
    monkeypatch.setattr(touched, "MOST_IDS", 4)
    assert changes_since(database, before) is FullReason.TOO_MANY


def test_ranges_are_joined_and_bounded() -> None:
    assert touched.changes([5, 30], [(1, 3), (4, 9), (20, 25), (22, 40)], context=False) == Changes(
        ranges=((1, 9), (20, 40))
    )
    assert (
        touched.changes([], [(n * 10, n * 10 + 1) for n in range(101)], context=False) is FullReason.TOO_MANY
    )


def test_a_position_is_given_while_few_changes_are_not_folded(new_small: Callable[[str], str]) -> None:
    url = new_small("postgresql")
    with Database.open(url) as database:
        _write(url, *[UPDATE] * postgresql_log.MOST_OPEN)
        open_changes = see(database, EJ_ID, Dataset.VENUES)
        assert open_changes.position is None
        database.compact()
        seen = see(database, EJ_ID, Dataset.VENUES)
        assert seen.position is not None
        _fold(database)
        assert changes_since(database, seen) == Changes()
        _write(url, INSERT.format(8))
        _fold(database)
        assert changes_since(database, seen) == Changes(frozenset({8}))


def test_the_log_is_pruned_in_steps_as_it_grows(
    new_small: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = new_small("postgresql")

    def logged() -> int:
        with writing(url) as connection:
            rows = "FROM revision_log WHERE ej_id = 1 AND dataset = 'venues'"
            return int(connection.execute(text(f"SELECT count(*) {rows}")).scalar_one())

    with Database.open(url) as database:
        _write(url, *[UPDATE] * 100)
        _fold(database)
        before = see(database, EJ_ID, Dataset.VENUES)
        lengths = [logged()]
        monkeypatch.setattr(compactor, "LOG_ROWS", 20)
        monkeypatch.setattr(compactor, "PRUNED_ROWS", 30)
        for _ in range(4):
            _write(url, UPDATE)
            _fold(database)
            lengths.append(logged())
        assert lengths == [lengths[0], lengths[0] - 29, lengths[0] - 58, 20, 20]
        # What is needed is still there, and no longer when it is too old.
        assert changes_since(database, before) == Changes(frozenset({1}))
        _write(url, *[UPDATE] * 20)
        _fold(database)
        assert changes_since(database, before) is FullReason.UNPROVEN


@pytest.mark.long
def test_sqlite_prunes_its_log_as_it_grows(new_small: Callable[[str], str]) -> None:
    url = new_small("sqlite")
    many = (
        "INSERT INTO venue (id, ej_id, patient_id, venue_no, patient_class)"
        " WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 100500)"
        " SELECT i, 1, 1, 'W' || i, 'I' FROM n"
    )
    with Database.open(url) as database:
        before = see(database, EJ_ID, Dataset.VENUES)
        _write(url, many)
        assert changes_since(database, before) is FullReason.TOO_MANY
        with writing(url) as connection:
            rows = "FROM revision_log WHERE ej_id = 1 AND dataset = 'venues'"
            count, length = connection.execute(text(f"SELECT count(*), max(n) - min(n) + 1 {rows}")).one()
        assert 100_000 <= count == length < 100_064

"""Shows that no statement changes an export without its revision, and that the look would notice."""

import pytest
from fhirexport_server.store.guard import postgresql, sqlite
from sqlalchemy import text
from support.rows import writing
from verification.metamorphic.rows import COLUMNS
from verification.metamorphic.walk import walk

STATEMENTS = {"sqlite": 1500, "postgresql": 500}
KINDS = {
    *("insert", "upsert", "update", "bulk update", "update of no row", "move"),
    *("delete", "delete of EJ", "clear"),
}
OWN_KINDS = {
    "sqlite": {"replace", "update or replace"},
    "postgresql": {"copy", "merge", "truncate"},
}


def test_no_statement_changes_an_export_without_its_revision(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    backend = database_url.partition(":")[0]
    tally = walk(database_url, statements=STATEMENTS[backend], columns=COLUMNS)
    with capsys.disabled():
        print(f"\n{backend}: {tally}")  # noqa: T201 - how precise the revisions are is worth knowing
    assert tally.misses == []
    assert set(tally.kinds) == KINDS | OWN_KINDS[backend]
    assert COLUMNS - tally.updated == set()
    assert tally.changed > tally.statements / 3


@pytest.mark.parametrize("event", ["insert", "update", "delete"])
def test_a_trigger_that_is_missing_is_noticed(
    database_url: str, event: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The server itself would refuse to read such a database.
    monkeypatch.setattr(sqlite, "require", lambda *_: None)
    monkeypatch.setattr(postgresql, "_refuse", lambda *_: None)
    with writing(database_url) as connection:
        of_table = " ON patient_identifier" if connection.dialect.name == "postgresql" else ""
        connection.execute(text(f"DROP TRIGGER patient_identifier_revision_{event}{of_table}"))
    assert walk(database_url, statements=2000, until_miss=True).misses != []

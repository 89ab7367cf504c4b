"""Shows that a server goes on with a schema to which a newer release has only added."""

from collections.abc import Callable

import pytest
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.errors import SchemaMismatchError
from fhirexport_server.store.connection.schema_revision import current
from fhirexport_server.store.database import Database
from fhirexport_server.store.migrate import migrate
from fhirexport_server.store.schema_version import HEAD, serves
from sqlalchemy import text
from store.altered import CACHE_BYTES, CHANGE, export_patients
from support.exporting import exporting
from support.importing import exported, import_lines
from support.rows import EJ_ID, writing

BASE = HEAD.partition(".")[0]
EXPANDED = f"{BASE}.99"
EXPANSION = (
    "CREATE TABLE parking (id BIGINT PRIMARY KEY, place_id BIGINT NOT NULL REFERENCES place (id))",
    "ALTER TABLE patient ADD COLUMN nickname TEXT",
    "ALTER TABLE venue ADD COLUMN priority INTEGER DEFAULT 0 NOT NULL",
    "CREATE INDEX patient_nickname ON patient (nickname)",
)


def _become(url: str, revision: str, *statements: str) -> None:
    with writing(url) as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
        connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})


@pytest.mark.parametrize(
    ("revision", "head", "is_served"),
    [
        ("0004", "0004", True),
        ("0004.1", "0004", True),
        ("0004.12", "0004.2", True),
        ("0004.2", "0004.12", False),
        ("0004", "0004.1", False),
        ("0005", "0004", False),
        ("0005.1", "0004", False),
        ("0003", "0004", False),
        ("00041", "0004", False),
        ("0004.x", "0004", False),
        ("0004.", "0004", False),
    ],
)
def test_what_is_expanded_further_is_served(revision: str, head: str, *, is_served: bool) -> None:
    assert serves(revision, head) is is_served


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
async def test_exports_and_imports_go_on_while_a_newer_release_expands_the_schema(
    backend: str, new_small: Callable[[str], str]
) -> None:
    url = new_small(backend)
    resources = (await exported(url))[EJ_ID]
    async with exporting(url, cache_bytes=CACHE_BYTES) as exporter:
        before = await export_patients(exporter)
        _become(url, EXPANDED, *EXPANSION)
        assert await export_patients(exporter) == before
        with writing(url) as connection:
            connection.exec_driver_sql(CHANGE)
        assert await export_patients(exporter) != before
    summary = await import_lines(url, b"".join(resources))
    assert summary.problems == ()
    with Database.open(url) as database:
        assert set(database.check()) == set(Dataset)
        database.check_writable()


def test_to_migrate_with_the_former_release_leaves_an_expanded_schema_alone(database_url: str) -> None:
    _become(database_url, EXPANDED, *EXPANSION)
    migrate(database_url)
    with writing(database_url) as connection:
        assert current(connection) == EXPANDED
        assert connection.execute(text("SELECT count(nickname) FROM patient")).scalar_one() == 0


@pytest.mark.parametrize("revision", [f"{int(BASE) + 1:04}", f"{int(BASE) + 1:04}.1"])
def test_what_a_newer_release_has_changed_is_refused(database_url: str, revision: str) -> None:
    _become(database_url, revision)
    with pytest.raises(SchemaMismatchError):
        migrate(database_url)
    with Database.open(database_url) as database:
        with pytest.raises(SchemaMismatchError):
            database.check()
        with pytest.raises(SchemaMismatchError):
            database.check_writable()

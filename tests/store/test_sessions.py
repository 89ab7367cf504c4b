"""Shows that an export has the same bytes whatever the settings of the role, the database and the session."""

from collections.abc import Callable

import psycopg
import pytest
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.store.database import Database
from sqlalchemy import text
from store.hostile_settings import HOSTILE, altered, export, export_all, fill
from support.exporting import exporting
from support.importing import exported, import_lines
from support.rows import EJ_ID, writing


@pytest.fixture(scope="module")
def url(new_database: Callable[[str], str]) -> str:
    """A hospital that settings can spoil, with another's tables beside it."""
    url = new_database("postgresql")
    fill(url)
    return url


@pytest.mark.long
@pytest.mark.parametrize("whose", ["ROLE", "DATABASE"])
@pytest.mark.parametrize("setting", HOSTILE)
async def test_a_setting_of_role_or_database_changes_no_byte(url: str, whose: str, setting: str) -> None:
    plain = await export_all(url)
    assert b"48.85661234567891" in plain[0][1]
    assert b"2011-12-30" in plain[1][1]
    with altered(url, whose, {setting: HOSTILE[setting]}):
        with psycopg.connect(url) as connection:
            shown = connection.execute(f"SHOW {setting}".encode()).fetchone()
            assert shown is not None
            assert shown[0] == HOSTILE[setting]
        assert await export_all(url) == plain


async def test_a_session_whose_settings_change_between_transactions_reads_the_same(url: str) -> None:
    """As behind a pooler in transaction mode, where the next transaction has another client's session."""
    plain = await export_all(url)
    async with exporting(url) as exporter:
        for dataset in Dataset:
            await export(exporter, dataset)
        spoilt = "".join(
            f"SET {name} = {value if name == 'search_path' else repr(value)};"
            for name, value in HOSTILE.items()
            # A pooler keeps it for each client: the driver has to know it.
            if name != "client_encoding"
        )
        pool = exporter.database.blocking._engine.pool  # noqa: SLF001 - what a pooler does has no other way in
        sessions = [pool.connect() for _ in range(pool.checkedin())]  # type: ignore[attr-defined]  # of its QueuePool
        assert sessions
        for session in sessions:
            driver = session.driver_connection
            assert isinstance(driver, psycopg.Connection)
            driver.autocommit = True
            driver.execute(f"{spoilt} CREATE TEMPORARY TABLE venue (id bigint)".encode())
            driver.autocommit = False
            session.close()
        assert [await export(exporter, dataset) for dataset in Dataset] == plain


async def test_an_import_writes_the_same_under_any_settings(
    url: str, new_database: Callable[[str], str]
) -> None:
    whole = await exported(url)
    other = new_database("postgresql")
    with writing(other) as connection:
        connection.execute(text("CREATE SCHEMA shadow"))
        connection.execute(text("CREATE TABLE shadow.patient (LIKE public.patient)"))
    with altered(other, "DATABASE", HOSTILE):
        for _ in range(2):  # inserts, then updates
            summary = await import_lines(other, b"".join(whole[EJ_ID]))
            assert summary.errors == 0
    assert await exported(other) == whole


def test_tables_are_found_in_any_schema_and_where_they_have_moved_to(
    new_small: Callable[[str], str],
) -> None:
    url = new_small("postgresql")
    with Database.open(url) as database:
        before = database.revision(EJ_ID, Dataset.VENUES)
        with writing(url) as connection:
            connection.execute(text('ALTER SCHEMA public RENAME TO "hôpital ""A"" %"'))
        assert database.revision(EJ_ID, Dataset.VENUES) == before
        with database.snapshot(dataset=Dataset.VENUES) as snapshot:
            assert [venue.id for venue, _ in snapshot.venues(EJ_ID)] == [1]

"""Shows that a SQLite file which is altered or replaced is noticed: it is read anew, or not served."""

import os
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from fhirexport_server.domain.errors import (
    ChangesUntrackedError,
    DatabaseCorruptError,
    Fault,
    SchemaMismatchError,
)
from fhirexport_server.exports.exporter import Exporter
from store.altered import AS_VIEW, CACHE_BYTES, CHANGE, export_patients, is_cached
from support.exporting import exporting


@pytest.fixture
async def of_sqlite(small_url: str) -> AsyncIterator[Exporter]:
    """One that keeps renderings in memory, and has rendered the patients."""
    async with exporting(small_url, cache_bytes=CACHE_BYTES) as exporter:
        assert b"MARTIN" in await export_patients(exporter)
        assert await is_cached(exporter)
        yield exporter


def _file(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def _other(url: str) -> Path:
    """Makes a file beside it, with another name in it and without a log of its own."""
    other = _file(url).with_name("other.db")
    with closing(sqlite3.connect(_file(url))) as source, closing(sqlite3.connect(other)) as target:
        source.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        source.backup(target)
        target.execute(CHANGE)
        target.commit()
        target.execute("PRAGMA journal_mode = DELETE")
    return other


async def test_a_file_that_takes_the_place_of_another_is_read(small_url: str, of_sqlite: Exporter) -> None:
    _other(small_url).replace(_file(small_url))
    assert b"DURAND" in await export_patients(of_sqlite)


async def test_a_file_that_is_overwritten_is_read(small_url: str, of_sqlite: Exporter) -> None:
    shutil.copyfile(_other(small_url), _file(small_url))
    assert b"DURAND" in await export_patients(of_sqlite)


async def test_a_file_that_is_not_there_is_not_made(small_url: str, of_sqlite: Exporter) -> None:
    file = _file(small_url)
    away = file.with_name("away.db")
    file.rename(away)
    for _ in range(30):  # more often than there are connections
        with pytest.raises(SchemaMismatchError, match="its file is not there"):
            await export_patients(of_sqlite)
    with pytest.raises(SchemaMismatchError):
        await of_sqlite.database.check()
    assert not file.exists()
    away.rename(file)
    assert b"MARTIN" in await export_patients(of_sqlite)


EMPTIED = """
    DROP TRIGGER patient_revision_update;
    CREATE TRIGGER patient_revision_update AFTER UPDATE ON patient BEGIN SELECT 1; END
"""


@pytest.mark.parametrize(
    ("alter", "fault"),
    [
        ("DROP TRIGGER patient_revision_update", Fault.TRIGGER_MISSING),
        (EMPTIED, Fault.TRIGGER_CHANGED),
        (AS_VIEW, Fault.TABLE_REPLACED),
    ],
)
async def test_of_a_file_whose_changes_would_go_unnoticed_nothing_is_served(
    small_url: str, of_sqlite: Exporter, alter: str, fault: Fault
) -> None:
    with closing(sqlite3.connect(_file(small_url))) as connection:
        connection.executescript(alter)
    with pytest.raises(ChangesUntrackedError) as refused:
        await export_patients(of_sqlite)
    assert refused.value.fault is fault
    with pytest.raises(ChangesUntrackedError):
        await of_sqlite.database.check()


async def test_what_changed_in_a_file_while_a_trigger_was_away_is_served(
    small_url: str, of_sqlite: Exporter
) -> None:
    with closing(sqlite3.connect(_file(small_url))) as connection:
        query = "SELECT sql FROM sqlite_schema WHERE name = 'patient_revision_update'"
        (trigger,) = connection.execute(query).fetchone()
        connection.executescript(f"DROP TRIGGER patient_revision_update; {CHANGE}; {trigger};")
    assert b"DURAND" in await export_patients(of_sqlite)


async def test_statistics_cost_no_rendering(small_url: str, of_sqlite: Exporter) -> None:
    with closing(sqlite3.connect(_file(small_url), isolation_level=None)) as connection:
        connection.execute("ANALYZE")
        connection.execute("ANALYZE patient")
    assert await is_cached(of_sqlite)


async def test_a_damaged_file_is_a_loss_of_data_and_no_bug(small_url: str) -> None:
    file = _file(small_url)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        (page,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'patient'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with file.open("r+b") as written:
        written.seek((page - 1) * size)
        written.write(os.urandom(size))
    async with exporting(small_url) as exporter:
        with pytest.raises(DatabaseCorruptError):
            await export_patients(exporter)
    file.write_bytes(b"no database at all, but as long as a page of one is " * 100)
    async with exporting(small_url) as exporter:
        with pytest.raises(DatabaseCorruptError):
            await exporter.database.check()

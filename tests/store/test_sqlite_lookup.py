"""Shows that a look-up in SQLite at once waits for nothing, and sees the file that is there."""

import asyncio
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from fhirexport_server.store.database import Database
from fhirexport_server.store.guard.guard import Guard
from fhirexport_server.store.loop_lookups import sqlite_lookup
from fhirexport_server.store.loop_lookups.sqlite_lookup import PAUSE_SECONDS, SLOW_SECONDS, SqliteLookup
from store.test_loop_lookups import PATIENTS, connected, looked, looking_up

CHANGE = "UPDATE patient SET used_family = 'DURAND'"


@pytest.fixture
def database(small_url: str) -> Iterator[Database]:
    with Database.open(small_url) as database:
        yield database


def _file(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


async def test_a_file_that_is_locked_as_a_whole_is_left_to_a_thread(
    small_url: str, database: Database
) -> None:
    with closing(sqlite3.connect(_file(small_url), isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        guard = database._guard  # noqa: SLF001 - the pool's own connections would set another mode
        database.revision(*PATIENTS)
    database._engine.dispose()  # noqa: SLF001 - the same
    with closing(sqlite3.connect(_file(small_url), isolation_level=None)) as connection:
        assert connection.execute("PRAGMA journal_mode = DELETE").fetchone() == ("delete",)
        lookup = SqliteLookup(str(_file(small_url)), guard)
        lookup.connect()
        try:
            assert await looked(lookup, PATIENTS) is not None
            connection.execute("BEGIN EXCLUSIVE")
            assert await lookup.look(PATIENTS) is None
            connection.execute("ROLLBACK")
            assert await looked(lookup, PATIENTS) is not None
        finally:
            lookup.close()


async def test_a_file_that_took_the_place_of_another_is_not_taken_for_it(
    small_url: str, database: Database
) -> None:
    async with looking_up(database) as lookup:
        before = await looked(lookup, PATIENTS)
        other = _file(small_url).with_name("other.db")
        with closing(sqlite3.connect(_file(small_url))) as source, closing(sqlite3.connect(other)) as target:
            source.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            source.backup(target)
            target.execute(CHANGE)
            target.commit()
            target.execute("PRAGMA journal_mode = DELETE")
        other.replace(_file(small_url))
        assert await lookup.look(PATIENTS) is None
        assert lookup.wants_connection
        await connected(database, lookup)
        assert await looked(lookup, PATIENTS) == database.revision(*PATIENTS) != before


async def test_a_file_that_was_overwritten_is_let_go_before_others_open_it(
    small_url: str, database: Database
) -> None:
    """As long as it is open, the file cannot get the mode that a new connection gives it."""
    other = _file(small_url).with_name("other.db")
    with closing(sqlite3.connect(_file(small_url))) as source, closing(sqlite3.connect(other)) as target:
        source.backup(target)
        target.execute(CHANGE)
        target.commit()
        target.execute("PRAGMA journal_mode = DELETE")
    async with looking_up(database) as lookup:
        before = await looked(lookup, PATIENTS)
        with closing(sqlite3.connect(_file(small_url))) as source:
            source.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copyfile(other, _file(small_url))
        # Nobody has looked anything up since: a probe is the first.
        database.check()
        await connected(database, lookup)
        assert await looked(lookup, PATIENTS) == database.revision(*PATIENTS) != before


async def test_a_file_that_is_gone_is_left_to_a_thread(small_url: str, database: Database) -> None:
    async with looking_up(database) as lookup:
        away = _file(small_url).rename(_file(small_url).with_name("away.db"))
        assert await lookup.look(PATIENTS) is None
        lookup.connect()
        assert lookup.wants_connection
        assert not _file(small_url).exists()
        away.rename(_file(small_url))
        await connected(database, lookup)
        assert await looked(lookup, PATIENTS) is not None


async def test_what_takes_many_steps_is_left_to_a_thread(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_lookup, "STEPS", 10)
    async with looking_up(database) as lookup:
        assert await lookup.look(PATIENTS) is None
        assert not lookup.wants_connection


async def test_steps_are_those_of_one_look_up(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_lookup, "STEPS", 1000)
    async with looking_up(database) as lookup:
        for _ in range(200):
            assert await looked(lookup, PATIENTS) is not None


async def test_after_one_that_was_slow_look_ups_are_left_to_threads_for_a_while(
    small_url: str, database: Database
) -> None:
    now, step = 100.0, 0.0

    def clock() -> float:
        nonlocal now
        now += step
        return now

    database.revision(*PATIENTS)
    guard: Guard = database._guard  # noqa: SLF001 - with a clock of the test's
    lookup = SqliteLookup(str(_file(small_url)), guard, clock)
    await asyncio.to_thread(lookup.connect)
    try:
        step = SLOW_SECONDS * 1.01
        assert await looked(lookup, PATIENTS) is not None
        step = 0.0
        assert await lookup.look(PATIENTS) is None
        now += PAUSE_SECONDS * 1.01
        assert await looked(lookup, PATIENTS) is not None
    finally:
        lookup.close()

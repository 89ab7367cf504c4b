"""Shows that a look-up in the event loop says what one in a thread says, or leaves it to a thread."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
from fhirexport_server.domain.audit import AuditEntry
from fhirexport_server.domain.datasets import EVERY_EJ, Dataset, EjDataset
from fhirexport_server.domain.errors import ChangesUntrackedError
from fhirexport_server.domain.revision import Revision
from fhirexport_server.store.async_database import AsyncDatabase, open_async_database
from fhirexport_server.store.database import Database
from fhirexport_server.store.loop_lookups import postgresql_lookup, sqlite_lookup
from fhirexport_server.store.loop_lookups.loop_lookup import LoopLookup
from support.rows import writing

EXPORTS = [EjDataset(ej_id, dataset) for ej_id in (1, 2, 3) for dataset in Dataset]
PATIENTS = EjDataset(1, Dataset.PATIENTS)
WRITES = (
    "UPDATE patient SET used_family = 'DURAND' WHERE ej_id = 1",
    "INSERT INTO ej (id, finess, name) VALUES (2, '750712184', 'AP')",
    "UPDATE venue SET nda = 'N1' WHERE ej_id = 1",
    "INSERT INTO place (ej_id, kind, code, name) VALUES (2, 'ROOM', 'R', 'R')",
    "DELETE FROM movement WHERE ej_id = 1",
    "DELETE FROM place WHERE ej_id = 2",
    "DELETE FROM ej WHERE id = 2",
    "ALTER TABLE patient ADD COLUMN another INTEGER",
)
PATIENCE = 60.0


@pytest.fixture
def url(backend: str, new_small: Callable[[str], str]) -> str:
    return new_small(backend)


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    with Database.open(url) as database:
        yield database


def execute(url: str, statement: str) -> None:
    with writing(url) as connection:
        connection.exec_driver_sql(statement, execution_options={"no_parameters": True})


async def connected(database: Database, lookup: LoopLookup) -> None:
    """Gives it a connection, and the guard what it has to know."""
    for dataset in Dataset:
        database.revision(1, dataset)
    await asyncio.to_thread(lookup.connect)
    async with asyncio.timeout(PATIENCE):
        while lookup.wants_connection:
            await asyncio.sleep(0.01)


@asynccontextmanager
async def looking_up(database: Database) -> AsyncIterator[LoopLookup]:
    """A look-up that has a connection, and as much time as a machine with other work may need."""
    lookup = database.loop_lookup()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite_lookup, "SLOW_SECONDS", PATIENCE)
        patch.setattr(postgresql_lookup, "MESSAGE_SECONDS", PATIENCE)
        try:
            await connected(database, lookup)
            yield lookup
        finally:
            lookup.close()


async def looked(lookup: LoopLookup, export: EjDataset) -> Revision | None:
    """The revision; None where there is no such EJ. A thread may not be needed."""
    look = await lookup.look(export)
    assert look is not None
    return look.revision if look.is_known else None


async def test_it_says_what_a_thread_says_whatever_is_written(url: str, database: Database) -> None:
    seen = []
    async with looking_up(database) as lookup:
        for statement in WRITES:
            execute(url, statement)
            in_thread = [database.revision(*export) for export in EXPORTS]
            assert [await looked(lookup, export) for export in EXPORTS] == in_thread
            assert list(await asyncio.gather(*(looked(lookup, export) for export in EXPORTS))) == in_thread
            seen.append(in_thread)
    assert all(before != after for before, after in pairwise(seen))


async def test_it_sees_each_commit_that_came_before_it(url: str, database: Database) -> None:
    async with looking_up(database) as lookup:
        seen = []
        for number in range(10):
            execute(url, f"UPDATE patient SET used_family = 'DURAND {number}' WHERE ej_id = 1")
            seen.append(await looked(lookup, PATIENTS))
    assert len(set(seen)) == 10


async def test_what_counts_for_every_ej_counts_here(database: Database) -> None:
    async with looking_up(database) as lookup:
        before = await looked(lookup, PATIENTS)
        database.invalidate([(EVERY_EJ, Dataset.PATIENTS)], AuditEntry("", "flush", "", 0, "", ""))
        assert await looked(lookup, PATIENTS) == database.revision(*PATIENTS) != before


async def test_without_a_connection_or_a_known_state_it_is_left_to_a_thread(database: Database) -> None:
    lookup = database.loop_lookup()
    try:
        assert lookup.wants_connection
        assert await lookup.look(PATIENTS) is None
        await asyncio.to_thread(lookup.connect)
        await asyncio.sleep(0)
        assert await lookup.look(PATIENTS) is None  # for the guard knows nothing yet
    finally:
        lookup.close()
    assert (lookup.wants_connection, await lookup.look(PATIENTS)) == (False, None)


OFF = {
    "sqlite": "DROP TRIGGER patient_revision_update",
    "postgresql": "ALTER TABLE patient DISABLE TRIGGER patient_revision_update",
}


async def test_where_changes_would_go_unnoticed_it_says_nothing(
    backend: str, url: str, database: Database
) -> None:
    async with looking_up(database) as lookup:
        execute(url, OFF[backend])
        assert await lookup.look(PATIENTS) is None
        with pytest.raises(ChangesUntrackedError):
            database.revision(*PATIENTS)
        assert await lookup.look(PATIENTS) is None


async def test_the_loop_is_used_once_a_thread_has_answered(
    url: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_threads = []
    look_up = Database.revision

    def counted(database: Database, ej_id: int, dataset: Dataset, *rest: object) -> Revision | None:
        in_threads.append(ej_id)
        return look_up(database, ej_id, dataset, *rest)  # type: ignore[arg-type]  # what it was called with

    monkeypatch.setattr(Database, "revision", counted)
    async with open_async_database(database, 1) as loop_database:
        first = await loop_database.revision(*PATIENTS)
        async with asyncio.timeout(PATIENCE):
            while await _in_thread(loop_database, in_threads):
                await asyncio.sleep(0.01)
        execute(url, WRITES[0])
        before = len(in_threads)
        second = await loop_database.revision(*PATIENTS)
        assert await loop_database.revision(9, Dataset.PATIENTS) is None
        assert len(in_threads) == before
    assert None not in {first, second}
    assert first != second


async def _in_thread(database: AsyncDatabase, in_threads: list[int]) -> bool:
    """Looks up, and returns whether a thread was needed."""
    before = len(in_threads)
    await database.revision(*PATIENTS)
    return len(in_threads) > before

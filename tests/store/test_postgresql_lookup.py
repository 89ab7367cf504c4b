"""Shows that look-ups in PostgreSQL share messages, but never one that was out before they were asked for."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator

import psycopg
import pytest
from fhirexport_server.domain.datasets import Dataset, EjDataset
from fhirexport_server.store.database import Database
from fhirexport_server.store.loop_lookups import postgresql_lookup
from fhirexport_server.store.loop_lookups.loop_lookup import LoopLookup
from fhirexport_server.store.loop_lookups.postgresql_wire import Wire
from store.test_loop_lookups import PATIENCE, PATIENTS, connected, execute, looked, looking_up
from support.rows import writing

RENAME = "UPDATE patient SET used_family = 'DURAND' WHERE ej_id = 1"
OF_LOOKUPS = (
    "query LIKE 'SET LOCAL plan_cache_mode%' AND pid <> pg_backend_pid() AND datname = current_database()"
)


@pytest.fixture
def url(new_small: Callable[[str], str]) -> str:
    return new_small("postgresql")


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    with Database.open(url) as database:
        yield database


@pytest.fixture
async def lookup(database: Database) -> AsyncIterator[LoopLookup]:
    async with looking_up(database) as lookup:
        # Its statement is prepared, and the session is known by it.
        await looked(lookup, PATIENTS)
        yield lookup


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What is sent from now on."""
    sent: list[bytes] = []
    send = Wire.send

    def noted(wire: Wire, message: bytes) -> None:
        sent.append(message)
        send(wire, message)

    monkeypatch.setattr(Wire, "send", noted)
    return sent


def _wait_until_answered(url: str) -> None:
    """Waits, without letting the event loop run, until PostgreSQL has answered the message that is out."""
    with writing(url) as connection:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            found = connection.exec_driver_sql(
                f"SELECT state FROM pg_stat_activity WHERE {OF_LOOKUPS}",
                execution_options={"no_parameters": True},
            ).all()
            if found == [("idle",)]:
                return
            time.sleep(0.01)
            connection.rollback()
    raise AssertionError("the message was not answered")


async def test_a_look_up_never_joins_one_that_was_sent_before_it(url: str, lookup: LoopLookup) -> None:
    before = asyncio.create_task(looked(lookup, PATIENTS))
    await asyncio.sleep(0)
    # The message is out, and its answer says what there was before this commit. Nobody has read it yet.
    _wait_until_answered(url)
    execute(url, RENAME)
    after = asyncio.create_task(looked(lookup, PATIENTS))
    async with asyncio.timeout(PATIENCE):
        assert await before != await after


async def test_those_who_wait_share_the_next_message(lookup: LoopLookup, messages: list[bytes]) -> None:
    exports = [EjDataset(ej_id, dataset) for ej_id in (1, 2) for dataset in Dataset]
    async with asyncio.timeout(PATIENCE):
        first, *_ = await asyncio.gather(*(looked(lookup, export) for export in [PATIENTS, *exports * 8]))
        assert await looked(lookup, PATIENTS) == first
    assert len(messages) == 3


async def test_there_are_as_many_messages_as_their_bound_asks_for(
    lookup: LoopLookup, messages: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_lookup, "MOST_AT_ONCE", 2)
    exports = [PATIENTS, *(EjDataset(ej_id, Dataset.PATIENTS) for ej_id in range(2, 7))]
    async with asyncio.timeout(PATIENCE):
        revisions = await asyncio.gather(*(looked(lookup, export) for export in exports))
    assert [revision is None for revision in revisions] == [False, *[True] * 5]
    assert len(messages) == 4


async def test_whoever_leaves_keeps_nobody_from_an_answer(lookup: LoopLookup) -> None:
    leaving = [asyncio.create_task(looked(lookup, PATIENTS)) for _ in range(4)]
    staying = asyncio.create_task(looked(lookup, PATIENTS))
    await asyncio.sleep(0)
    for task in leaving:
        task.cancel()
    async with asyncio.timeout(PATIENCE):
        assert await staying is not None


async def test_a_connection_that_died_leaves_look_ups_to_threads_until_there_is_another(
    url: str, database: Database, lookup: LoopLookup
) -> None:
    execute(url, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {OF_LOOKUPS}")
    async with asyncio.timeout(PATIENCE):
        while not lookup.wants_connection:
            await lookup.look(PATIENTS)
    await connected(database, lookup)
    assert await looked(lookup, PATIENTS) == database.revision(*PATIENTS)


async def test_once_the_connections_of_the_pool_are_closed_its_own_is_not_used_either(
    database: Database, lookup: LoopLookup, messages: list[bytes]
) -> None:
    """As when another server has become the primary: the former one still answers."""
    database._engine.dispose()  # noqa: SLF001 - what a failover does
    assert await lookup.look(PATIENTS) is None
    assert (lookup.wants_connection, messages) == (True, [])
    await connected(database, lookup)
    assert await looked(lookup, PATIENTS) == database.revision(*PATIENTS)


async def test_one_that_dies_under_a_message_fails_nobody(url: str, lookup: LoopLookup) -> None:
    waiting = [asyncio.create_task(lookup.look(PATIENTS)) for _ in range(3)]
    await asyncio.sleep(0)
    execute(url, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {OF_LOOKUPS}")
    async with asyncio.timeout(PATIENCE):
        looks = await asyncio.gather(*waiting)
    assert {look.is_known for look in looks if look is not None} <= {True}


async def test_what_is_locked_is_left_to_threads_for_a_while(
    url: str, lookup: LoopLookup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_lookup, "MESSAGE_SECONDS", 0.2)
    with writing(url) as connection:
        connection.exec_driver_sql("LOCK TABLE revision_base IN ACCESS EXCLUSIVE MODE")
        async with asyncio.timeout(PATIENCE):
            looks = await asyncio.gather(*(lookup.look(PATIENTS) for _ in range(3)))
        assert looks == [None, None, None]
        assert not lookup.wants_connection
    assert await lookup.look(PATIENTS) is None


async def test_where_prepared_statements_do_not_last_they_are_sent_whole(
    url: str, database: Database, lookup: LoopLookup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As behind a pooler in transaction mode, whose next session knows nothing of it."""
    before = await looked(lookup, PATIENTS)
    forgetting, send = [b"DEALLOCATE ALL"], Wire.send

    def forgotten(wire: Wire, message: bytes) -> None:
        send(wire, b";".join([*forgetting, message]))
        forgetting.clear()

    monkeypatch.setattr(Wire, "send", forgotten)
    assert await lookup.look(PATIENTS) is None
    assert await looked(lookup, PATIENTS) == before
    execute(url, RENAME)
    assert await looked(lookup, PATIENTS) == database.revision(*PATIENTS) != before


async def test_its_connection_is_one_more_than_the_pool_has(url: str, lookup: LoopLookup) -> None:
    del lookup
    with psycopg.connect(url) as connection:
        row = connection.execute(
            f"SELECT count(*) FROM pg_stat_activity WHERE {OF_LOOKUPS}".encode()
        ).fetchone()
    assert row == (1,)

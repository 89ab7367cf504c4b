"""Shows what may answer where PostgreSQL has several servers: the primary, and no other."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack

import psycopg
import pytest
from fhirexport_server.demo.group import batches
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.errors import DatabaseUnavailableError
from fhirexport_server.runtime.interrupt import Interrupt
from fhirexport_server.store.database import Database
from fhirexport_server.store.loader import load
from fhirexport_server.store.migrate import migrate
from structlog.testing import capture_logs
from support.postgres_nodes import PostgresNode, postgres_nodes, wait_until
from support.postgres_wire import Wire
from support.server import PATIENCE

CHANGE = "UPDATE patient SET birth_family = birth_family || 'x' WHERE id = (SELECT min(id) FROM patient)"
END = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'fhirexport'"


def change(node: PostgresNode) -> None:
    with psycopg.connect(node.url(), autocommit=True) as connection:
        connection.execute(CHANGE.encode())


@pytest.fixture(scope="module")
def nodes() -> Iterator[list[PostgresNode]]:
    """A primary with data, and a standby."""
    with postgres_nodes() as both:
        migrate(both[0].url())
        load(both[0].url(), batches(patients=30))
        wait_until(lambda: both[1].follows(both[0]), "the standby follows")
        yield both


def several(*nodes: PostgresNode) -> str:
    hosts = ",".join(f"127.0.0.1:{node.port}" for node in nodes)
    return f"postgresql://postgres@{hosts}/postgres"


def test_a_standby_answers_nobody_who_has_not_asked_for_it(nodes: list[PostgresNode]) -> None:
    primary, standby = nodes
    with Database.open(standby.url()) as database, capture_logs() as logs:
        for _ in range(2):
            with pytest.raises(DatabaseUnavailableError):
                database.revision(1, Dataset.PATIENTS)
    assert [line["why"] for line in logs if line["event"] == "database_refused"] == ["it is a standby"]
    with Database.open(f"{standby.url()}?target_session_attrs=any") as database:
        assert database.revision(1, Dataset.PATIENTS) is not None
    with Database.open(several(standby, primary)) as database:
        found = database.revision(1, Dataset.PATIENTS)
    with Database.open(primary.url()) as database:
        assert database.revision(1, Dataset.PATIENTS) == found


def test_a_copy_is_read_where_it_shows_the_same_and_never_otherwise(nodes: list[PostgresNode]) -> None:
    primary, standby = nodes
    with Database.open(primary.url(), replica_url=standby.url()) as database:

        def is_read() -> bool:
            revision = database.revision(1, Dataset.PATIENTS)
            assert revision is not None
            with database.equal_snapshot(1, Dataset.PATIENTS, revision, Interrupt()) as copy:
                return copy is not None and len(list(copy.patients(1))) > 0

        wait_until(is_read, "the copy has caught up")
        standby.pause_replay(paused=True)
        try:
            assert is_read()
            change(primary)
            assert not is_read()
        finally:
            standby.pause_replay(paused=False)
        wait_until(is_read, "the copy has caught up")
        # Ahead of what was looked up is not the same either.
        former = database.revision(1, Dataset.PATIENTS)
        assert former is not None
        change(primary)
        wait_until(lambda: standby.follows(primary), "the standby follows")
        with database.equal_snapshot(1, Dataset.PATIENTS, former, Interrupt()) as copy:
            assert copy is None
    with Database.open(primary.url(), replica_url="postgresql://postgres@127.0.0.1:1/postgres") as database:
        revision = database.revision(1, Dataset.PATIENTS)
        assert revision is not None
        with database.equal_snapshot(1, Dataset.PATIENTS, revision, Interrupt()) as copy:
            assert copy is None


def test_a_former_primary_that_comes_back_answers_nobody(nodes: list[PostgresNode]) -> None:
    """The last test here: it leaves no standby."""
    former, later = nodes
    with ExitStack() as stack:
        database = stack.enter_context(Database.open(several(former, later)))
        before = database.revision(1, Dataset.PATIENTS)
        # It hangs, so that another one is promoted; it knows nothing of that when it goes on.
        former.pause()
        later.promote()
        change(later)
        with database.trying():  # by a connection of another pool, which finds the later one
            pass
        former.resume()
        now = database.revision(1, Dataset.PATIENTS)
        assert now not in {None, before}
        # Who starts now asks all of them before anything else.
        fresh = stack.enter_context(Database.open(several(former, later)))
        assert fresh.revision(1, Dataset.PATIENTS) == now
        # Where the later one cannot be reached, the former one is refused by whoever knows of the later.
        later.kill()
        with pytest.raises(DatabaseUnavailableError):
            database.revision(1, Dataset.PATIENTS)


def test_whoever_finds_the_new_primary_first_goes_on_with_it() -> None:
    with postgres_nodes() as (former, later):
        migrate(former.url())
        load(former.url(), batches(patients=30))
        wait_until(lambda: later.follows(former), "the standby follows")
        with Database.open(several(former, later)) as database:
            with database.trying():  # its pool has a connection to the former one from now on
                pass
            former.kill()
            later.promote()
            with database.trying():
                pass
            assert database.revision(1, Dataset.PATIENTS) is not None


async def test_a_primary_that_is_replaced_while_it_is_connected_to_is_left() -> None:
    """A connection had died, and the next one was to a former primary by the time that it was made."""
    with postgres_nodes() as (former, later):
        migrate(former.url())
        wait_until(lambda: later.follows(former), "the standby follows")
        wire = Wire(f"127.0.0.1:{former.port}")
        async with wire.open() as port:
            servers = f"127.0.0.1:{port},127.0.0.1:{later.port}"
            with Database.open(f"postgresql://postgres@{servers}/postgres") as database:

                def begin() -> None:
                    with database.trying():
                        pass

                await asyncio.to_thread(begin)
                await asyncio.to_thread(former.value, END)
                # What a new connection asks once it is known to be one to the primary.
                wire.hold(b"database_incarnation")
                beginning = asyncio.create_task(asyncio.to_thread(begin))
                await asyncio.wait_for(wire.reached.wait(), PATIENCE)
                await asyncio.to_thread(later.promote)
                await asyncio.to_thread(database.survey)
                wire.release()
                await beginning

"""Shows that a database which is altered under the server is noticed: it is read anew, or not served."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import closing

import psycopg
import pytest
from fhirexport_server.domain.datasets import Dataset, Detail, Format
from fhirexport_server.domain.errors import (
    ChangesUntrackedError,
    Fault,
)
from fhirexport_server.exports.exporter import Exporter
from fhirexport_server.exports.request import ExportRequest
from sqlalchemy import text
from store.altered import AS_VIEW, CACHE_BYTES, CHANGE, export_patients, is_cached
from support.exporting import exporting
from support.locks import until_waiting
from support.rows import EJ_ID, writing

ALWAYS = "ALTER TABLE patient ENABLE ALWAYS TRIGGER patient_revision_update"


@pytest.fixture
def url(new_small: Callable[[str], str]) -> str:
    return new_small("postgresql")


@pytest.fixture
async def exporter(url: str) -> AsyncIterator[Exporter]:
    """One that keeps renderings in memory, and has rendered the patients."""
    async with exporting(url, cache_bytes=CACHE_BYTES) as exporter:
        assert b"MARTIN" in await export_patients(exporter)
        assert await is_cached(exporter)
        yield exporter


def _execute(url: str, *statements: str) -> None:
    with writing(url) as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


OFF_FOR_A_MOMENT = "ALTER TABLE patient DISABLE TRIGGER ALL; ALTER TABLE patient ENABLE TRIGGER ALL"
NEVER = """
    DROP TRIGGER patient_revision_insert ON patient;
    CREATE TRIGGER patient_revision_insert BEFORE INSERT ON patient WHEN (false)
      EXECUTE FUNCTION revision_insert_by_id('patients');
    ALTER TABLE patient ENABLE ALWAYS TRIGGER patient_revision_insert
"""
INHERITING = "CREATE TABLE everybody (birth_family text); ALTER TABLE patient INHERIT everybody"
FOR_ANOTHER_EVENT = """
    DROP TRIGGER patient_revision_replicated ON patient;
    CREATE TRIGGER patient_revision_replicated AFTER INSERT OR UPDATE ON patient
      FOR EACH ROW EXECUTE FUNCTION revision_replicated_by_id('patients');
    ALTER TABLE patient ENABLE REPLICA TRIGGER patient_revision_replicated
"""
FOR_ANOTHER_DATASET = """
    DROP TRIGGER patient_revision_delete ON patient;
    CREATE TRIGGER patient_revision_delete AFTER DELETE ON patient REFERENCING OLD TABLE AS old_rows
      EXECUTE FUNCTION revision_delete_by_id('venues');
    ALTER TABLE patient ENABLE ALWAYS TRIGGER patient_revision_delete
"""
AS_COPY = "ALTER TABLE patient RENAME TO patients; CREATE TABLE patient (LIKE patients INCLUDING ALL)"
NOTHING = """
    CREATE OR REPLACE FUNCTION revision_update_by_id() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RETURN NULL; END $$
"""
EXCHANGED = """
    ALTER TABLE patient RENAME COLUMN birth_family TO old;
    ALTER TABLE patient RENAME COLUMN used_family TO birth_family;
    ALTER TABLE patient RENAME COLUMN old TO used_family
"""


@pytest.mark.parametrize(
    ("alter", "fault"),
    [
        ("ALTER TABLE patient DISABLE TRIGGER patient_revision_update", Fault.TRIGGER_OFF),
        ("ALTER TABLE patient DISABLE TRIGGER USER", Fault.TRIGGER_OFF),
        (OFF_FOR_A_MOMENT, Fault.TRIGGER_OFF),
        ("ALTER TABLE patient ENABLE REPLICA TRIGGER patient_revision_update", Fault.TRIGGER_OFF),
        ("ALTER TABLE patient_contact ENABLE TRIGGER patient_contact_revision_delete", Fault.TRIGGER_OFF),
        ("UPDATE pg_trigger SET tgenabled = 'D' WHERE tgname = 'patient_revision_update'", Fault.TRIGGER_OFF),
        ("DROP TRIGGER patient_revision_truncate ON patient", Fault.TRIGGER_MISSING),
        ("ALTER TABLE patient ENABLE TRIGGER patient_revision_replicated", Fault.REPLICA_TRIGGER_OFF),
        ("ALTER TABLE patient DISABLE TRIGGER patient_tombstone_replicated", Fault.REPLICA_TRIGGER_OFF),
        ("DROP TRIGGER patient_contact_revision_replicated ON patient_contact", Fault.TRIGGER_MISSING),
        (NEVER, Fault.TRIGGER_CHANGED),
        (FOR_ANOTHER_EVENT, Fault.TRIGGER_CHANGED),
        (FOR_ANOTHER_DATASET, Fault.TRIGGER_CHANGED),
        ("CREATE TABLE archived () INHERITS (patient)", Fault.TABLE_INHERITED),
        (INHERITING, Fault.TABLE_INHERITED),
        (AS_VIEW, Fault.TABLE_REPLACED),
        (AS_COPY, Fault.TRIGGER_MISSING),
        ("ALTER TABLE patient_contact SET UNLOGGED", Fault.TABLE_UNLOGGED),
    ],
)
async def test_where_changes_would_go_unnoticed_nothing_is_served(
    url: str, exporter: Exporter, alter: str, fault: Fault
) -> None:
    _execute(url, alter)
    for work in (export_patients(exporter), exporter.database.check()):
        with pytest.raises(ChangesUntrackedError) as refused:
            await work
        assert refused.value.fault is fault


@pytest.mark.parametrize(
    ("alter", "fault"),
    [
        ("CREATE RULE quiet AS ON INSERT TO revision_delta DO INSTEAD NOTHING", Fault.TABLE_REPLACED),
        (
            "CREATE TRIGGER quiet BEFORE INSERT ON revision_delta EXECUTE FUNCTION note_deletion()",
            Fault.TRIGGER_CHANGED,
        ),
        (
            "CREATE TRIGGER quiet BEFORE INSERT ON revision_log EXECUTE FUNCTION note_deletion()",
            Fault.TRIGGER_CHANGED,
        ),
        (NOTHING, Fault.TRIGGER_CHANGED),
    ],
)
async def test_the_probe_notices_who_keeps_revisions_from_being_written(
    url: str, exporter: Exporter, alter: str, fault: Fault
) -> None:
    _execute(url, alter)
    with pytest.raises(ChangesUntrackedError) as refused:
        await exporter.database.check()
    assert refused.value.fault is fault


async def test_what_changed_while_triggers_were_off_is_served_once_they_are_on(
    url: str, exporter: Exporter
) -> None:
    _execute(url, "ALTER TABLE patient DISABLE TRIGGER USER")
    _execute(url, CHANGE)
    with pytest.raises(ChangesUntrackedError):
        await export_patients(exporter)
    _execute(url, "ALTER TABLE patient ENABLE TRIGGER USER")
    for event in ("insert", "update", "delete", "truncate"):
        _execute(url, f"ALTER TABLE patient ENABLE ALWAYS TRIGGER patient_revision_{event}")
    _execute(url, "ALTER TABLE patient ENABLE ALWAYS TRIGGER patient_tombstone")
    for name in ("revision", "tombstone"):
        _execute(url, f"ALTER TABLE patient ENABLE REPLICA TRIGGER patient_{name}_replicated")
    await exporter.database.check()
    assert b"DURAND" in await export_patients(exporter)


@pytest.mark.parametrize(
    "alter",
    [
        f"ALTER TABLE patient DISABLE TRIGGER patient_revision_update; {CHANGE}; {ALWAYS}",
        "ALTER TABLE patient ALTER COLUMN birth_family TYPE text USING 'DURAND'",
        EXCHANGED,
    ],
    ids=["triggers off for a moment", "rewritten", "columns exchanged"],
)
async def test_what_no_trigger_saw_is_served_when_all_looks_as_before(
    url: str, exporter: Exporter, alter: str
) -> None:
    with writing(url) as connection:
        # Before, so that it is kept with the other name in it.
        connection.execute(text("UPDATE patient SET used_family = 'DURAND'"))
    before = await export_patients(exporter)
    assert await is_cached(exporter)
    _execute(url, alter)
    assert await export_patients(exporter) != before
    assert await is_cached(exporter)


@pytest.mark.parametrize(
    "statement",
    ["ANALYZE patient", "VACUUM patient", "REINDEX TABLE patient", "CREATE INDEX ON patient (birth_family)"],
)
async def test_care_of_the_database_costs_no_rendering(url: str, exporter: Exporter, statement: str) -> None:
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        connection.execute(statement.encode())
    assert await is_cached(exporter)


async def test_other_datasets_are_served_meanwhile(url: str, exporter: Exporter) -> None:
    _execute(url, "ALTER TABLE patient DISABLE TRIGGER USER")
    structure = ExportRequest(EJ_ID, Dataset.STRUCTURE, Format.BUNDLE, Detail.SUMMARY)
    async with exporter.open(structure) as rendering:
        assert [chunk async for chunk in rendering.chunks()]


async def test_rows_that_a_policy_hides_are_not_left_out(url: str) -> None:
    _execute(
        url,
        "CREATE ROLE secured LOGIN",
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO secured",
        "ALTER TABLE patient ENABLE ROW LEVEL SECURITY",
    )
    try:
        async with exporting(url.replace("postgres@", "secured@")) as exporter:
            with pytest.raises(ChangesUntrackedError) as refused:
                await export_patients(exporter)
            assert (refused.value.fault, refused.value.name) == (Fault.ROW_SECURITY, "patient")
            _execute(url, "ALTER TABLE patient DISABLE ROW LEVEL SECURITY")
            assert b"MARTIN" in await export_patients(exporter)
    finally:
        _execute(url, "DROP OWNED BY secured", "DROP ROLE secured")


async def test_a_subscription_to_the_tables_of_revisions_is_noticed_by_the_next_export(
    url: str, exporter: Exporter
) -> None:
    # Without a connection, it is as far as the catalogs what it is with one.
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        connection.execute(
            "CREATE SUBSCRIPTION copies CONNECTION 'dbname=none' PUBLICATION everything"
            " WITH (connect = false, slot_name = NONE)"
        )
        connection.execute(
            "INSERT INTO pg_subscription_rel"
            " SELECT oid, 'revision_delta'::regclass, 'r', '0/1' FROM pg_subscription"
        )
        with pytest.raises(ChangesUntrackedError) as refused:
            await export_patients(exporter)
        assert (refused.value.fault, refused.value.name) == (Fault.SUBSCRIPTION, "revision_delta")
        connection.execute("DELETE FROM pg_subscription_rel")
        connection.execute("DROP SUBSCRIPTION copies")
        assert b"MARTIN" in await export_patients(exporter)


async def test_a_table_that_is_rewritten_while_it_is_to_be_read_is_read_whole(url: str) -> None:
    """To older snapshots a rewritten table is empty: no state of the database ever looked like that."""
    venues = ExportRequest(EJ_ID, Dataset.VENUES, Format.BUNDLE, Detail.SUMMARY)

    async def export(exporter: Exporter) -> bytes:
        async with exporter.open(venues) as rendering:
            return b"".join([chunk.text() async for chunk in rendering.chunks()])

    async with exporting(url) as exporter:
        before = await export(exporter)
        async with await psycopg.AsyncConnection.connect(url) as connection:
            await connection.execute("LOCK TABLE movement")
            reading = asyncio.create_task(export(exporter))
            await until_waiting(url)
            await connection.execute(
                "ALTER TABLE movement ALTER movement_no TYPE text USING movement_no || ''"
            )
            await connection.commit()
        assert await reading == before

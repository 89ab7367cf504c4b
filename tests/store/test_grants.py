"""Shows what the roles of deploy/grants.sql can do on a real PostgreSQL, and what they cannot."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from fhirexport import AsyncClient, ExportError
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.store.database import Database
from fhirexport_server.store.schema import METADATA
from fhirexport_server.store.schema.revisions import READ_BY
from psycopg.errors import InsufficientPrivilege, NotNullViolation
from store.tampering import DDL, OF_ONES_OWN, TAMPERING
from support.command import fhirexport
from support.importing import exported
from support.rows import EJ_ID
from support.server import PATIENCE, UNHURRIED, server_process, wait_for_health
from support.valkey import Valkey

SCRIPT = (Path(__file__).parents[2] / "deploy/grants.sql").read_text(encoding="utf-8")
READ = {"SELECT"}
WRITE = {"SELECT", "INSERT", "UPDATE", "DELETE"}
KEPT_BY_TRIGGERS = (
    "alembic_version",
    "database_incarnation",
    "revision_base",
    "revision_delta",
    "revision_log",
)
RIGHTS: dict[str, dict[str, set[str]]] = {
    "reader": dict.fromkeys((*READ_BY, *KEPT_BY_TRIGGERS, "tombstone"), READ),
    "writer": dict.fromkeys(READ_BY, WRITE) | {"tombstone": READ},
    "server": dict.fromkeys((*READ_BY, "import_request", "revision_delta", "revision_log"), WRITE)
    | dict.fromkeys(("alembic_version", "database_incarnation"), READ)
    | {"revision_base": {"SELECT", "INSERT", "UPDATE"}, "cache_audit": {"INSERT"}},
}
"""Every right that a role has on a table."""
_RIGHTS = """
    SELECT relname, privilege_type FROM pg_class, aclexplode(relacl)
    WHERE relkind = 'r' AND grantee = %s::regrole::oid
"""
_SESSIONS = "SELECT pid FROM pg_stat_activity WHERE usename = ANY (%s)"

REQUEST_ID = "5f0d3c1e-0b0a-4c3a-9a52-9a4bb0c0f6f1"


@pytest.fixture
def url(new_group: Callable[[str, int], str]) -> str:
    """The demo group, with the grants."""
    url = new_group("postgresql", 40)
    with _connected(url) as connection:
        connection.execute(SCRIPT.encode())
    return url


@pytest.fixture
def as_role(url: str) -> Iterator[Callable[[str], str]]:
    """Make a login with one of the roles; return its URL."""
    made: list[str] = []

    def make(role: str) -> str:
        made.append(f"a_{role}")
        with _connected(url) as connection:
            connection.execute(f"CREATE ROLE a_{role} LOGIN IN ROLE fhirexport_{role}".encode())
        return url.replace("postgres@", f"a_{role}@")

    yield make
    with _connected(url) as connection:
        # A session goes on after its client has left, and its temporary tables are the role's.
        ends = time.monotonic() + PATIENCE
        while connection.execute(_SESSIONS, [made]).fetchall() and time.monotonic() < ends:
            time.sleep(0.01)
        for name in made:
            connection.execute(f"DROP ROLE {name}".encode())


def _connected(url: str) -> closing[psycopg.Connection]:
    """Connect, each statement in a transaction of its own."""
    return closing(psycopg.connect(url, autocommit=True))


def _allowed(url: str, statements: tuple[str, ...]) -> list[str]:
    """Return which of some statements somebody may execute."""
    allowed = []
    with _connected(url) as connection:
        for statement in statements:
            try:
                connection.execute(statement.encode())
            except InsufficientPrivilege:
                continue
            allowed.append(statement)
    return allowed


@pytest.mark.parametrize("role", RIGHTS)
def test_a_role_has_these_rights_and_no_others(role: str, url: str) -> None:
    with _connected(url) as connection:
        connection.execute(SCRIPT.encode())  # again, as after a migration
        rows = connection.execute(_RIGHTS, [f"fhirexport_{role}"]).fetchall()
        functions = connection.execute(
            "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
            " AND has_function_privilege(%s, oid, 'EXECUTE')",
            [f"fhirexport_{role}"],
        ).fetchall()
    rights: dict[str, set[str]] = {}
    for table, right in rows:
        rights.setdefault(table, set()).add(right)
    assert rights == RIGHTS[role]
    assert functions == []


def test_every_table_is_somebodys() -> None:
    assert set().union(*RIGHTS.values()) == {*METADATA.tables, "alembic_version"}


def test_a_reader_reads_the_data_and_writes_nothing(as_role: Callable[[str], str]) -> None:
    reader = as_role("reader")
    with _connected(reader) as connection:
        for table in READ_BY:
            row = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
            assert row is not None
            assert row[0] > 0
    writes = tuple(f"UPDATE {table} SET updated_at = updated_at" for table in READ_BY)
    deletes = tuple(f"DELETE FROM {table}" for table in READ_BY)
    inserts = tuple(f"INSERT INTO {table} DEFAULT VALUES" for table in READ_BY)
    audited = ("SELECT * FROM cache_audit", "SELECT * FROM import_request")
    assert _allowed(reader, (*writes, *deletes, *inserts, *audited, *TAMPERING, *DDL)) == []


def test_a_writer_moves_revisions_and_cannot_move_them_otherwise(
    url: str, as_role: Callable[[str], str]
) -> None:
    writer = as_role("writer")
    with Database.open(url) as database:
        for dataset, statement in (
            (Dataset.STRUCTURE, "UPDATE org_unit SET description = 'Urgences' WHERE id = 1"),
            (Dataset.PATIENTS, "INSERT INTO patient (ej_id, gender) VALUES (1, 'F')"),
            (Dataset.PATIENTS, "INSERT INTO patient (id, ej_id) VALUES (nextval('patient_id_seq'), 1)"),
            (
                Dataset.VENUES,
                "DELETE FROM movement WHERE id = (SELECT max(id) FROM movement WHERE ej_id = 1)",
            ),
        ):
            before = database.revision(EJ_ID, dataset)
            with _connected(writer) as connection:
                connection.execute(statement.encode())
            after = database.revision(EJ_ID, dataset)
            assert before is not None
            assert after is not None
            assert after.n == before.n + 1, statement
    with _connected(writer) as connection:
        deleted = connection.execute("SELECT table_name FROM tombstone").fetchall()
        with pytest.raises(NotNullViolation):  # the rules are the same for everybody
            connection.execute("INSERT INTO venue (ej_id) VALUES (1)")
    assert deleted == [("movement",)]
    assert _allowed(writer, (*TAMPERING, *DDL)) == []


def test_a_temporary_table_swallows_no_change(url: str, as_role: Callable[[str], str]) -> None:
    with Database.open(url) as database, _connected(as_role("writer")) as connection:
        before = database.revision(EJ_ID, Dataset.VENUES)
        for name, columns in OF_ONES_OWN.items():
            connection.execute(f"CREATE TEMPORARY TABLE {name} ({columns})".encode())
        connection.execute("DELETE FROM movement WHERE ej_id = 1")
        after = database.revision(EJ_ID, Dataset.VENUES)
        assert before is not None
        assert after is not None
        assert after.n == before.n + 1
        swallowed = connection.execute("SELECT count(*) FROM pg_temp.tombstone").fetchone()
        noted = connection.execute("SELECT count(*) > 0 FROM public.tombstone").fetchone()
        assert (swallowed, noted) == ((0,), (True,))


@pytest.mark.parametrize("role", RIGHTS)
def test_nobody_makes_triggers_of_our_functions(role: str, as_role: Callable[[str], str]) -> None:
    with _connected(as_role(role)) as connection:
        connection.execute("CREATE TEMPORARY TABLE mine (id bigint, ej_id bigint)")
        with pytest.raises(InsufficientPrivilege):
            connection.execute(
                "CREATE TRIGGER mine AFTER INSERT ON mine REFERENCING NEW TABLE AS new_rows"
                " FOR EACH STATEMENT EXECUTE FUNCTION revision_insert_by_id('nonsense')"
            )


async def test_a_server_of_a_readers_exports_and_nothing_else(
    as_role: Callable[[str], str], tmp_path: Path
) -> None:
    async with (
        server_process(tmp_path, as_role("reader")) as server,
        AsyncClient(server.address) as client,
    ):
        assert len([patient async for patient in client.patients(EJ_ID)]) == 32
        for refused in (client.imports.resources(b"{}\n", ej_id=EJ_ID), client.cache.flush()):
            with pytest.raises(ExportError) as error:
                await refused
            assert error.value.reason == "DATABASE_READ_ONLY"


@pytest.mark.long
async def test_a_server_does_all_it_does_without_any_right_to_alter(
    url: str,
    new_database: Callable[[str], str],
    as_role: Callable[[str], str],
    own_valkey: Valkey,
    tmp_path: Path,
) -> None:
    own_valkey.configure("maxmemory", "100mb")
    own_valkey.configure("maxmemory-policy", "volatile-lfu")
    content = b"".join((await exported(url))[EJ_ID])
    empty = new_database("postgresql")
    with _connected(empty) as connection:
        connection.execute(SCRIPT.encode())
    role = as_role("server").replace(_name(url), _name(empty))
    assert _allowed(role, DDL) == []
    async with (
        server_process(tmp_path, role, REDIS_URL=own_valkey.url, **UNHURRIED) as server,
        AsyncClient(server.address) as client,
    ):
        await wait_for_health(server.address, service="fhirexport.cache")
        await wait_for_health(server.address, service="fhirexport.v1.ImportService")
        imports = client.imports
        summary = await imports.resources(content, request_id=REQUEST_ID)
        assert (summary.error_count, summary.created_count) == (0, len(content.splitlines()))
        assert await imports.resources(content, request_id=REQUEST_ID) == summary
        assert b"".join((await exported(empty))[EJ_ID]) == content
        assert [one.ej_id async for one in client.entities()] == [EJ_ID]
        patient = await anext(aiter(client.patients(EJ_ID)))
        changed = await imports.bundle(json.dumps(_bundle(patient)), ej_id=EJ_ID)
        assert (changed.updated_count, changed.deleted_count, changed.error_count) == (1, 1, 0)
        checked = await imports.resources(content, ej_id=EJ_ID, validate_only=True)
        assert (checked.created_count, checked.error_count) == (6, 0)
        await client.cache.invalidate("fhir:export:*", reason="a test")
        await _until_folded(empty)
        status, out, _ = await fhirexport(server.address, "doctor", "--json")
        assert (status, json.loads(out)["level"]) == (0, "ok"), out
        assert "upkeep_failing" not in server.log()
    with _connected(empty) as connection:
        audit = connection.execute("SELECT action, reason FROM cache_audit").fetchall()
        # Ids that were brought along are passed over.
        last = "SELECT last_value >= (SELECT max(id) FROM patient) FROM patient_id_seq"
        assert (audit, connection.execute(last).fetchone()) == ([("invalidate", "a test")], (True,))


def _name(url: str) -> str:
    """Return the name of a database, as its URL has it."""
    return url.partition("?")[0].rpartition("/")[2]


def _bundle(patient: dict[str, object]) -> dict[str, object]:
    """Return what changes a patient and deletes a stay."""
    gender = "female" if patient.get("gender") == "male" else "male"
    change = {"method": "PUT", "url": f"Patient/{patient['id']}"}
    entries = [
        {"resource": {**patient, "gender": gender}, "request": change},
        {"request": {"method": "DELETE", "url": "Encounter/ven-1"}},
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


async def _until_folded(url: str) -> None:
    """Wait until the server has folded every delta of revisions."""
    with _connected(url) as connection:
        async with asyncio.timeout(PATIENCE):
            while connection.execute("SELECT 1 FROM revision_delta LIMIT 1").fetchone():
                await asyncio.sleep(0.05)

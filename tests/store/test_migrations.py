"""Shows that the migrations make exactly the schema that the queries are written for."""

import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from alembic.script import ScriptDirectory
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.errors import (
    ChangesUntrackedError,
    DatabaseUnavailableError,
    SchemaMismatchError,
)
from fhirexport_server.store import migrate as migrate_module
from fhirexport_server.store.database import Database
from fhirexport_server.store.loader import load
from fhirexport_server.store.migrate import migrate
from fhirexport_server.store.migrations.scripts import run
from fhirexport_server.store.migrations.table_locks import TablesBusyError
from fhirexport_server.store.schema import METADATA, ddl
from fhirexport_server.store.schema_version import HEAD
from sqlalchemy import inspect, text
from support.rows import EJ_ID, small, writing


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_the_migrations_amount_to_the_schema(
    backend: str, empty_database: Callable[[str], str], new_database: Callable[[str], str]
) -> None:
    at_once = empty_database(backend)
    with writing(at_once) as connection:
        for statement in ddl.statements(backend):
            connection.execution_options(no_parameters=True).exec_driver_sql(statement)
    assert described(new_database(backend)) == described(at_once)


OLDER = ("0001", "0002", "0003")


def _make_older(url: str, revisions: tuple[str, ...]) -> None:
    """Bring an empty database to the last of some revisions."""
    with writing(url) as connection:
        for revision in revisions:
            run(connection, f"r{revision}")
        connection.execute(
            text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
        )
        connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": revisions[-1]})


@pytest.mark.parametrize("revisions", [OLDER[:count] for count in (1, 2, 3)], ids="-".join)
@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_a_filled_database_of_an_older_schema_is_brought_to_date(
    backend: str,
    revisions: tuple[str, ...],
    empty_database: Callable[[str], str],
    new_database: Callable[[str], str],
) -> None:
    url = empty_database(backend)
    _make_older(url, revisions)
    with Database.open(url) as database, pytest.raises(SchemaMismatchError):
        database.check()
    load(url, small())
    migrate(url)
    assert described(url) == described(new_database(backend))
    with writing(url) as connection:
        assert connection.execute(text("SELECT derived FROM movement")).scalar_one() == 0
        assert connection.execute(text("SELECT deceased_on_precision FROM patient")).scalar_one() == "D"
    with Database.open(url) as database:
        database.check()


@pytest.fixture
def older_url(empty_database: Callable[[str], str]) -> str:
    """A PostgreSQL of an older schema."""
    url = empty_database("postgresql")
    _make_older(url, OLDER)
    load(url, small())
    return url


def test_a_migration_lets_a_writer_go_on_with_whichever_table_and_comes_after_it(older_url: str) -> None:
    with psycopg.connect(older_url) as writer, ThreadPoolExecutor(1) as pool:
        # It reads the last of the tables, then writes: a migration that held the log would wait in a circle.
        writer.execute("SELECT count(*) FROM movement")
        migrating = pool.submit(migrate, older_url)
        for table in ("movement", "patient", "place", "org_unit", "ej"):
            time.sleep(0.2)
            writer.execute(f"UPDATE {table} SET id = id".encode())
        assert not migrating.done()
        writer.commit()
        migrating.result()
    with Database.open(older_url) as database:
        database.check()


def test_a_migration_gives_up_where_others_hold_the_tables_and_says_so(older_url: str) -> None:
    with psycopg.connect(older_url) as reader:
        reader.execute("SELECT count(*) FROM movement")
        with pytest.raises(TablesBusyError, match="have held the tables of DATABASE_URL for 1 s"):
            migrate(older_url, lock_seconds=1)
    migrate(older_url)


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_the_migration_of_a_new_column_is_printed(backend: str) -> None:
    program = [
        sys.executable,
        "-m",
        "fhirexport_server.store.schema.ddl",
        backend,
        "patient.lunar_birth_date",
    ]
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    statement, *comments = done.stdout.rstrip("\n").split(ddl.SEPARATOR)
    versions = Path(migrate_module.__file__).parent / "migrations" / "versions"
    assert statement == (versions / f"r0002_{backend}.sql").read_text().split(ddl.SEPARATOR)[0]
    written = (versions / f"r0003_{backend}.sql").read_text().rstrip("\n").split(ddl.SEPARATOR)
    assert len(comments) == (1 if backend == "postgresql" else 0)
    assert set(comments) <= set(written)


def described(url: str) -> dict[str, object]:
    """Return everything that a database says of its schema, without the order of columns."""
    with writing(url) as connection:
        inspector = inspect(connection)
        definitions = (
            "SELECT name, sql FROM sqlite_schema WHERE type IN ('trigger', 'index')"
            if connection.dialect.name == "sqlite"
            else "SELECT tgname, pg_get_triggerdef(oid) || tgenabled::text FROM pg_trigger"
            " WHERE NOT tgisinternal"
            " UNION ALL SELECT indexname, indexdef FROM pg_indexes"
            " WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
            " UNION ALL SELECT proname, pg_get_functiondef(oid) || proacl::text FROM pg_proc"
            " WHERE pronamespace = 'public'::regnamespace"
            " UNION ALL SELECT relname, obj_description(oid, 'pg_class') FROM pg_class"
            " WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'alembic_version'"
        )
        return {
            "definitions": {
                tuple(row)
                for row in connection.execute(text(definitions))
                if row[0] != "sqlite_autoindex_alembic_version_1"
            },
            **{
                table: {
                    "columns": sorted(map(str, inspector.get_columns(table))),
                    "checks": sorted(
                        str((check["name"], check["sqltext"]))
                        for check in inspector.get_check_constraints(table)
                    ),
                    "keys": sorted(map(str, inspector.get_foreign_keys(table))),
                    "unique": sorted(map(str, inspector.get_unique_constraints(table))),
                }
                for table in inspector.get_table_names()
                if table != "alembic_version"
            },
        }


def test_head_is_the_newest_migration() -> None:
    scripts = ScriptDirectory(str(Path(migrate_module.__file__).parent / "migrations"))
    assert scripts.get_heads() == [HEAD]


def test_a_migrated_database_has_every_table_column_and_index(database_url: str) -> None:
    with writing(database_url) as connection:
        inspector = inspect(connection)
        for table in METADATA.sorted_tables:
            columns = {column["name"] for column in inspector.get_columns(table.name)}
            indexes = {index["name"] for index in inspector.get_indexes(table.name)}
            assert columns == {column.name for column in table.columns}
            assert {index.name for index in table.indexes} <= indexes


def test_migrating_twice_changes_nothing(database_url: str) -> None:
    with writing(database_url) as connection:
        before = connection.execute(text("SELECT id FROM database_incarnation")).scalar_one()
    migrate(database_url)
    with writing(database_url) as connection:
        assert connection.execute(text("SELECT id FROM database_incarnation")).scalar_one() == before


def test_a_write_to_sqlite_reads_its_own_revisions_and_not_those_of_every_ej(
    new_database: Callable[[str], str],
) -> None:
    datasets = "'structure', 'patients', 'venues'"
    statement = f"UPDATE revision_base SET n = n + 1 WHERE ej_id IN (1) AND dataset IN ({datasets})"
    with writing(new_database("sqlite")) as connection:
        (plan,) = connection.execute(text(f"EXPLAIN QUERY PLAN {statement}"))
    assert plan.detail.startswith("SEARCH")


def test_two_databases_have_two_incarnations(new_database: Callable[[str], str]) -> None:
    found = set()
    for backend in ("sqlite", "sqlite", "postgresql", "postgresql"):
        with writing(new_database(backend)) as connection:
            found.add(connection.execute(text("SELECT id FROM database_incarnation")).scalar_one())
    assert len(found) == 4


def test_a_schema_of_another_release_is_refused(database_url: str) -> None:
    with writing(database_url) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaMismatchError) as refused:
        migrate(database_url)
    assert (refused.value.expected, refused.value.found) == (HEAD, "9999")
    with Database.open(database_url) as database, pytest.raises(SchemaMismatchError):
        database.check()


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_what_a_newer_release_has_made_of_the_triggers_is_its_schema_and_no_alteration(
    backend: str, new_small: Callable[[str], str]
) -> None:
    url = new_small(backend)
    table = " ON patient" if backend == "postgresql" else ""
    with Database.open(url) as database:
        assert database.revision(EJ_ID, Dataset.PATIENTS) is not None
        with writing(url) as connection:
            connection.execute(text(f"DROP TRIGGER patient_revision_insert{table}"))
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(SchemaMismatchError) as refused:
            database.revision(EJ_ID, Dataset.PATIENTS)
        assert (refused.value.expected, refused.value.found) == (HEAD, "9999")
        with writing(url) as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :head"), {"head": HEAD})
        with pytest.raises(ChangesUntrackedError):
            database.revision(EJ_ID, Dataset.PATIENTS)


def test_a_database_without_schema_is_told_from_one_out_of_reach(tmp_path: Path) -> None:
    with Database.open(f"sqlite:///{tmp_path / 'new.db'}") as database:
        with pytest.raises(SchemaMismatchError):
            database.check()
        with pytest.raises(SchemaMismatchError), database.snapshot() as snapshot:
            snapshot.ej(1)
    with (
        Database.open(f"sqlite:///{tmp_path / 'missing' / 'new.db'}") as database,
        pytest.raises(DatabaseUnavailableError),
    ):
        database.check()


@pytest.mark.parametrize("url", ["mysql://root:hunter2@localhost/x", "hunter2", "", "postgresql:hunter2"])
def test_a_url_of_another_kind_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(ValueError, match="must start with") as refused, Database.open(url):
        pass
    assert "hunter2" not in str(refused.value)

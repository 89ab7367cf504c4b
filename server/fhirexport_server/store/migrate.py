"""Migrations: bring a database's schema to date."""

from pathlib import Path

from sqlalchemy import text

from fhirexport_server.domain.errors import SchemaMismatchError
from fhirexport_server.store.connection.driver_errors import translated
from fhirexport_server.store.connection.engine import create
from fhirexport_server.store.connection.schema_revision import current
from fhirexport_server.store.migrations import table_locks
from fhirexport_server.store.schema_version import HEAD, serves


def migrate(url: str, *, lock_seconds: float = table_locks.SECONDS) -> None:
    """Bring the schema to HEAD, in one transaction. Do nothing where it is there.

    It is there, too, where a newer release has only added to it.

    Args:
        url: The URL of the database.
        lock_seconds: How long to try to lock the tables of a PostgreSQL that others use, in seconds.

    Raises:
        TablesBusyError: Others have held the tables all the time.
        DatabaseUnavailableError: The database cannot be reached.
        SchemaMismatchError: The schema is a newer release's, which this one cannot serve.
    """
    # A server that serves migrates nothing, and would start a tenth of a second later.
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415 - see above
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - see above

    engine = create(url, new=True)
    try:
        with translated(), engine.begin() as connection:
            config = Config()
            config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
            config.attributes["connection"] = connection
            revision = current(connection)
            known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
            if revision is not None and revision not in known:
                if serves(revision):
                    return
                raise SchemaMismatchError(HEAD, revision)
            if revision not in {None, HEAD} and connection.dialect.name == "postgresql":
                table_locks.lock_all(connection, lock_seconds)
            command.upgrade(config, "head")
            if connection.dialect.name == "sqlite":
                # This makes the statistics tables. Made later, they would look like a change of the schema.
                connection.execute(text("ANALYZE revision_base"))
                # That of a table that is empty yet would have each write read all of it, later.
                connection.execute(text("DELETE FROM sqlite_stat1 WHERE tbl = 'revision_base'"))
    finally:
        engine.dispose()

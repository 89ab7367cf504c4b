"""Owns bringing a database's schema to date, and saying whether it is."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from fhirexport_server.domain.errors import SchemaMismatchError
from fhirexport_server.store.connection.engine import create, translated
from fhirexport_server.store.schema_version import HEAD


def migrate(url: str) -> None:
    """Brings the schema to HEAD, all or nothing. Does nothing on a database that is there already.

    Raises:
        DatabaseUnavailableError: the database cannot be reached.
        SchemaMismatchError: the schema is of a newer release.
    """
    engine = create(url, new=True)
    try:
        with translated(), engine.begin() as connection:
            config = Config()
            config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
            config.attributes["connection"] = connection
            found = current(connection)
            if found is not None and found not in _revisions(config):
                raise SchemaMismatchError(HEAD, found)
            command.upgrade(config, "head")
            if connection.dialect.name == "sqlite":
                # It makes the tables of statistics: made later, they would look like a change of schema.
                connection.execute(text("ANALYZE revision_base"))
    finally:
        engine.dispose()


def _revisions(config: Config) -> set[str]:
    """Return the revisions that this release knows the way from."""
    return {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}


def current(connection: Connection) -> str | None:
    """Returns the schema's revision; None where there is no schema."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def require_head(connection: Connection) -> None:
    """Raises SchemaMismatchError unless the schema is at HEAD."""
    found = current(connection)
    if found != HEAD:
        raise SchemaMismatchError(HEAD, found or "none")

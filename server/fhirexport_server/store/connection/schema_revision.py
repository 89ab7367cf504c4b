"""The revision of the schema that a database has, which is the release's that has migrated it last."""

from sqlalchemy import Connection, inspect, text

from fhirexport_server.domain.errors import SchemaMismatchError
from fhirexport_server.store.schema_version import HEAD, serves


def current(connection: Connection) -> str | None:
    """Return the schema's revision; None where there is no schema."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def require_served(connection: Connection) -> None:
    """Raise SchemaMismatchError unless the schema is at HEAD, or a newer release has only added to it."""
    revision = current(connection)
    if revision is None or not serves(revision):
        raise SchemaMismatchError(HEAD, revision or "none")

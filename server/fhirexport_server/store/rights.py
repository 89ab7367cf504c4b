"""Whether this server may write to its database. Finding out writes nothing."""

import os
from typing import Final

from sqlalchemy import Connection, text

_TABLES: Final = ("org_unit", "place", "patient", "venue", "movement", "import_request")
"""Each import writes to some of these."""
_POSTGRESQL: Final = text(
    """
    SELECT NOT pg_is_in_recovery() AND current_setting('default_transaction_read_only') = 'off' AND bool_and(
      has_table_privilege(name, 'INSERT') AND has_table_privilege(name, 'UPDATE')
      AND has_table_privilege(name, 'DELETE'))
    FROM unnest(CAST(:tables AS text[])) AS name
    """
)


def may_import(connection: Connection) -> bool:
    """Return whether imports may write: the database takes writes, and from this server's user."""
    if connection.dialect.name == "postgresql":
        return bool(connection.execute(_POSTGRESQL, {"tables": list(_TABLES)}).scalar_one())
    return os.access(connection.engine.url.database or "", os.W_OK)

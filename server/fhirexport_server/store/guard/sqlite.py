"""Whether a SQLite database notices its changes, according to its schema."""

from collections.abc import Sequence

from sqlalchemy import Connection

from fhirexport_server.domain.errors import ChangesUntrackedError, Fault
from fhirexport_server.store.guard import expected

_SCHEMA = "SELECT name, type, sql FROM sqlite_schema WHERE type IN ('table', 'view', 'trigger')"


def require(connection: Connection, tables: Sequence[str]) -> None:
    """Make sure that every change of some tables moves a revision.

    Raises:
        ChangesUntrackedError: One would not.
    """
    present = {name: (kind, sql) for name, kind, sql in connection.exec_driver_sql(_SCHEMA)}
    for name in (*tables, *expected.COUNTERS):
        if name not in present or present[name][0] != "table":
            raise ChangesUntrackedError(Fault.TABLE_REPLACED, name)
    for trigger in expected.sqlite():
        if trigger.table not in tables:
            continue
        kind, sql = present.get(trigger.name, ("", ""))
        if kind != "trigger":
            raise ChangesUntrackedError(Fault.TRIGGER_MISSING, trigger.name)
        if sql.split() != trigger.body.split():
            raise ChangesUntrackedError(Fault.TRIGGER_CHANGED, trigger.name)

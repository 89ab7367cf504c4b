"""Whether a SQLite database notices its changes, according to its schema."""

from collections.abc import Sequence
from functools import cache

from sqlalchemy import Connection

from fhirexport_server.domain.errors import ChangesUntrackedError, Fault
from fhirexport_server.store.guard import expected
from fhirexport_server.store.schema import METADATA, ddl
from fhirexport_server.store.schema.triggers import sqlite_triggers
from fhirexport_server.store.schema.triggers.unique_keys import unique_keys

_SCHEMA = """
    SELECT name, type, tbl_name, sql FROM sqlite_schema WHERE type IN ('table', 'view', 'trigger')
"""
_UNIQUE_INDEXES = """
    SELECT list.name, (SELECT sql FROM sqlite_schema WHERE name = list.name), info.name
    FROM pragma_index_list('{table}') AS list, pragma_index_info(list.name) AS info WHERE list."unique"
"""


def require(connection: Connection, tables: Sequence[str]) -> None:
    """Make sure that every change of some tables moves a revision.

    Raises:
        ChangesUntrackedError: One would not.
    """
    present = {name: (kind, table, sql) for name, kind, table, sql in connection.exec_driver_sql(_SCHEMA)}
    for name in (*tables, *expected.COUNTERS):
        if name not in present or present[name][0] != "table":
            raise ChangesUntrackedError(Fault.TABLE_REPLACED, name)
    ours = sqlite_triggers.triggers()
    for table in (*tables, *expected.COUNTERS):
        for trigger, statement in ours.get(table, {}).items():
            kind, _, sql = present.get(trigger, ("", "", ""))
            if kind != "trigger":
                raise ChangesUntrackedError(Fault.TRIGGER_MISSING, trigger)
            if sql.split() != statement.split():
                raise ChangesUntrackedError(Fault.TRIGGER_CHANGED, trigger)
    for name, (kind, table, _) in present.items():
        # Nobody but us has business with the tables that revisions are kept in.
        if kind == "trigger" and table in expected.COUNTERS and name not in ours.get(table, {}):
            raise ChangesUntrackedError(Fault.TRIGGER_CHANGED, name)
    for table in tables:
        _require_known_keys(connection, table)


def _require_known_keys(connection: Connection, table: str) -> None:
    """Make sure that the triggers look for every row that REPLACE may delete."""
    indexes: dict[tuple[str, str | None], set[str | None]] = {}
    for name, sql, column in connection.exec_driver_sql(_UNIQUE_INDEXES.format(table=table)):
        indexes.setdefault((name, sql), set()).add(column)
    keys, statements = _known_keys(table)
    for (name, sql), columns in indexes.items():
        if not any(columns >= key for key in keys) and (sql is None or sql.split() not in statements):
            raise ChangesUntrackedError(Fault.UNIQUE_INDEX, name)


@cache
def _known_keys(table: str) -> tuple[list[set[str]], list[list[str]]]:
    """Return the unique keys of all rows of a table, and what makes the indexes of those of some rows."""
    known = METADATA.tables[table]
    keys = [set(key.columns) for key in unique_keys(known) if key.condition is None]
    return keys, [ddl.index_statement(index, "sqlite").split() for index in known.indexes]

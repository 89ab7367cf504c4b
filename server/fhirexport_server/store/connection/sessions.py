"""What every transaction on PostgreSQL begins with, so that it reads the same whoever set its session up.

A session's settings come from `ALTER ROLE … SET`, `ALTER DATABASE … SET` and whatever a pooler's other
clients left behind. A pooler in transaction mode also takes away what was set on connecting. So each
transaction sets what matters by `SET LOCAL`, in one message with its lock; a statement of its own (the
look-up) names its schema instead.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import ExceptionContext

BEGIN = "fhirexport_begin"
"""The execution option that holds further statements for the beginning of a transaction."""
LOCKED = "fhirexport_locked"
"""The execution option that holds the tables that are not to be rewritten while the transaction lasts."""
SCHEMA = "fhirexport_schema"
"""Under which a connection's `info` has the schema that holds our tables; None where none does."""
SETTINGS = {
    "client_encoding": "'UTF8'",
    "DateStyle": "'ISO'",
    "IntervalStyle": "'postgres'",
    "TimeZone": "'UTC'",
    "extra_float_digits": "1",
    "bytea_output": "'hex'",
    "standard_conforming_strings": "on",
    # NULL in an array is NULL, and `= NULL` is not IS NULL.
    "array_nulls": "on",
    "transform_null_equals": "off",
    # A policy that hides rows makes a query fail; without this it would leave them out.
    "row_security": "off",
}
"""Settings that change what is read or written, with the value that this service is written for."""

# A search path may name several schemas with tables of ours; then its order decides.
_LOCATE = """
    SELECT n.nspname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relname = 'database_incarnation' AND n.nspname !~ '^pg_'
      AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
    ORDER BY pg_catalog.array_position(pg_catalog.current_schemas(false), n.nspname),
      n.nspname <> 'public', n.nspname
    LIMIT 1
"""
# The table, the column or the schema is not there: perhaps it is elsewhere by now.
_MOVED = ("42P01", "42703", "3F000")


def quoted(name: str) -> str:
    """Return a name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def schema_of(connection: Connection) -> str | None:
    """Return the schema that holds our tables; None where none does."""
    schema: str | None = connection.info.get(SCHEMA)
    return schema


def install(engine: Engine) -> None:
    """Make every transaction of an engine begin as this module says."""

    @event.listens_for(engine, "connect")
    def connected(connection: Any, record: Any) -> None:  # noqa: ANN401 - SQLAlchemy's own types
        record.info[SCHEMA] = _located(connection)

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        driver = connection.connection.driver_connection
        if not isinstance(driver, psycopg.Connection) or driver.autocommit:
            return
        if connection.info.get(SCHEMA) is None:
            # Migrated since it was connected, or not yet.
            row = connection.exec_driver_sql(_LOCATE).one_or_none()
            connection.info[SCHEMA] = None if row is None else row[0]
        options = connection.get_execution_options()
        schema = schema_of(connection)
        script = [_settings(schema), *options.get(BEGIN, ())]
        if schema is not None and options.get(LOCKED):
            script.append(_shared_locks(schema, options[LOCKED]))
        # Without parameters, several statements are one message.
        connection.exec_driver_sql("; ".join(script), execution_options={"no_parameters": True})

    @event.listens_for(engine, "handle_error")
    def failed(context: ExceptionContext) -> None:
        if getattr(context.original_exception, "sqlstate", None) in _MOVED:
            # Every connection of the pool looks for the tables anew.
            context.is_disconnect = True


def _located(connection: Any) -> str | None:  # noqa: ANN401 - the driver's connection, in SQLAlchemy's wrapper
    connection.autocommit = True
    try:
        row = connection.execute(_LOCATE).fetchone()
    finally:
        connection.autocommit = False
    return None if row is None else str(row[0])


@lru_cache(maxsize=16)
def _shared_locks(schema: str, tables: Sequence[str]) -> str:
    """Return the statement that keeps tables from being rewritten while they are read.

    A table that TRUNCATE or ALTER TABLE rewrites looks empty to older snapshots. To lock takes no
    snapshot, so what is locked first is read whole.
    """
    names = ", ".join(f"{quoted(schema)}.{quoted(table)}" for table in tables)
    return f"LOCK TABLE {names} IN ACCESS SHARE MODE"


@lru_cache(maxsize=16)
def _settings(schema: str | None) -> str:
    settings = dict(SETTINGS)
    if schema is not None:
        # Temporary tables last: nobody's may stand before ours.
        settings["search_path"] = f"{quoted(schema)}, pg_temp"
    return "; ".join(f"SET LOCAL {name} = {value}" for name, value in settings.items())

"""What every transaction on PostgreSQL begins with, so that it reads the same in every session.

A session's settings come from `ALTER ROLE … SET`, from `ALTER DATABASE … SET` and from other clients of a
pooler. A pooler in transaction mode also drops what was set on connecting. So each transaction sets what
matters by `SET LOCAL`, in one message with its lock. The look-up, a statement without a transaction, names
its schema instead.
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
"""The execution option that holds the tables that nobody may rewrite while the transaction lasts."""
SCHEMA = "fhirexport_schema"
"""The key in a connection's `info` of the schema that holds our tables; None where no schema does."""
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
    # With this, a policy that hides rows makes the query fail instead of leaving them out.
    "row_security": "off",
}
"""Settings that change what is read or written, with the values that this service needs."""

# Several schemas of the search path may hold tables of ours; then the order of the path decides.
_LOCATE = """
    SELECT n.nspname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relname = 'database_incarnation' AND n.nspname !~ '^pg_'
      AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
    ORDER BY pg_catalog.array_position(pg_catalog.current_schemas(false), n.nspname),
      n.nspname <> 'public', n.nspname
    LIMIT 1
"""
# A missing table, column or schema: the tables may be in another schema by now.
_MOVED = ("42P01", "42703", "3F000")


def quoted(name: str) -> str:
    """Return a name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def schema_of(connection: Connection) -> str | None:
    """Return the schema that holds our tables; None where no schema does."""
    schema: str | None = connection.info.get(SCHEMA)
    return schema


def install(engine: Engine) -> None:
    """Make every transaction of an engine begin with the settings and locks of this module."""

    @event.listens_for(engine, "connect")
    def connected(connection: Any, record: Any) -> None:  # noqa: ANN401 - SQLAlchemy's own types
        record.info[SCHEMA] = _located(connection)

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        driver = connection.connection.driver_connection
        if not isinstance(driver, psycopg.Connection) or driver.autocommit:
            return
        if connection.info.get(SCHEMA) is None:
            # The schema was migrated after the connection was made, or is not migrated yet.
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
        error = context.original_exception
        state = getattr(error, "sqlstate", None)
        # The driver does not call every connection closed that is: one whose end was found by sending is not.
        is_lost = (
            isinstance(error, psycopg.OperationalError) and state is None and context.connection is not None
        )
        # After _MOVED, every connection of the pool looks for the tables anew.
        if context.is_pre_ping or is_lost or state in _MOVED:
            context.is_disconnect = True


def _located(connection: Any) -> str | None:  # noqa: ANN401 - the driver's connection, in SQLAlchemy's wrapper
    connection.autocommit = True
    row = connection.execute(_LOCATE).fetchone()
    # Not after an error, with which the connection is given up: to set it then may be another error.
    connection.autocommit = False
    return None if row is None else str(row[0])


@lru_cache(maxsize=16)
def _shared_locks(schema: str, tables: Sequence[str]) -> str:
    """Return the statement that keeps tables from being rewritten while they are read.

    A table that TRUNCATE or ALTER TABLE rewrites looks empty to older snapshots. LOCK TABLE takes no
    snapshot, so a table that is locked first is read whole.
    """
    names = ", ".join(f"{quoted(schema)}.{quoted(table)}" for table in tables)
    return f"LOCK TABLE {names} IN ACCESS SHARE MODE"


@lru_cache(maxsize=16)
def _settings(schema: str | None) -> str:
    settings = dict(SETTINGS)
    if schema is not None:
        # Temporary tables last, so that none can hide one of ours.
        settings["search_path"] = f"{quoted(schema)}, pg_temp"
    return "; ".join(f"SET LOCAL {name} = {value}" for name, value in settings.items())

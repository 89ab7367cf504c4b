"""Whether a PostgreSQL database notices its changes, according to its catalogs."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, text

from fhirexport_server.domain.errors import ChangesUntrackedError, DatabaseAccessDeniedError, Fault
from fhirexport_server.store.guard import expected
from fhirexport_server.store.schema.triggers import postgresql_functions, postgresql_triggers
from fhirexport_server.store.schema.triggers.postgresql_triggers import TableTrigger

_TABLES = text("""
    SELECT c.relname, c.oid, c.relkind, c.relpersistence, pg_catalog.row_security_active(c.oid),
      EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid OR i.inhrelid = c.oid),
      EXISTS (SELECT FROM pg_catalog.pg_subscription_rel s WHERE s.srrelid = c.oid),
      pg_catalog.has_any_column_privilege(c.oid, 'SELECT'),
      EXISTS (SELECT FROM pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid)
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = :schema AND c.relname = ANY(:names)
""")
_TRIGGERS = text("""
    SELECT c.relname, t.tgname, p.proname, t.tgenabled::text,
      t.tgqual IS NULL AND cardinality(t.tgattr::smallint[]) = 0 AND pn.nspname = n.nspname,
      t.tgtype, t.tgargs, p.prosrc
    FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
      JOIN pg_catalog.pg_namespace pn ON pn.oid = p.pronamespace
    WHERE n.nspname = :schema AND c.relname = ANY(:names) AND NOT t.tgisinternal
""")


# pg_trigger.tgtype, as PostgreSQL's catalog/pg_trigger.h has it.
_ROW = 1
_EVENTS = {"INSERT": 4, "DELETE": 8, "UPDATE": 16, "TRUNCATE": 32}


class Oids(NamedTuple):
    """The object ids of tables."""

    data: tuple[int, ...]
    counters: tuple[int, ...]


def oids(connection: Connection, schema: str, tables: Sequence[str]) -> Oids:
    """Make sure that every change of some tables moves a revision; return the tables' object ids.

    Raises:
        ChangesUntrackedError: One would not.
        DatabaseAccessDeniedError: The server may not read one of them.
    """
    names = (*tables, *expected.COUNTERS)
    parameters = {"schema": schema, "names": list(names)}
    rows = {row[0]: row for row in connection.execute(_TABLES, parameters)}
    for name in names:
        if name not in rows:
            raise ChangesUntrackedError(Fault.TABLE_REPLACED, name)
        _, _, kind, persistence, secured, inherits, subscribed, readable, ruled = rows[name]
        is_counter = name in expected.COUNTERS
        _refuse(
            name,
            (
                (Fault.TABLE_REPLACED, kind != "r" or (ruled and is_counter)),
                (Fault.TABLE_INHERITED, inherits),
                (Fault.TABLE_UNLOGGED, persistence != "p"),
                (Fault.SUBSCRIPTION, subscribed and is_counter),
                (Fault.ROW_SECURITY, secured),
            ),
        )
        if not readable:
            raise DatabaseAccessDeniedError(name)
    triggers_present = {(row[0], row[1]): row[2:] for row in connection.execute(_TRIGGERS, parameters)}
    for trigger in postgresql_triggers.triggers():
        if trigger.table in tables:
            _refuse(trigger.name, _faults(trigger, triggers_present.pop((trigger.table, trigger.name), None)))
    for table, name in triggers_present:
        # Nobody but us has business with the tables that revisions are kept in.
        _refuse(name, ((Fault.TRIGGER_CHANGED, table in expected.COUNTERS),))
    return Oids(tuple(rows[name][1] for name in tables), tuple(rows[name][1] for name in expected.COUNTERS))


def _faults(trigger: TableTrigger, row: Sequence[object] | None) -> Iterator[tuple[Fault, bool]]:
    yield Fault.TRIGGER_MISSING, row is None
    if row is not None:
        function, enabled, unconditional, kind, arguments, source = row
        if trigger.is_replicated:
            # One that always runs only counts more often.
            yield Fault.REPLICA_TRIGGER_OFF, enabled not in {"R", "A"}
        else:
            yield Fault.TRIGGER_OFF, enabled != "A"
        same = (
            function == trigger.function
            and source == postgresql_functions.bodies()[trigger.function]
            and kind == _ROW * trigger.is_replicated + sum(_EVENTS[event] for event in trigger.events)
            and arguments == b"".join(argument.encode() + b"\0" for argument in trigger.arguments)
        )
        yield Fault.TRIGGER_CHANGED, not (same and unconditional)


def _refuse(name: str, faults: Iterable[tuple[Fault, bool]]) -> None:
    for fault, present in faults:
        if present:
            raise ChangesUntrackedError(fault, name)

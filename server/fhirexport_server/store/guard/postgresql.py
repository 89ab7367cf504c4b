"""Whether a PostgreSQL database notices its changes, according to its catalogs."""

from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import Connection, text

from fhirexport_server.domain.errors import ChangesUntrackedError, DatabaseAccessDeniedError, Fault
from fhirexport_server.store.guard import expected

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
    SELECT c.relname, t.tgname, p.proname, t.tgenabled::text = 'A',
      t.tgqual IS NULL AND cardinality(t.tgattr::smallint[]) = 0 AND pn.nspname = n.nspname, p.prosrc
    FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
      JOIN pg_catalog.pg_namespace pn ON pn.oid = p.pronamespace
    WHERE n.nspname = :schema AND c.relname = ANY(:names) AND NOT t.tgisinternal
""")


def oids(connection: Connection, schema: str, tables: Sequence[str]) -> tuple[int, ...]:
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
        _refuse(
            name,
            (
                (Fault.TABLE_REPLACED, kind != "r" or (ruled and name in expected.COUNTERS)),
                (Fault.TABLE_INHERITED, inherits),
                (Fault.TABLE_UNLOGGED, persistence != "p"),
                (Fault.SUBSCRIPTION, subscribed),
                (Fault.ROW_SECURITY, secured),
            ),
        )
        if not readable:
            raise DatabaseAccessDeniedError(name)
    triggers_present = {(row[0], row[1]): row[2:] for row in connection.execute(_TRIGGERS, parameters)}
    for trigger in expected.postgresql():
        if trigger.table in tables:
            _refuse(trigger.name, _faults(trigger, triggers_present.pop((trigger.table, trigger.name), None)))
    for table, name in triggers_present:
        # Nobody but us has business with the tables that revisions are kept in.
        _refuse(name, ((Fault.TRIGGER_CHANGED, table in expected.COUNTERS),))
    return tuple(rows[name][1] for name in tables)


def _faults(trigger: expected.Trigger, row: Sequence[object] | None) -> Iterator[tuple[Fault, bool]]:
    yield Fault.TRIGGER_MISSING, row is None
    if row is not None:
        function, always, unconditional, source = row
        yield Fault.TRIGGER_OFF, not always
        same = function == trigger.body and source == expected.functions()[trigger.body]
        yield Fault.TRIGGER_CHANGED, not (same and unconditional)


def _refuse(name: str, faults: Iterable[tuple[Fault, bool]]) -> None:
    for fault, present in faults:
        if present:
            raise ChangesUntrackedError(fault, name)

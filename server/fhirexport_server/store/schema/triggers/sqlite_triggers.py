"""The triggers of SQLite: they move revisions, log changes, record deletions and maintain `updated_at`.

They run for each row. `random()` cannot be seeded there, so it is what distinguishes changes.

An OR clause of the writer's statement takes the place of those in its triggers, so none has one.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from textwrap import dedent
from typing import Final

from fhirexport_server.domain.datasets import EVERY_EJ
from fhirexport_server.store.schema.base import METADATA
from fhirexport_server.store.schema.revisions import (
    ENTITIES,
    LOG_ROWS,
    NAMED_BY,
    READ_BY,
    SQLITE_DIGEST,
    ej_column,
)
from fhirexport_server.store.schema.triggers import unique_keys

_ROWS: Final = {"INSERT": ("NEW",), "UPDATE": ("OLD", "NEW"), "DELETE": ("OLD",)}
"""The rows that a trigger sees, by its event."""
_EVERY_DATASET: Final = "(VALUES ('structure'), ('patients'), ('venues'))"
_LOG: Final = "INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)"
# Only where somebody has set a revision back is there a row with its number.
_LOGGED_ANEW: Final = """ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;"""
# No patient and no venue; of a structure, which is rendered whole, everything.
_CONTEXT: Final = "iif(dataset = 'structure', NULL, 1), iif(dataset = 'structure', NULL, 0), NULL"
_PRUNED_AT_ONCE: Final = 64


def statements() -> Iterator[str]:
    """Yield the statements that make everything, and the revisions that count for every EJ."""
    yield (
        "INSERT INTO revision_base (ej_id, dataset, n, digest)\n"
        f"  SELECT {EVERY_EJ}, column1, 0, {SQLITE_DIGEST} FROM {_EVERY_DATASET}"
    )
    yield first_logged()
    for named in triggers().values():
        yield from named.values()
    for table in READ_BY:
        yield dedent(f"""\
            CREATE TRIGGER {table}_updated_at AFTER UPDATE ON {table}
            WHEN NEW.updated_at IS OLD.updated_at
              AND NEW.updated_at <> strftime('%Y-%m-%dT%H:%M:%SZ', 'now') BEGIN
              UPDATE {table} SET updated_at = strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
                WHERE rowid = NEW.rowid;
            END""")


def first_logged() -> str:
    """Return the statement that logs the present revisions, so that the log goes on from them."""
    return (
        "INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi)\n"
        "  SELECT ej_id, dataset, n, digest, 1, 0 FROM revision_base"
    )


@cache
def triggers() -> Mapping[str, Mapping[str, str]]:
    """Return the triggers that keep revisions, log and tombstones: for each table, statements by name."""
    named = {table: _of_table(table) for table in READ_BY}
    for table in ENTITIES:
        named[table][f"{table}_tombstone"] = dedent(f"""\
            CREATE TRIGGER {table}_tombstone AFTER DELETE ON {table} BEGIN
              DELETE FROM tombstone
                WHERE ej_id = OLD.ej_id AND table_name = '{table}' AND row_id = OLD.id;
              INSERT INTO tombstone (ej_id, table_name, row_id, deleted_at)
                VALUES (OLD.ej_id, '{table}', OLD.id, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'));
            END""")
    named["revision_log"] = {
        "revision_log_pruning": dedent(f"""\
            CREATE TRIGGER revision_log_pruning AFTER INSERT ON revision_log
            WHEN NEW.n % {_PRUNED_AT_ONCE} = 0 BEGIN
              DELETE FROM revision_log
                WHERE ej_id = NEW.ej_id AND dataset = NEW.dataset AND n <= NEW.n - {LOG_ROWS};
            END""")
    }
    return named


def _of_table(table: str) -> dict[str, str]:
    named = {}
    for event in _ROWS:
        name = f"{table}_revision_{event.lower()}"
        named[name] = (
            f"CREATE TRIGGER {name} AFTER {event} ON {table} BEGIN\n"
            f"{_first_revisions(table, event)}{_changed(table, event)}\nEND"
        )
    for event in ("INSERT", "UPDATE"):
        name = f"{table}_revision_before_{event.lower()}"
        in_the_way = unique_keys.in_the_way(METADATA.tables[table], "other")
        when = ""
        if event == "UPDATE":
            in_the_way = f"other.rowid <> OLD.rowid AND ({in_the_way})"
            when = f"({unique_keys.changed(METADATA.tables[table])}) AND "
        named[name] = (
            f"CREATE TRIGGER {name} BEFORE {event} ON {table}\n"
            f"WHEN {when}EXISTS (SELECT 1 FROM {table} AS other WHERE {in_the_way}) BEGIN\n"
            f"{_replaced(table, in_the_way)}\nEND"
        )
    return named


def _changed(table: str, event: str) -> str:
    """Count and log the change of a row. One of an EJ that has no revisions counts for every EJ."""
    rows, datasets, ej = _ROWS[event], _datasets(table), ej_column(table)
    ej_ids = ", ".join(f"{row}.{ej}" for row in rows)
    revisions = f"{len(READ_BY[table])}" + (f" * (1 + (OLD.{ej} <> NEW.{ej}))" if len(rows) > 1 else "")
    touched = _CONTEXT if table not in NAMED_BY else _touched([f"{row}.{NAMED_BY[table]}" for row in rows])
    return f"""\
  UPDATE revision_base SET n = n + 1, digest = {SQLITE_DIGEST}, source = '{table}'
    WHERE ej_id IN ({ej_ids}) AND dataset IN ({datasets});
  UPDATE revision_base SET n = n + 1, digest = {SQLITE_DIGEST}, source = '{table}'
    WHERE ej_id = {EVERY_EJ} AND changes() < {revisions} AND dataset IN ({datasets});
  {_LOG}
    SELECT ej_id, dataset, n, digest, {touched}
    FROM revision_base
    WHERE ej_id IN ({ej_ids}, iif(changes() = 0, {rows[-1]}.{ej}, {EVERY_EJ})) AND dataset IN ({datasets})
  {_LOGGED_ANEW}"""


def _replaced(table: str, in_the_way: str) -> str:
    """Count and log the rows that REPLACE deletes: those that are in the way of the new row.

    For their deletion no trigger runs, unless the connection has switched recursive triggers on.
    """
    datasets = _datasets(table)
    own = f"SELECT ej_id FROM revision_base WHERE ej_id = other.{ej_column(table)} LIMIT 1"
    ej = f"coalesce(({own}), {EVERY_EJ})"
    touched = _CONTEXT
    if table in NAMED_BY:
        key = f"other.{NAMED_BY[table]}"
        touched = f"min({key}), max({key}), iif(min({key}) <> max({key}), group_concat({key}), NULL)"
    return f"""\
  UPDATE revision_base SET n = n + 1, digest = {SQLITE_DIGEST}, source = '{table}'
    WHERE dataset IN ({datasets}) AND ej_id IN (
      SELECT {ej}
      FROM {table} AS other WHERE {in_the_way});
  {_LOG}
    SELECT base.ej_id, dataset, n, digest, {touched}
    FROM {table} AS other JOIN revision_base AS base
      ON base.ej_id = {ej}
    WHERE dataset IN ({datasets}) AND ({in_the_way})
    GROUP BY base.ej_id, dataset
  {_LOGGED_ANEW}"""


def _first_revisions(table: str, event: str) -> str:
    """Give a new EJ its revisions."""
    if table != "ej" or event == "DELETE":
        return ""
    return f"""\
  INSERT INTO revision_base (ej_id, dataset, n, digest)
    SELECT NEW.id, column1, 0, {SQLITE_DIGEST} FROM {_EVERY_DATASET}
    WHERE NOT EXISTS (SELECT 1 FROM revision_base WHERE ej_id = NEW.id AND dataset = column1);
"""


def _touched(keys: list[str]) -> str:
    """Return the values of lo, hi and ids for the keys of one row, before and after."""
    if len(keys) == 1:
        return f"{keys[0]}, {keys[0]}, NULL"
    old, new = keys
    return f"min({old}, {new}), max({old}, {new}), iif({old} <> {new}, {old} || ',' || {new}, NULL)"


def _datasets(table: str) -> str:
    return ", ".join(f"'{dataset}'" for dataset in READ_BY[table])

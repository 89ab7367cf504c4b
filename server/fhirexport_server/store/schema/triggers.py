"""The triggers, as DDL: they move revisions, record deletions and maintain `updated_at`, whoever writes."""

from collections.abc import Iterator
from textwrap import dedent

from fhirexport_server.domain.datasets import EVERY_EJ
from fhirexport_server.store.schema.base import METADATA
from fhirexport_server.store.schema.revisions import POSTGRESQL_NONCE, READ_BY, SQLITE_DIGEST

# The tables whose rows are resources: their deletions are recorded.
_ENTITIES = ("org_unit", "place", "patient", "venue", "movement")


def _ej(table: str) -> str:
    """Return the column of `table` that holds the EJ."""
    return "id" if table == "ej" else "ej_id"


def _datasets(table: str) -> str:
    return ", ".join(f"'{dataset}'" for dataset in READ_BY[table])


def _statement(sql: str) -> str:
    return dedent(sql).strip()


# --- SQLite --------------------------------------------------------------------------------------


def sqlite() -> Iterator[str]:
    """Yield the statements for SQLite, whose triggers run for each row."""
    yield _statement(f"""
        CREATE TRIGGER ej_revision_rows AFTER INSERT ON ej BEGIN
          INSERT INTO revision_base (ej_id, dataset, n, digest)
            SELECT NEW.id, column1, 0, {SQLITE_DIGEST} FROM (VALUES ('structure'), ('patients'), ('venues'))
            WHERE NOT EXISTS (SELECT 1 FROM revision_base WHERE ej_id = NEW.id AND dataset = column1);
        END
    """)
    yield _statement(f"""
        INSERT INTO revision_base (ej_id, dataset, n, digest)
          SELECT {EVERY_EJ}, column1, 0, {SQLITE_DIGEST} FROM (VALUES ('structure'), ('patients'), ('venues'))
    """)
    for table in READ_BY:
        ej = _ej(table)
        for event, rows in (("INSERT", ["NEW"]), ("UPDATE", ["OLD", "NEW"]), ("DELETE", ["OLD"])):
            ej_ids = ", ".join(f"{row}.{ej}" for row in rows)
            yield _sqlite_bump(table, event.lower(), f"AFTER {event}", ej_ids, or_every_ej=True)
        # REPLACE deletes the row in its way without a DELETE trigger; only a key shared by every EJ
        # can put another EJ's row in the way, and that is `id`.
        if "id" in METADATA.tables[table].c:
            for event in ("INSERT", "UPDATE"):
                in_the_way = f"SELECT {ej} FROM {table} WHERE id = NEW.id"
                yield _sqlite_bump(table, f"before_{event.lower()}", f"BEFORE {event}", in_the_way)
    for table in _ENTITIES:
        yield _statement(f"""
            CREATE TRIGGER {table}_tombstone AFTER DELETE ON {table} BEGIN
              DELETE FROM tombstone
                WHERE ej_id = OLD.ej_id AND table_name = '{table}' AND row_id = OLD.id;
              INSERT INTO tombstone (ej_id, table_name, row_id, deleted_at)
                VALUES (OLD.ej_id, '{table}', OLD.id, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'));
            END
        """)
    for table in READ_BY:
        yield _statement(f"""
            CREATE TRIGGER {table}_updated_at AFTER UPDATE ON {table}
            WHEN NEW.updated_at IS OLD.updated_at
              AND NEW.updated_at <> strftime('%Y-%m-%dT%H:%M:%SZ', 'now') BEGIN
              UPDATE {table} SET updated_at = strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
                WHERE rowid = NEW.rowid;
            END
        """)


def _sqlite_bump(table: str, name: str, when: str, ej_ids: str, *, or_every_ej: bool = False) -> str:
    """Count up the revisions of some EJs; with `or_every_ej`, those of every EJ where they have none."""
    own = f"""
          UPDATE revision_base SET n = n + 1, digest = {SQLITE_DIGEST}, source = '{table}'
            WHERE ej_id IN ({ej_ids}) AND dataset IN ({_datasets(table)});"""
    every = f"""
          UPDATE revision_base SET n = n + 1, digest = {SQLITE_DIGEST}, source = '{table}'
            WHERE ej_id = {EVERY_EJ} AND changes() = 0 AND dataset IN ({_datasets(table)});"""
    return _statement(f"""
        CREATE TRIGGER {table}_revision_{name} {when} ON {table} BEGIN{own}{every if or_every_ej else ""}
        END
    """)


# --- PostgreSQL ----------------------------------------------------------------------------------


def postgresql() -> Iterator[str]:
    """Yield the statements for PostgreSQL, whose triggers run for each statement and append deltas."""
    # The functions keep this path. Temporary tables last, so that no writer's own can hide one of ours.
    yield "SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true)"
    yield _statement(f"""
        INSERT INTO revision_base (ej_id, dataset, n, digest)
          SELECT {EVERY_EJ}, dataset, 0, trunc(random() * 1e18)
          FROM unnest(ARRAY['structure', 'patients', 'venues']) AS dataset
    """)
    yield from _postgresql_functions()
    for table in READ_BY:
        suffix = "_ej" if table == "ej" else ""
        for event, rows in (
            ("INSERT", "REFERENCING NEW TABLE AS new_rows"),
            ("UPDATE", "REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows"),
            ("DELETE", "REFERENCING OLD TABLE AS old_rows"),
            ("TRUNCATE", ""),
        ):
            own = "" if event == "TRUNCATE" else suffix
            name = f"{table}_revision_{event.lower()}"
            yield _statement(f"""
                CREATE TRIGGER {name} AFTER {event} ON {table} {rows}
                  FOR EACH STATEMENT EXECUTE FUNCTION revision_{event.lower()}{own}({_datasets(table)})
            """)
            # So that it runs in a session that applies logical replication, too.
            yield f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}"
    for table in _ENTITIES:
        yield _statement(f"""
            CREATE TRIGGER {table}_tombstone AFTER DELETE ON {table} REFERENCING OLD TABLE AS old_rows
              FOR EACH STATEMENT EXECUTE FUNCTION note_deletion()
        """)
        yield f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_tombstone"
    for table in READ_BY:
        yield _statement(f"""
            CREATE TRIGGER {table}_updated_at BEFORE UPDATE ON {table}
              FOR EACH ROW EXECUTE FUNCTION keep_updated_at()
        """)


def _postgresql_functions() -> Iterator[str]:
    """Yield the functions. They run as their owner, so that a writer needs no right on our tables.

    Nobody else may use them for triggers on other tables.
    """
    changed = {
        "insert": "SELECT {ej} AS ej_id, count(*) AS row_count FROM new_rows GROUP BY {ej}",
        # A row that stays in its EJ is both old and new.
        "update": (
            "SELECT ej_id, max(row_count) AS row_count FROM ("
            "SELECT {ej} AS ej_id, count(*) AS row_count FROM old_rows GROUP BY {ej}"
            " UNION ALL SELECT {ej}, count(*) FROM new_rows GROUP BY {ej}) AS both_rows GROUP BY ej_id"
        ),
        "delete": "SELECT {ej} AS ej_id, count(*) AS row_count FROM old_rows GROUP BY {ej}",
        "truncate": f"SELECT {EVERY_EJ} AS ej_id, 0 AS row_count",
    }
    for event, rows in changed.items():
        for suffix, ej in (("", "ej_id"), ("_ej", "id")):
            if event == "truncate" and suffix:
                continue
            yield from _function(
                f"revision_{event}{suffix}",
                f"""
                INSERT INTO revision_delta (ej_id, dataset, nonce, source, row_count)
                  SELECT changed.ej_id, dataset, {POSTGRESQL_NONCE}, TG_TABLE_NAME, changed.row_count
                  FROM ({rows.format(ej=ej)}) AS changed CROSS JOIN unnest(TG_ARGV) AS dataset;
                RETURN NULL;""",
            )
    yield from _function(
        "note_deletion",
        """
                INSERT INTO tombstone (ej_id, table_name, row_id, deleted_at)
                  SELECT ej_id, TG_TABLE_NAME, id, now() FROM old_rows
                  ON CONFLICT (ej_id, table_name, row_id) DO UPDATE SET deleted_at = excluded.deleted_at;
                RETURN NULL;""",
    )
    yield from _function(
        "keep_updated_at",
        """
                IF NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at THEN
                  NEW.updated_at := now();
                END IF;
                RETURN NEW;""",
    )


def _function(name: str, body: str) -> Iterator[str]:
    yield (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER"
        f" SET search_path FROM CURRENT AS $$\nBEGIN\n{dedent(body).strip()}\nEND $$"
    )
    yield f"REVOKE EXECUTE ON FUNCTION {name}() FROM PUBLIC"

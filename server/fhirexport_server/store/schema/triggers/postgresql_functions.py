"""The functions of PostgreSQL's triggers, as DDL.

They run as their owner, so that a writer needs no right on our tables; nobody else may use them for
triggers on other tables.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final

from fhirexport_server.domain.datasets import EVERY_EJ
from fhirexport_server.store.schema.revisions import MOST_IDS, MOST_ROWS, NAMED_BY, POSTGRESQL_NONCE

TRUNCATED: Final = "revision_truncate"
DELETED: Final = "note_deletion"
DELETED_REPLICATED: Final = "note_replicated_deletion"
UPDATED: Final = "keep_updated_at"

_COLUMNS: Final = "ej_id, dataset, nonce, source, row_count, lo, hi, ids"
_CONTEXT: Final = (
    "CASE WHEN dataset <> 'structure' THEN 1 END, CASE WHEN dataset <> 'structure' THEN 0 END, NULL"
)
"""Of a change of the context, no patient or venue; of a structure, everything: it is rendered whole."""
_KINDS: Final[Mapping[str, str | None]] = {
    **{f"by_{column}": column for column in dict.fromkeys(NAMED_BY.values())},
    "of_ej": None,
    "of_context": None,
}
"""The kinds of tables, by what names the resources that their rows are shown in: a column, or None."""


def kind_of(table: str) -> str:
    """Return the kind of a table, which is the end of its functions' names."""
    if table in NAMED_BY:
        return f"by_{NAMED_BY[table]}"
    return "of_ej" if table == "ej" else "of_context"


def changed(event: str, kind: str) -> str:
    """Return the name of the function that counts what a statement has changed in a table of a kind."""
    return f"revision_{event.lower()}_{kind}"


def replicated(kind: str) -> str:
    """Return the name of the function that counts a row that logical replication writes."""
    return f"revision_replicated_{kind}"


@cache
def bodies() -> Mapping[str, str]:
    """Return the text of each function, by its name."""
    texts = {
        TRUNCATED: _TRUNCATED,
        DELETED: _DELETED,
        DELETED_REPLICATED: _DELETED_REPLICATED,
        UPDATED: _UPDATED,
    }
    for kind, key in _KINDS.items():
        ej = "id" if kind == "of_ej" else "ej_id"
        for event in ("INSERT", "UPDATE", "DELETE"):
            texts[changed(event, kind)] = _changed(event, ej, key)
        texts[replicated(kind)] = _replicated(ej, key)
    return {name: f"\nBEGIN{text}\nEND " for name, text in texts.items()}


def statements() -> Iterator[str]:
    """Yield the statements that make the functions."""
    for name, body in bodies().items():
        yield (
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER"
            f" SET search_path FROM CURRENT AS $${body}$$"
        )
        yield f"REVOKE EXECUTE ON FUNCTION {name}() FROM PUBLIC"


def _changed(event: str, ej: str, key: str | None) -> str:
    """Count the rows of a statement, one delta for each EJ and dataset."""
    rows = "old_rows" if event == "DELETE" else "new_rows"
    source, row_count, most = rows, "count(*)", MOST_IDS
    if event == "UPDATE":
        # A row that stays in its EJ is both old and new.
        columns = f"{ej} AS ej_id" if key is None else f"{ej} AS ej_id, {key} AS id"
        source = f"""(
        SELECT {columns}, false AS is_new FROM old_rows
        UNION ALL SELECT {columns}, true FROM new_rows) AS both_rows"""
        row_count = "greatest(count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new))"
        ej, key, most = "ej_id", key and "id", 2 * MOST_IDS
    if key is None:
        touched, named = "", _CONTEXT
    else:
        # What is gathered takes memory, so of a large statement nothing is.
        few = f"NOT EXISTS (SELECT FROM {rows} OFFSET {MOST_ROWS})"
        touched = f""",
        min({key}) AS lo, max({key}) AS hi,
        CASE WHEN min({key}) <> max({key}) AND count(*) <= {most}
          THEN array_agg({key}) FILTER (WHERE {few}) END AS ids"""
        named = "changed.lo, changed.hi, changed.ids"
    return f"""
  INSERT INTO revision_delta ({_COLUMNS})
    SELECT changed.ej_id, dataset, {POSTGRESQL_NONCE}, TG_TABLE_NAME, changed.row_count,
      {named}
    FROM (
      SELECT {ej} AS ej_id, {row_count} AS row_count{touched}
      FROM {source} GROUP BY {ej}) AS changed
    CROSS JOIN unnest(TG_ARGV) AS dataset;
  RETURN NULL;"""


def _replicated(ej: str, key: str | None) -> str:
    """Count a row. Of OLD and NEW, the one that an event lacks is all NULL."""
    if key is None:
        named = _CONTEXT
    else:
        named = "min(id), max(id), CASE WHEN min(id) <> max(id) THEN array_agg(id) END"
    key = key or ej
    return f"""
  INSERT INTO revision_delta ({_COLUMNS})
    SELECT ej_id, dataset, {POSTGRESQL_NONCE}, TG_TABLE_NAME, 1,
      {named}
    FROM (
      SELECT OLD.{ej}, OLD.{key} WHERE TG_OP <> 'INSERT'
      UNION ALL SELECT NEW.{ej}, NEW.{key} WHERE TG_OP <> 'DELETE') AS changed (ej_id, id)
    CROSS JOIN unnest(TG_ARGV) AS dataset GROUP BY ej_id, dataset;
  RETURN NULL;"""


_TRUNCATED: Final = f"""
  INSERT INTO revision_delta ({_COLUMNS})
    SELECT {EVERY_EJ}, dataset, {POSTGRESQL_NONCE}, TG_TABLE_NAME, 0, NULL, NULL, NULL
    FROM unnest(TG_ARGV) AS dataset;
  RETURN NULL;"""
_DELETED: Final = """
  INSERT INTO tombstone (ej_id, table_name, row_id, deleted_at)
    SELECT ej_id, TG_TABLE_NAME, id, now() FROM old_rows
    ON CONFLICT (ej_id, table_name, row_id) DO UPDATE SET deleted_at = excluded.deleted_at;
  RETURN NULL;"""
_DELETED_REPLICATED: Final = """
  INSERT INTO tombstone (ej_id, table_name, row_id, deleted_at)
    VALUES (OLD.ej_id, TG_TABLE_NAME, OLD.id, now())
    ON CONFLICT (ej_id, table_name, row_id) DO UPDATE SET deleted_at = excluded.deleted_at;
  RETURN NULL;"""
_UPDATED: Final = """
  IF NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at THEN
    NEW.updated_at := now();
  END IF;
  RETURN NEW;"""

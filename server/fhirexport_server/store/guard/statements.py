"""The statement that looks a revision up, together with what tells that its tables were tampered with.

It is written by hand, because every export waits for it. On PostgreSQL it names its schema and objects, so
that it needs no transaction and no setting of its session.

The *catalog* is a number that any change of a table, a column or a trigger changes: on PostgreSQL the sum
of the transaction ids that wrote their rows in the catalogs, on SQLite the version that it keeps of its
schema. It is part of the incarnation, so that what was kept before such a change is not served after it,
even where all looks as it did: triggers that were off for a while, columns that were rewritten.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from fhirexport_server.domain.datasets import EVERY_EJ, Dataset
from fhirexport_server.domain.revision import Revision
from fhirexport_server.store.connection.sessions import quoted

_MASK: Final = 0xFFFF_FFFF

SQLITE: Final = f"""
    SELECT (SELECT id FROM database_incarnation), (SELECT id FROM ej WHERE id = %(ej_id)d), sum(n),
      sum(digest), (SELECT schema_version FROM pragma_schema_version), 0
    FROM revision_base WHERE ej_id IN ({EVERY_EJ}, %(ej_id)d) AND dataset = '%(dataset)s'
"""
"""The statement for SQLite; `filled` makes it one of an EJ and a dataset."""


class GuardedRevision(NamedTuple):
    """What one execution of the statement has found."""

    revision: Revision
    is_known: bool
    """Whether there is such an EJ."""
    catalog: int
    is_exposed: bool
    """Whether others may write to the tables past their triggers."""


def postgresql(schema: str, oids: Sequence[int]) -> str:
    """Return the statement for PostgreSQL; `filled` makes it one of an EJ and a dataset.

    Args:
        schema: The schema that the tables are in.
        oids: The object ids of the tables that the export reads.
    """
    own = quoted(schema).replace("%", "%%")
    relids = f"'{{{','.join(map(str, oids))}}}'::pg_catalog.oid[]"
    where = f"ej_id IN ({EVERY_EJ}, %(ej_id)d) AND dataset = '%(dataset)s'"
    # `age` counts from the present transaction, so the age of a constant makes it a number that stays.
    written = "pg_catalog.sum(pg_catalog.age('3'::pg_catalog.xid)::bigint - pg_catalog.age(xmin))"
    return f"""
        SELECT (SELECT id FROM {own}.database_incarnation), (SELECT id FROM {own}.ej WHERE id = %(ej_id)d),
          counted.n, counted.digest, tables.written
            + (SELECT {written} FROM pg_catalog.pg_trigger WHERE tgrelid = ANY ({relids}))
            + (SELECT {written} FROM pg_catalog.pg_attribute WHERE attrelid = ANY ({relids}) AND attnum > 0),
          tables.have_children
            OR EXISTS (SELECT FROM pg_catalog.pg_subscription_rel WHERE srrelid = ANY ({relids}))
        FROM (
          SELECT pg_catalog.sum(n) AS n, pg_catalog.sum(digest) AS digest
          FROM (SELECT n, digest FROM {own}.revision_base WHERE {where}
            UNION ALL SELECT 1, nonce FROM {own}.revision_delta WHERE {where}) AS rows) AS counted, (
          SELECT {written} AS written, pg_catalog.bool_or(relhassubclass) AS have_children
          FROM pg_catalog.pg_class WHERE oid = ANY ({relids})) AS tables
    """


def filled(statement: str, ej_id: int, dataset: Dataset) -> str:
    """Return a statement that needs no parameter: one message instead of four, none of them prepared."""
    return statement % {"ej_id": ej_id, "dataset": dataset.value}


def read(row: Sequence[Any]) -> GuardedRevision:
    """Read the one row of the statement."""
    incarnation, ej_id, n, digest, catalog, exposed = row
    catalog = int(catalog or 0) & _MASK
    revision = Revision(f"{incarnation}.{catalog:x}", int(n or 0), int(digest or 0))
    return GuardedRevision(revision, ej_id is not None, catalog, bool(exposed))

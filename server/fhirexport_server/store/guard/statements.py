"""The statements that look revisions up, together with what tells that their tables were tampered with.

They are written by hand: every export waits for one, and every watch for the others. On PostgreSQL they
name their schema and objects, so that they need no transaction and no setting of their session.

The *catalog* is a number that any change of a table, a column or a trigger changes: on PostgreSQL the sum
of the transaction ids that wrote their rows in the catalogs, on SQLite the version that it keeps of its
schema. It is part of the incarnation, so that what was kept before such a change is not served after it,
even where all looks as it did: triggers that were off for a while, columns that were rewritten.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from fhirexport_server.domain.datasets import EVERY_EJ, Dataset, EjDataset
from fhirexport_server.domain.revision import Revision
from fhirexport_server.store.connection.sessions import quoted

_MASK: Final = 0xFFFF_FFFF
_INCARNATION, _EJ, _COUNTED, _CATALOG = range(4)
"""What a row of the statement for several datasets says."""


class Source(NamedTuple):
    """What the revisions of a dataset are read from, as SQL."""

    schema: str
    """What stands before the names of our tables; empty on SQLite."""
    catalog: str
    """A query for one row: the catalog, and whether others may write to the tables past their triggers."""
    statement: str
    """The statement that looks one revision up; `filled` makes it one of an EJ and a dataset."""
    batched: str = ""
    """The statement that looks up those of the EJs in the array $1, of the dataset $2; empty on SQLite.

    Each row is the id of an EJ, and what `statement` says of it.
    """


SQLITE: Final = Source(
    schema="",
    catalog="SELECT schema_version AS number, 0 AS is_exposed FROM pragma_schema_version",
    statement=f"""
    SELECT (SELECT id FROM database_incarnation), (SELECT id FROM ej WHERE id = %(ej_id)d), sum(n),
      sum(digest), (SELECT schema_version FROM pragma_schema_version), 0
    FROM revision_base WHERE ej_id IN ({EVERY_EJ}, %(ej_id)d) AND dataset = '%(dataset)s'
""",
)


class GuardedRevision(NamedTuple):
    """What one execution of the statement has found."""

    revision: Revision
    is_known: bool
    """Whether there is such an EJ."""
    catalog: int
    is_exposed: bool
    """Whether others may write to the tables past their triggers."""


def postgresql(schema: str, oids: Sequence[int], counters: Sequence[int]) -> Source:
    """Return what revisions are read from on PostgreSQL.

    Args:
        schema: The schema that the tables are in.
        oids: The object ids of the tables that the export reads.
        counters: Those of the tables that revisions are kept in.
    """
    own = f"{quoted(schema)}."
    relids = _array(oids)
    # `age` counts from the present transaction, so the age of a constant makes it a number that stays.
    written = "pg_catalog.sum(pg_catalog.age('3'::pg_catalog.xid)::bigint - pg_catalog.age(xmin))"
    catalog = f"""
          SELECT tables.written
            + (SELECT {written} FROM pg_catalog.pg_trigger WHERE tgrelid = ANY ({relids}))
            + (SELECT {written} FROM pg_catalog.pg_attribute WHERE attrelid = ANY ({relids}) AND attnum > 0)
              AS number,
            tables.have_children
            OR EXISTS (SELECT FROM pg_catalog.pg_subscription_rel WHERE srrelid = ANY ({_array(counters)}))
              AS is_exposed
          FROM (SELECT {written} AS written, pg_catalog.bool_or(relhassubclass) AS have_children
            FROM pg_catalog.pg_class WHERE oid = ANY ({relids})) AS tables"""
    safe = own.replace("%", "%%")
    counted = _counted(safe, f"ej_id IN ({EVERY_EJ}, %(ej_id)d) AND dataset = '%(dataset)s'", "n, digest")
    statement = f"""
        SELECT (SELECT id FROM {safe}database_incarnation), (SELECT id FROM {safe}ej WHERE id = %(ej_id)d),
          counted.n, counted.digest, catalog.number, catalog.is_exposed
        FROM (SELECT pg_catalog.sum(n) AS n, pg_catalog.sum(digest) AS digest FROM ({counted}) AS rows)
          AS counted, ({catalog}) AS catalog
    """
    each = _counted(own, f"ej_id IN ({EVERY_EJ}, wanted.id) AND dataset = $2", "n, digest")
    batched = f"""
        SELECT wanted.id, (SELECT id FROM {own}database_incarnation),
          (SELECT id FROM {own}ej WHERE id = wanted.id), counted.n, counted.digest, catalog.number,
          CASE WHEN catalog.is_exposed THEN 1 ELSE 0 END
        FROM pg_catalog.unnest($1) AS wanted (id)
          CROSS JOIN LATERAL (SELECT pg_catalog.sum(n) AS n, pg_catalog.sum(digest) AS digest
            FROM ({each}) AS rows) AS counted
          CROSS JOIN ({catalog}) AS catalog
    """
    return Source(own, catalog, statement, batched)


def _counted(own: str, where: str, columns: str) -> str:
    """Return the query for what revisions are the sums of, on PostgreSQL.

    Args:
        own: What stands before the names of our tables.
        where: Which EJs and datasets.
        columns: Columns of `revision_base`.
    """
    of_deltas = columns.replace("n, digest", "1, nonce")
    return f"""SELECT {columns} FROM {own}revision_base WHERE {where}
            UNION ALL SELECT {of_deltas} FROM {own}revision_delta WHERE {where}"""


def several(sources: Mapping[Dataset, Source], exports: Collection[EjDataset]) -> str:
    """Return the statement that looks several revisions up at once, in the snapshot of one statement.

    Each row says one thing: the incarnation, an EJ that there is, what was counted, a dataset's catalog.
    """
    own = next(iter(sources.values())).schema
    ej_ids = ", ".join(str(ej_id) for ej_id in sorted({export.ej_id for export in exports}))
    datasets = ", ".join(f"'{dataset.value}'" for dataset in sources)
    where = f"ej_id IN ({EVERY_EJ}, {ej_ids}) AND dataset IN ({datasets})"
    columns = "ej_id, dataset, n, digest"
    if own:
        rows, total = f"({_counted(own, where, columns)}) AS rows", "pg_catalog.sum"
    else:
        rows, total = f"(SELECT {columns} FROM revision_base WHERE {where})", "sum"
    catalogs = " ".join(
        f"""UNION ALL SELECT {_CATALOG}, 0, '{dataset.value}', number,
          CASE WHEN is_exposed THEN 1 ELSE 0 END FROM ({source.catalog}) AS catalog"""
        for dataset, source in sources.items()
    )
    return f"""
        SELECT {_COUNTED}, ej_id, dataset, {total}(n), {total}(digest) FROM {rows} GROUP BY ej_id, dataset
        UNION ALL SELECT {_EJ}, id, NULL, NULL, NULL FROM {own}ej WHERE id IN ({ej_ids})
        UNION ALL SELECT {_INCARNATION}, 0, id, NULL, NULL FROM {own}database_incarnation
        {catalogs}
    """


def read_several(
    rows: Iterable[Sequence[Any]], exports: Collection[EjDataset]
) -> dict[EjDataset, GuardedRevision]:
    """Read the rows of the statement for several datasets."""
    incarnation = None
    ej_ids: set[int] = set()
    counted: defaultdict[EjDataset, tuple[int, int]] = defaultdict(lambda: (0, 0))
    catalogs: dict[Dataset, tuple[int, int]] = {}
    for kind, ej_id, text, first, second in rows:
        if kind == _INCARNATION:
            incarnation = text
        elif kind == _EJ:
            ej_ids.add(ej_id)
        elif kind == _CATALOG:
            catalogs[Dataset(text)] = first, second
        else:
            counted[EjDataset(ej_id, Dataset(text))] = int(first), int(second)
    looks = {}
    for export in exports:
        of_every, own = counted[EjDataset(EVERY_EJ, export.dataset)], counted[export]
        catalog, is_exposed = catalogs[export.dataset]
        known_id = export.ej_id if export.ej_id in ej_ids else None
        n, digest = of_every[0] + own[0], of_every[1] + own[1]
        looks[export] = read((incarnation, known_id, n, digest, catalog, is_exposed))
    return looks


def _array(oids: Sequence[int]) -> str:
    return f"'{{{','.join(map(str, oids))}}}'::pg_catalog.oid[]"


def filled(statement: str, ej_id: int, dataset: Dataset) -> str:
    """Return a statement that needs no parameter: one message instead of four, none of them prepared."""
    return statement % {"ej_id": ej_id, "dataset": dataset.value}


def read(row: Sequence[Any]) -> GuardedRevision:
    """Read the one row of the statement."""
    incarnation, ej_id, n, digest, catalog, exposed = row
    catalog = int(catalog or 0) & _MASK
    revision = Revision(f"{incarnation}.{catalog:x}", int(n or 0), int(digest or 0))
    return GuardedRevision(revision, ej_id is not None, catalog, bool(exposed))

"""Folds the deltas that writers append to revisions, and reports what has changed.

Folding keeps the look-up of a revision cheap: few deltas are left to add up. What is folded goes into the log
of changes, which is pruned on the way.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, func, select, text

from fhirexport_server.domain.changes import Change, Compaction
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.store import schema
from fhirexport_server.store.schema.revisions import LOG_ROWS

BATCH_ROWS = 500
PRUNED_ROWS = 2000
"""How many rows of the log are deleted at once."""
MOST_COUNTED = 10_000
"""How many of the remaining deltas are counted at most."""

# One statement, so that every snapshot sees a delta either as it is or in the base and the log, never in both
# or neither. Base rows are locked in one order, so that two compactors wait for one another at worst. The
# numbers in the log are given under that lock, which lasts to the commit: a snapshot that sees one sees all
# before it. Only where somebody has set a revision back does the log have a number already.
_FOLD = text(
    """
    WITH batch AS (
      SELECT id FROM revision_delta ORDER BY id LIMIT :batch_rows FOR UPDATE SKIP LOCKED
    ), gone AS (
      DELETE FROM revision_delta USING batch WHERE revision_delta.id = batch.id
      RETURNING revision_delta.*
    ), folded AS (
      INSERT INTO revision_base AS base (ej_id, dataset, n, digest, source)
        SELECT ej_id, dataset, count(*), sum(nonce), max(source) FROM gone
        GROUP BY ej_id, dataset ORDER BY ej_id, dataset
      ON CONFLICT (ej_id, dataset) DO UPDATE
        SET n = base.n + excluded.n, digest = base.digest + excluded.digest, source = excluded.source
      RETURNING ej_id, dataset, n
    ), logged AS (
      INSERT INTO revision_log (ej_id, dataset, n, delta_id, nonce, lo, hi, ids)
        SELECT ej_id, dataset,
          folded.n - count(*) OVER (PARTITION BY ej_id, dataset)
            + row_number() OVER (PARTITION BY ej_id, dataset ORDER BY gone.id),
          gone.id, gone.nonce, gone.lo, gone.hi, gone.ids
        FROM gone JOIN folded USING (ej_id, dataset)
      ON CONFLICT (ej_id, dataset, n) DO UPDATE
        SET delta_id = excluded.delta_id, nonce = excluded.nonce,
          lo = excluded.lo, hi = excluded.hi, ids = excluded.ids
    )
    SELECT ej_id, dataset, source, count(*), sum(row_count)
      FROM gone GROUP BY ej_id, dataset, source ORDER BY ej_id, dataset, source
    """
)
# More than a batch adds, so that the log gets shorter even while it grows.
_PRUNE = text(
    """
    WITH outdated AS (
      SELECT log.ej_id, log.dataset, log.n
      FROM unnest(CAST(:ej_ids AS bigint[]), CAST(:datasets AS text[])) AS folded (ej_id, dataset)
        JOIN revision_base AS base USING (ej_id, dataset)
        CROSS JOIN LATERAL (
          SELECT * FROM revision_log
          WHERE ej_id = base.ej_id AND dataset = base.dataset AND n <= base.n - :kept_rows
          ORDER BY n LIMIT :most_rows
        ) AS log
      LIMIT :most_rows
    )
    DELETE FROM revision_log USING outdated
    WHERE revision_log.ej_id = outdated.ej_id AND revision_log.dataset = outdated.dataset
      AND revision_log.n = outdated.n
    """
)


def fold(connection: Connection) -> Compaction:
    """Fold the oldest deltas that no other compactor has in hand, BATCH_ROWS at most. PostgreSQL only.

    Each change is reported once, however many processes fold.
    """
    rows = connection.execute(_FOLD, {"batch_rows": BATCH_ROWS}).all()
    if rows:
        _prune(connection, sorted({(ej_id, dataset) for ej_id, dataset, *_ in rows}))
    changes = tuple(Change(ej_id, Dataset(dataset), table, int(n)) for ej_id, dataset, table, _, n in rows)
    counted = select(schema.revision_delta.c.id).limit(MOST_COUNTED).subquery()
    backlog = connection.execute(select(func.count()).select_from(counted)).scalar_one()
    return Compaction(changes, sum(deltas for *_, deltas, _ in rows) == BATCH_ROWS, backlog)


def _prune(connection: Connection, folded: Sequence[tuple[int, str]]) -> None:
    """Delete rows of the log that are too old, of what has just been folded: PRUNED_ROWS at most."""
    parameters = {
        "ej_ids": [ej_id for ej_id, _ in folded],
        "datasets": [dataset for _, dataset in folded],
        "kept_rows": LOG_ROWS,
        "most_rows": PRUNED_ROWS,
    }
    connection.execute(_PRUNE, parameters)


class Counters:
    """Compares the revisions with those of the last call. For SQLite, whose triggers fold by themselves.

    Every process reports every change.
    """

    def __init__(self) -> None:
        self._seen: Mapping[tuple[int, str], int] | None = None

    def changes(self, connection: Connection) -> Compaction:
        """Return what has changed since the last call; nothing on the first."""
        base = schema.revision_base
        rows = connection.execute(select(base.c.ej_id, base.c.dataset, base.c.n, base.c.source)).all()
        last, self._seen = self._seen, {(ej_id, dataset): n for ej_id, dataset, n, _ in rows}
        if last is None:
            return Compaction((), more=False)
        changes = [
            Change(ej_id, Dataset(dataset), source or "", None)
            for ej_id, dataset, n, source in rows
            if n != last.get((ej_id, dataset), 0)
        ]
        return Compaction(tuple(changes), more=False)

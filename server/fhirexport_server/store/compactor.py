"""Folds the deltas that writers append to revisions, and reports what has changed.

Folding keeps the look-up of a revision cheap: few deltas are left to add up.
"""

from collections.abc import Mapping

from sqlalchemy import Connection, func, select, text

from fhirexport_server.domain.changes import Change, Compaction
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.store import schema

BATCH_ROWS = 500
MOST_COUNTED = 10_000
"""How many of the remaining deltas are counted at most."""

# One statement, so that every snapshot sees a delta either in its own row or in the base, never in both
# or neither. Base rows are locked in one order, so that two compactors wait for one another at worst.
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
      RETURNING 1
    )
    SELECT ej_id, dataset, source, count(*), sum(row_count)
      FROM gone GROUP BY ej_id, dataset, source ORDER BY ej_id, dataset, source
    """
)


def fold(connection: Connection) -> Compaction:
    """Fold the oldest deltas that no other compactor has in hand, BATCH_ROWS at most. PostgreSQL only.

    Each change is reported once, however many processes fold.
    """
    rows = connection.execute(_FOLD, {"batch_rows": BATCH_ROWS}).all()
    changes = tuple(Change(ej_id, Dataset(dataset), table, int(n)) for ej_id, dataset, table, _, n in rows)
    counted = select(schema.revision_delta.c.id).limit(MOST_COUNTED).subquery()
    backlog = connection.execute(select(func.count()).select_from(counted)).scalar_one()
    return Compaction(changes, sum(deltas for *_, deltas, _ in rows) == BATCH_ROWS, backlog)


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

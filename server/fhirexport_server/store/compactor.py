"""Owns folding the deltas of revisions into their base rows, so that looking a revision up stays cheap."""

from sqlalchemy import Connection, text

BATCH_ROWS = 500

# One statement, so that every snapshot sees a delta either in its own row or in the base, never in both
# or neither. Base rows are locked in one order, so that two compactors wait for one another at worst.
_FOLD = text(
    """
    WITH batch AS (
      SELECT id FROM revision_delta ORDER BY id LIMIT :batch_rows FOR UPDATE SKIP LOCKED
    ), gone AS (
      DELETE FROM revision_delta USING batch WHERE revision_delta.id = batch.id
      RETURNING revision_delta.ej_id, revision_delta.dataset, revision_delta.nonce
    ), folded AS (
      INSERT INTO revision_base AS base (ej_id, dataset, n, digest)
        SELECT ej_id, dataset, count(*), sum(nonce) FROM gone
        GROUP BY ej_id, dataset ORDER BY ej_id, dataset
      ON CONFLICT (ej_id, dataset)
        DO UPDATE SET n = base.n + excluded.n, digest = base.digest + excluded.digest
      RETURNING 1
    )
    SELECT count(*) FROM gone
    """
)


def fold(connection: Connection) -> int:
    """Folds the oldest deltas that no other compactor has in hand; returns how many, BATCH_ROWS at most.

    On SQLite there are none: its triggers count up the base rows themselves.
    """
    if connection.dialect.name != "postgresql":
        return 0
    return int(connection.execute(_FOLD, {"batch_rows": BATCH_ROWS}).scalar_one())

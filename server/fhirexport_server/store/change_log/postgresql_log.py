"""The log of changes on PostgreSQL: deltas that were folded into it, and those that were not yet."""

import re
from typing import Final, NamedTuple

from sqlalchemy import Connection, text

from fhirexport_server.domain.changes import Changes
from fhirexport_server.domain.datasets import EVERY_EJ, Dataset
from fhirexport_server.domain.outcomes import FullReason
from fhirexport_server.domain.revision import Revision
from fhirexport_server.store.change_log import touched

MOST_OPEN: Final = 1000
"""How many deltas a position names at most."""
_MOST_NAMED: Final = 1_000_000
"""How many ids are looked through at most, the same ones counted again."""
_PLACE = re.compile(r"(\d{1,18}):(\d{1,18}):((?:\d{1,18},)*)", re.ASCII)

_POSITION = text(f"""
    SELECT
      (SELECT n FROM revision_base WHERE ej_id = {EVERY_EJ} AND dataset = :dataset),
      (SELECT n FROM revision_base WHERE ej_id = :ej_id AND dataset = :dataset),
      ARRAY(SELECT id FROM revision_delta WHERE ej_id IN ({EVERY_EJ}, :ej_id) AND dataset = :dataset
        LIMIT {MOST_OPEN + 1})
""")
# A delta that the earlier snapshot saw may have been folded since, so that it is beyond the position.
_CHANGES = text(f"""
    WITH rows AS MATERIALIZED (
      SELECT nonce, lo, hi, ids FROM (
        SELECT delta_id AS id, nonce, lo, hi, ids FROM revision_log
          WHERE ej_id = {EVERY_EJ} AND dataset = :dataset AND n > :every_n
        UNION ALL SELECT delta_id, nonce, lo, hi, ids FROM revision_log
          WHERE ej_id = :ej_id AND dataset = :dataset AND n > :own_n
        UNION ALL SELECT id, nonce, lo, hi, ids FROM revision_delta
          WHERE ej_id IN ({EVERY_EJ}, :ej_id) AND dataset = :dataset) AS later
      WHERE id <> ALL (CAST(:open_ids AS bigint[])) LIMIT {touched.MOST_ROWS + 1}
    ), named AS (
      SELECT lo AS id FROM rows WHERE lo = hi UNION ALL SELECT unnest(ids) FROM rows
    ), ranges AS (
      SELECT DISTINCT lo, hi FROM rows WHERE lo < hi AND ids IS NULL
    )
    SELECT count(*), coalesce(sum(nonce), 0), coalesce(bool_or(lo IS NULL), false),
      coalesce(bool_or(lo > hi), false),
      CASE WHEN coalesce(sum(cardinality(ids)), 0) <= {_MOST_NAMED}
        THEN ARRAY(SELECT DISTINCT id FROM named LIMIT {touched.MOST_IDS + 1}) END,
      ARRAY(SELECT lo FROM ranges ORDER BY lo, hi), ARRAY(SELECT hi FROM ranges ORDER BY lo, hi)
    FROM rows
""")


class _Position(NamedTuple):
    """What a snapshot remembers of its revision's parts."""

    every_n: int
    """The n of the base row of every EJ; 0 where there is none."""
    own_n: int
    open_ids: list[int]
    """The deltas that it saw beside the base rows."""

    def __str__(self) -> str:
        return f"{self.every_n}:{self.own_n}:{''.join(f'{id_},' for id_ in self.open_ids)}"

    @classmethod
    def parsed(cls, written: str) -> "_Position | None":
        """Read a position; None where it is none."""
        match = _PLACE.fullmatch(written)
        if match is None:
            return None
        open_ids = [int(number) for number in match[3].split(",")[:-1]]
        return cls(int(match[1]), int(match[2]), open_ids) if len(open_ids) <= MOST_OPEN else None


class PostgresqlLog:
    """The log of one dataset of an EJ, as a transaction sees it."""

    def __init__(self, connection: Connection, ej_id: int, dataset: Dataset) -> None:
        self._connection = connection
        self._key = {"ej_id": ej_id, "dataset": dataset.value}

    def position(self) -> str | None:
        """Return the present position; None where too many deltas are not folded."""
        every_n, own_n, open_ids = self._connection.execute(_POSITION, self._key).one()
        return None if len(open_ids) > MOST_OPEN else str(_Position(every_n or 0, own_n or 0, open_ids))

    def changes(self, since: Revision, now: Revision, position: str) -> Changes | FullReason:
        """Return what was touched between two revisions, of which the later is the present one."""
        parsed = _Position.parsed(position)
        if parsed is None:
            return FullReason.UNPROVEN
        row = self._connection.execute(_CHANGES, {**self._key, **parsed._asdict()}).one()
        count, nonces, everything, context, ids, firsts, lasts = row
        if count > touched.MOST_ROWS:
            return FullReason.TOO_MANY
        if count != now.n - since.n or int(nonces) != now.digest - since.digest:
            return FullReason.UNPROVEN
        if everything:
            return FullReason.EVERYTHING
        if ids is None:
            return FullReason.TOO_MANY
        return touched.changes(ids, zip(firsts, lasts, strict=True), context=context)

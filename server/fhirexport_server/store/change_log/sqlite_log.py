"""The log of changes on SQLite: a chain, in which each row has the digest that the change left."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from fhirexport_server.domain.changes import Changes
from fhirexport_server.domain.datasets import EVERY_EJ, Dataset
from fhirexport_server.domain.outcomes import FullReason
from fhirexport_server.domain.revision import Revision
from fhirexport_server.store.change_log import touched

_PLACE = re.compile(r"(\d{1,18}):(-?\d{1,19}):(\d{1,18}):(-?\d{1,19})", re.ASCII)

_BASE = text("SELECT n, digest FROM revision_base WHERE ej_id = :ej_id AND dataset = :dataset")
_CHAIN = text(f"""
    SELECT n, nonce, lo, hi, ids FROM revision_log
    WHERE ej_id = :ej_id AND dataset = :dataset AND n BETWEEN :first AND :last
    ORDER BY n LIMIT {touched.MOST_ROWS + 2}
""")


class _Link(NamedTuple):
    """One state of one row of revision_base."""

    n: int
    digest: int


class SqliteLog:
    """The log of one dataset of an EJ, as a transaction sees it."""

    def __init__(self, connection: Connection, ej_id: int, dataset: Dataset) -> None:
        self._connection = connection
        self._dataset = dataset
        self._owners = (EVERY_EJ, ej_id)

    def position(self) -> str | None:
        """Return the present position; None where the EJ has no revisions of its own."""
        links = self._links()
        return None if links is None else ":".join(str(number) for link in links for number in link)

    def changes(self, since: Revision, now: Revision, position: str) -> Changes | FullReason:
        """Return what was touched between two revisions, of which the later is the present one."""
        match, links = _PLACE.fullmatch(position), self._links()
        if match is None or links is None or not _is_of(links, now):
            return FullReason.UNPROVEN
        numbers = [int(number) for number in match.groups()]
        former = (_Link(*numbers[:2]), _Link(*numbers[2:]))
        if not _is_of(former, since):
            return FullReason.UNPROVEN
        if now.n - since.n > touched.MOST_ROWS:
            return FullReason.TOO_MANY
        rows: list[Sequence[Any]] = []
        for owner, first, last in zip(self._owners, former, links, strict=True):
            if first != last:
                chain = self._chain(owner, first, last)
                if not chain:
                    return FullReason.UNPROVEN
                rows += [row[2:] for row in chain[1:]]
        return _touched(rows)

    def _links(self) -> tuple[_Link, ...] | None:
        """Return the present states of the two rows that a revision is the sum of."""
        rows = [
            self._connection.execute(_BASE, {"ej_id": owner, "dataset": self._dataset.value}).one_or_none()
            for owner in self._owners
        ]
        links = tuple(_Link(*row) for row in rows if row is not None)
        return links if len(links) == len(rows) else None

    def _chain(self, owner: int, first: _Link, last: _Link) -> Sequence[Sequence[Any]]:
        """Return the rows that lead from one state to another; none where there is a gap."""
        parameters = {"ej_id": owner, "dataset": self._dataset.value, "first": first.n, "last": last.n}
        chain = self._connection.execute(_CHAIN, parameters).all()
        # No number is there twice, so as many as there should be are all.
        is_whole = (
            first.n < last.n
            and len(chain) == last.n - first.n + 1
            and _Link(*chain[0][:2]) == first
            and _Link(*chain[-1][:2]) == last
        )
        return chain if is_whole else ()


def _is_of(links: Sequence[_Link], revision: Revision) -> bool:
    return (
        sum(link.n for link in links) == revision.n and sum(link.digest for link in links) == revision.digest
    )


def _touched(rows: Sequence[Sequence[Any]]) -> Changes | FullReason:
    ids: set[int] = set()
    ranges: list[tuple[int, int]] = []
    context = False
    for lo, hi, named in rows:
        if lo is None:
            return FullReason.EVERYTHING
        if lo > hi:
            context = True
        elif named is not None:
            ids.update(map(int, named.split(",")))
        elif lo == hi:
            ids.add(lo)
        else:
            ranges.append((lo, hi))
    return touched.changes(ids, ranges, context=context)

"""Changes by writers: as the compactor, an export and a watch see them."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import NamedTuple

from fhirexport_server.domain.datasets import Dataset, EjDataset
from fhirexport_server.domain.errors import FhirExportError
from fhirexport_server.domain.revision import Revision


class Change(NamedTuple):
    """A change in one table, for one dataset of one EJ."""

    ej_id: int
    """EVERY_EJ for a change that counts for every EJ."""
    dataset: Dataset
    table: str
    """On SQLite, the table that was changed last."""
    rows: int | None
    """The number of rows; 0 for all of them; None on SQLite, which does not count them."""


class Compaction(NamedTuple):
    """The result of one run of the compactor."""

    changes: tuple[Change, ...]
    more: bool
    """Whether there may be more to compact."""
    left: int = 0
    """The number of deltas still to fold, as far as they were counted; 0 on SQLite."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Ids of patients, or of venues: single ones, and ranges of them. An id may be without a row."""

    ids: frozenset[int] = frozenset()
    ranges: tuple[tuple[int, int], ...] = ()
    """Ranges by their first and last id, ascending and apart; an id may be in `ids` as well."""

    def covers(self, key: int) -> bool:
        """Return whether an id is among them."""
        return key in self.ids or self.covers_range(key, key)

    def covers_range(self, first: int, last: int) -> bool:
        """Return whether one of the ranges holds all ids from `first` to `last`."""
        index = bisect_right(self.ranges, first, key=itemgetter(0)) - 1
        return index >= 0 and last <= self.ranges[index][1]


@dataclass(frozen=True, slots=True)
class Changes(Keys):
    """What may differ between two states of a dataset: nothing but the resources of these ids."""

    context: bool = False
    """Whether what reaches all resources may have changed too: time zone, namespaces, units, places."""


class Revisions(NamedTuple):
    """The revisions of several datasets, from one look-up."""

    found: Mapping[EjDataset, Revision]
    """A dataset that is neither here nor refused is of an EJ that does not exist."""
    refused: Mapping[Dataset, FhirExportError]
    """Datasets whose revisions would not tell of every change, whatever the EJ."""


@dataclass(frozen=True)
class Notice:
    """The news that a dataset has a revision."""

    export: EjDataset
    revision: str
    """Its token (`domain/revision.py`)."""
    noticed: datetime
    """When this server noticed the revision, by its own clock."""

"""Changes by writers: as the compactor finds them in the revisions, and as an export needs them."""

from dataclasses import dataclass
from typing import NamedTuple

from fhirexport_server.domain.datasets import Dataset


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


@dataclass(frozen=True, slots=True)
class Changes(Keys):
    """What may differ between two states of a dataset: nothing but the resources of these ids."""

    context: bool = False
    """Whether what reaches all resources may have changed too: time zone, namespaces, units, places."""

"""Changes by writers, as the compactor finds them in the revisions."""

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

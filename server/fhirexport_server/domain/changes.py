"""What writers have changed, as far as revisions tell: what the compactor finds."""

from typing import NamedTuple

from fhirexport_server.domain.datasets import Dataset


class Change(NamedTuple):
    """What writers have changed in one table, for one dataset of one EJ."""

    ej_id: int
    """EVERY_EJ for what counts for every EJ."""
    dataset: Dataset
    table: str
    """On SQLite, the one that was changed last."""
    rows: int | None
    """How many rows; 0 for all of them; None on SQLite, which does not count them."""


class Compaction(NamedTuple):
    """What one run has found."""

    changes: tuple[Change, ...]
    more: bool
    """Whether there may be more to do at once."""
    left: int = 0
    """How many deltas are left to fold, as far as they are counted; 0 on SQLite."""

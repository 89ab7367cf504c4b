"""What the schema of this release has to keep revisions by."""

from typing import Final

from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.store.schema.revisions import READ_BY

COUNTERS: Final = ("database_incarnation", "revision_base", "revision_delta", "revision_log")
"""The tables that tell revisions, and what lies between them."""


def tables(dataset: Dataset | None = None) -> tuple[str, ...]:
    """Return the tables that an export of a dataset reads, of every export where none is given."""
    return tuple(table for table, datasets in READ_BY.items() if dataset is None or dataset in datasets)

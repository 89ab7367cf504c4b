"""Names of what can be exported: datasets, formats and details."""

from enum import StrEnum
from typing import NamedTuple

EVERY_EJ = 0
"""The ej_id of changes that count for every EJ: a TRUNCATE, or a change of unknown EJ."""


class Dataset(StrEnum):
    """A dataset of an EJ. Its value is used in cache keys, logs and metrics."""

    STRUCTURE = "structure"
    PATIENTS = "patients"
    VENUES = "venues"


class EjDataset(NamedTuple):
    """A dataset of one EJ."""

    ej_id: int
    dataset: Dataset


class Format(StrEnum):
    """The format of an export."""

    BUNDLE = "bundle"
    TRANSACTION = "transaction"
    NDJSON = "ndjson"


class Detail(StrEnum):
    """How much of the movements an export of venues shows."""

    SUMMARY = "summary"
    MOVEMENTS = "movements"

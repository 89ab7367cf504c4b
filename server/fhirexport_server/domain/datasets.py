"""Owns the names of what can be exported: dataset, format, detail. Shared by every layer."""

from enum import StrEnum

EVERY_EJ = 0
"""The ej_id of what counts for every EJ: a TRUNCATE, and whatever cannot be told apart."""


class Dataset(StrEnum):
    """One of an EJ's exports. The value is the word in cache keys, logs and metrics."""

    STRUCTURE = "structure"
    PATIENTS = "patients"
    VENUES = "venues"


class Format(StrEnum):
    """How the resources are laid out in the bytes."""

    BUNDLE = "bundle"
    TRANSACTION = "transaction"
    NDJSON = "ndjson"


class Detail(StrEnum):
    """How much of the movements an export of venues shows."""

    SUMMARY = "summary"
    MOVEMENTS = "movements"

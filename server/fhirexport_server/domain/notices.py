"""Revisions of several datasets: what one look-up finds, and what watchers are told of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from fhirexport_server.domain.datasets import Dataset, EjDataset
from fhirexport_server.domain.errors import FhirExportError
from fhirexport_server.domain.revision import Revision


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

"""Owns the shape of what is kept: one complete rendering, and the question that it answers."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from fhirexport_server.domain.chunks import Chunk, Totals
from fhirexport_server.domain.datasets import Dataset, Detail, Format


@dataclass(frozen=True)
class Variant:
    """What a rendering is a rendering of; there is one current rendering of each."""

    ej_id: int
    dataset: Dataset
    format: Format
    detail: Detail


@dataclass(frozen=True)
class Description:
    """What is known of one complete rendering beside its bytes."""

    etag: str
    """It covers all that shapes the bytes: a rendering is served only where this is the wanted etag."""
    revision: str
    """A token, see `domain/revision.py`."""
    read_time: datetime
    """When the database was read; aware, UTC."""
    totals: Totals


@dataclass(frozen=True)
class Entry:
    """One complete rendering, never changed once it is made."""

    description: Description
    chunks: tuple[Chunk, ...]

    @cached_property
    def size(self) -> int:
        """How many bytes it takes, as it is kept."""
        return sum(len(chunk.frame) for chunk in self.chunks)

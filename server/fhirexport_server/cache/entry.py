"""The entries of a cache: complete renderings, and the variants that they are renderings of."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from fhirexport_server.domain.datasets import Dataset, Detail, Format
from fhirexport_server.domain.segments import Chunk, Totals


@dataclass(frozen=True)
class Variant:
    """What a rendering is a rendering of. Each variant has one current rendering."""

    ej_id: int
    dataset: Dataset
    format: Format
    detail: Detail


@dataclass(frozen=True)
class Description:
    """What is known of a complete rendering beside its bytes."""

    etag: str
    """It covers all that shapes the bytes: a rendering is served only where the request has this etag."""
    revision: str
    """A token (`domain/revision.py`)."""
    read_time: datetime
    """When the database was read; aware, UTC."""
    totals: Totals


@dataclass(frozen=True)
class Entry:
    """A complete rendering. It is never changed."""

    description: Description
    chunks: tuple[Chunk, ...]

    @cached_property
    def size(self) -> int:
        """The size of its frames, in bytes."""
        return sum(len(chunk.frame) for chunk in self.chunks)

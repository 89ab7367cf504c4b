"""What a cache keeps of renderings: their descriptions, by the variants that they are renderings of.

The bytes lie beside it, segment by segment, found by their digests.
"""

from dataclasses import dataclass
from datetime import datetime

from fhirexport_server.domain.datasets import Dataset, Detail, Format
from fhirexport_server.domain.segments import Manifest, Totals


@dataclass(frozen=True)
class Variant:
    """What a rendering is a rendering of. Each variant has one current rendering."""

    ej_id: int
    dataset: Dataset
    format: Format
    detail: Detail


@dataclass(frozen=True)
class Base:
    """What bringing a rendering up to date starts from."""

    position: str
    """Which changes the rendering has seen, as the database's snapshot said; opaque."""
    context: str
    """What the rendering of one resource takes from others, as canonical JSON."""


@dataclass(frozen=True)
class Description:
    """What is known of a complete rendering, but for the bytes of its segments."""

    etag: str
    """It covers all that shapes the bytes: a rendering is served only where the request has this etag."""
    revision: str
    """A token (`domain/revision.py`)."""
    read_time: datetime
    """When the database was read; aware, UTC."""
    totals: Totals
    manifest: Manifest
    base: Base | None = None
    """None where only a full rendering can follow."""

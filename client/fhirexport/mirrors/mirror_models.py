"""What mirrors return: frozen dataclasses, without protobuf."""

import json
from dataclasses import dataclass, field
from typing import Literal

from fhirexport._internal.resources import Resource
from fhirexport.models import Snapshot

Mended = Literal["damaged", "format", "other_database"]
"""What was wrong with a copy: it was `damaged`; a program of another release wrote it (`format`); or it was
of a database that the server has no more (`other_database`)."""


@dataclass(frozen=True)
class MirrorUpdate:
    """What bringing a mirror up to date took."""

    snapshot: Snapshot
    """The state of the data that the mirror shows now."""
    changed: bool
    """Whether that is another one than before."""
    segments: int
    """Of how many segments the mirror consists."""
    received_segments: int
    """How many of them had to be sent."""
    received_bytes: int
    """How many bytes of content were sent, compressed."""
    mended: Mended | None = None
    """What was wrong with the copy that was there; None where nothing was, or none was there."""


@dataclass(frozen=True)
class Change:
    """One resource that is new, is another one, or is gone."""

    type: str
    """The type of the resource, such as `Encounter`."""
    id: str
    """Its logical id."""
    content: bytes | None = field(repr=False)
    """The resource as JSON, without a line feed; None where it is gone."""

    @property
    def is_gone(self) -> bool:
        """Whether the export no longer has the resource: a tombstone. Else it is an upsert."""
        return self.content is None

    @property
    def resource(self) -> Resource | None:
        """The resource, as `json` reads it; None where it is gone."""
        if self.content is None:
            return None
        resource: Resource = json.loads(self.content)
        return resource

"""Export requests."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from fhirexport_server.domain.datasets import Dataset, Detail, Format


@dataclass(frozen=True)
class Strict:
    """The rendering must contain every write that was committed before the request."""


@dataclass(frozen=True)
class MaxStaleness:
    """The rendering must contain every write older than this many seconds."""

    seconds: float


@dataclass(frozen=True)
class AtLeast:
    """The rendering must contain the revision of this token (`domain/revision.py`)."""

    token: str


@dataclass(frozen=True)
class Bypass:
    """The rendering must be read from the database, whatever is cached."""


Consistency = Strict | MaxStaleness | AtLeast | Bypass


@dataclass(frozen=True)
class Have:
    """What the caller has of an earlier rendering: the segments that need not be sent."""

    root: bytes = b""
    """The root of its manifest; empty where the segments are named instead."""
    digests: tuple[bytes, ...] = ()
    """The digests of its segments, in its order."""

    @cached_property
    def positions(self) -> Mapping[bytes, int]:
        """The position of each segment in the caller's order, by digest."""
        return dict(zip(self.digests, range(len(self.digests)), strict=True))

    @cached_property
    def key(self) -> str:
        """A text that is equal where the segments are; empty where there are none."""
        return hashlib.sha256(b"".join(self.digests)).hexdigest() if self.digests else ""


NOTHING = Have()


@dataclass(frozen=True)
class ExportRequest:
    """A request for one export."""

    ej_id: int
    dataset: Dataset
    format: Format
    detail: Detail = Detail.SUMMARY
    consistency: Consistency = field(default_factory=Strict)
    if_none_match: str = ""
    """The etag that the caller has, without quotes; empty for none."""
    have: Have = NOTHING
    """The segments that the caller has; they are told, not sent."""
    form: str = ""
    """The form of the whole answer that it wants (`cache/memory.py`, FORMS); empty for one in parts."""

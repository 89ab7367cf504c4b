"""Owns what an export can be asked for."""

from dataclasses import dataclass, field

from fhirexport_server.domain.datasets import Dataset, Detail, Format


@dataclass(frozen=True)
class Strict:
    """The answer contains every write committed before the request."""


@dataclass(frozen=True)
class MaxStaleness:
    """The answer lacks no write older than this many seconds."""

    seconds: float


@dataclass(frozen=True)
class AtLeast:
    """The answer contains the revision that this token names (see `etags.py`)."""

    token: str


@dataclass(frozen=True)
class Bypass:
    """The answer is read from the database, whatever is cached."""


Consistency = Strict | MaxStaleness | AtLeast | Bypass


@dataclass(frozen=True)
class Resume:
    """Where a broken export is to be taken up again."""

    etag: str
    """Of the rendering that it was, without quotes: no other will do."""
    chunks: int
    """How many of its chunks have come."""


@dataclass(frozen=True)
class ExportRequest:
    """One export that somebody wants."""

    ej_id: int
    dataset: Dataset
    format: Format
    detail: Detail = Detail.SUMMARY
    consistency: Consistency = field(default_factory=Strict)
    if_none_match: str = ""
    """The etag that the caller has, without its quotes; empty for none."""
    resume: Resume | None = None
    """Set to take up this export again; what the caller has, and how fresh it must be, then says nothing."""

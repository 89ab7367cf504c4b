"""Owns what an import is asked for and what it comes to, whatever it came in."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from fhirexport_server.domain.revision import Token


class Severity(StrEnum):
    """How bad a problem is (FHIR issue-severity)."""

    ERROR = "error"
    """The entry cannot be written."""
    WARNING = "warning"
    """The entry can be written, but not all that it says; or what it says is to be looked at."""


class Problem(NamedTuple):
    """What is wrong with one element."""

    entry: int | None
    """The place of the Bundle's entry, or of the line, from 0; None for the Bundle itself."""
    expression: str
    """The element, such as `Bundle.entry[3].resource.identifier[0].value`."""
    severity: Severity
    text: str
    """What it must be, or what becomes of it. Never the value itself: it may be a patient's."""


@dataclass(frozen=True)
class ImportOptions:
    """How something is to be imported."""

    ej_id: int | None = None
    """The EJ; None for the one whose Organization is among the resources."""
    validate_only: bool = False
    """Whether to write nothing."""
    request_id: str = ""
    """A UUID in its plain form; a call that repeats it within a day is answered as the first one was."""
    if_revision: Token | None = None
    """Write only if a dataset's revision is still this one."""


@dataclass(frozen=True)
class ImportSummary:
    """What an import has written, or would have."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    problems: tuple[Problem, ...] = ()
    """The first 100, errors before warnings."""
    errors: int = 0
    """How many errors there were, kept or not."""
    warnings: int = 0
    """How many warnings there were, kept or not."""
    revisions: tuple[Token, ...] = ()
    """The state of every dataset that it touched, by EJ and dataset."""
    committed_at: datetime | None = None
    """Aware, UTC; None where nothing was written."""
    is_repeated: bool = field(default=False, compare=False)
    """Whether it is what an earlier call with the same request id came to."""

"""The options and the result of an import, whatever its format."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from fhirexport_server.domain.revision import Token


class Severity(StrEnum):
    """The severity of a problem (FHIR issue-severity)."""

    ERROR = "error"
    """The entry cannot be written."""
    WARNING = "warning"
    """The entry can be written, but not all of it is kept, or something should be checked."""


class Problem(NamedTuple):
    """A problem with one element."""

    entry: int | None
    """The index of the Bundle's entry, or of the line, from 0; None for the Bundle itself."""
    expression: str
    """The path of the element, such as `Bundle.entry[3].resource.identifier[0].value`."""
    severity: Severity
    text: str
    """What the element must be, or what becomes of it. Never its value, which may be a patient's data."""


@dataclass(frozen=True)
class ImportOptions:
    """Options of an import."""

    ej_id: int | None = None
    """The EJ to import into; None for the one whose Organization is imported."""
    validate_only: bool = False
    """Whether to write nothing."""
    request_id: str = ""
    """A UUID in its plain form; a call that repeats it within a day gets the first call's answer."""
    if_revision: Token | None = None
    """Write only if a dataset still has this revision."""


@dataclass(frozen=True)
class ImportSummary:
    """What an import wrote, or would write."""

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
    """The new revision of every dataset that it changed, by EJ and dataset."""
    committed_at: datetime | None = None
    """When it was committed, aware, UTC; None if nothing was written."""
    is_repeated: bool = field(default=False, compare=False)
    """Whether it is the kept answer of an earlier call with the same request id."""

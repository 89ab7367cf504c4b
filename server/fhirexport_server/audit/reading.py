"""Reads a directory of audit trails: its lines, as they are, and what is wrong with them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fhirexport_server.audit import files
from fhirexport_server.audit.lines import AuditLine, DamagedLineError, opened

_LONGEST: Final = 1 << 20
"""The longest line that is read as one, in bytes: far longer than any that is written."""


@dataclass(frozen=True)
class Place:
    """Where a line is."""

    file: str
    number: int
    """Counted from 1 in its file."""

    def __str__(self) -> str:
        return f"{self.file}:{self.number}"


@dataclass(frozen=True)
class FoundLine:
    """A line of a file."""

    place: Place
    text: bytes
    """Without its newline."""
    line: AuditLine | None
    """What it says; None where it does not agree with its hash."""
    is_ended: bool
    """Whether a newline follows."""


def lines_of(directory: Path, chain: str) -> Iterator[FoundLine]:
    """Yield the lines of a chain, file by file.

    Raises:
        OSError: A file cannot be read.
    """
    for path in files.files_of(directory, chain):
        with path.open("rb") as file:
            number = 0
            while text := file.readline(_LONGEST):
                number += 1
                is_ended = text.endswith(b"\n")
                text = text.removesuffix(b"\n")
                try:
                    line = opened(text)
                except DamagedLineError:
                    line = None
                yield FoundLine(Place(path.name, number), text, line, is_ended)


def events_of(directory: Path, chain: str) -> Iterator[Mapping[str, Any]]:
    """Yield what the lines of a chain say, without those that do not agree with their hashes.

    Raises:
        OSError: A file cannot be read.
    """
    for found in lines_of(directory, chain):
        if found.line is not None:
            yield {"sequence": found.line.link.sequence, **found.line.fields}

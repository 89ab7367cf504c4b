"""Audit trails in a directory: made without a server, and read."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fhirexport_server.audit.files import chains_in, files_of
from fhirexport_server.audit.line_chain import LineChain
from fhirexport_server.audit.lines import now
from fhirexport_server.audit.reading import events_of
from fhirexport_server.audit.verification import ChainVerdict, verify

NAME = "audit"
BIG = 1 << 30


def chain(directory: Path, file_bytes: int = BIG, name: str = NAME) -> LineChain:
    """Opens a chain, as a server does that starts."""
    opened = LineChain(directory, name, file_bytes)
    opened.open({"time": now(), "event": "started"})
    return opened


def made(directory: Path, lines: int, file_bytes: int = BIG) -> Path:
    """Makes a chain with some lines besides those of its start; returns its first file."""
    written = chain(directory, file_bytes)
    for number in range(lines):
        written.append([{"time": now(), "event": "begun", "call": f"c-{number}"}])
    written.close()
    return files_of(directory, NAME)[0]


def events(directory: Path, name: str = NAME) -> list[dict[str, Any]]:
    """Returns what the lines of a chain say."""
    return [dict(event) for event in events_of(directory, name)]


def kinds(directory: Path, name: str = NAME) -> list[str]:
    """Returns the kind of each line of a chain."""
    return [str(event["event"]) for event in events(directory, name)]


def verdicts(directory: Path) -> Iterable[ChainVerdict]:
    """Verifies all chains of a directory."""
    return [verify(directory, name) for name in chains_in(directory)]


def assert_sound(directory: Path) -> None:
    """Nothing is wrong with any chain of a directory."""
    problems = [problem for verdict in verdicts(directory) for problem in verdict.problems]
    assert problems == []

"""The files of a chain: their names, and what is at the end of one."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fhirexport_server.audit.lines import AuditLine, ChainLink, DamagedLineError, opened

NAME: Final = re.compile(r"[a-z0-9]([a-z0-9_.-]{0,62}[a-z0-9])?", re.ASCII)
"""What a chain may be called."""
_FILE = re.compile(rf"(?P<chain>{NAME.pattern})-(?P<first>[0-9]{{15}})\.jsonl", re.ASCII)
_TAIL_BYTES: Final = 1 << 20
"""How much of the end of a file is read for its last line: far more than a line has."""
_HEAD = re.compile(rb"([0-9]{15}):([0-9a-f]{64})\n")


@dataclass(frozen=True)
class Tail:
    """The end of a file."""

    size: int
    """The size of the file, in bytes."""
    last: AuditLine | None
    """The last line that agrees with its hash; None where there is none."""
    torn: Sequence[bytes]
    """What is after it: lines that were not written to their end, without newlines."""
    is_ended: bool
    """Whether the file ends with a newline, or is empty."""


def file_name(chain: str, first: int) -> str:
    """Return the name of the file that begins with a line. Names sort as their lines do."""
    return f"{chain}-{first:015}.jsonl"


def files_of(directory: Path, chain: str) -> Sequence[Path]:
    """Return the files of a chain in order.

    Raises:
        OSError: The directory cannot be read.
    """
    found = []
    for path in directory.iterdir():
        match = _FILE.fullmatch(path.name)
        if match is not None and match["chain"] == chain:
            found.append(path)
    return sorted(found)


def chains_in(directory: Path) -> Sequence[str]:
    """Return the names of the chains that have files or a head in a directory.

    Raises:
        OSError: The directory cannot be read.
    """
    names = set()
    for path in directory.iterdir():
        if match := _FILE.fullmatch(path.name):
            names.add(match["chain"])
        elif path.suffix == ".head" and NAME.fullmatch(path.stem):
            names.add(path.stem)
    return sorted(names)


def head_path(directory: Path, chain: str) -> Path:
    """Return the file that holds the last line's place."""
    return directory / f"{chain}.head"


def written_head(link: ChainLink) -> bytes:
    """Return what the file of the head holds: always as many bytes."""
    return f"{link.sequence:015}:{link.hash}\n".encode()


def read_head(path: Path) -> ChainLink | None:
    """Return the head in a file; None where there is none.

    Raises:
        OSError: It cannot be read.
        ValueError: It holds something else.
    """
    try:
        found = path.read_bytes()
    except FileNotFoundError:
        return None
    if not found:
        return None
    match = _HEAD.fullmatch(found)
    if match is None:
        raise ValueError("not the head of a chain")
    return ChainLink(int(match[1]), match[2].decode())


def tail(path: Path) -> Tail:
    """Return the end of a file.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _TAIL_BYTES))
        text = file.read()
    *lines, fragment = text.split(b"\n")
    torn = [fragment] if fragment else []
    for line in reversed(lines):
        try:
            return Tail(size, opened(line), torn[::-1], is_ended=not fragment)
        except DamagedLineError:
            torn.append(line)
    return Tail(size, None, torn[::-1], is_ended=not fragment)

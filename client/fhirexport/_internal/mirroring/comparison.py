"""Which resources differ between two sets of segments, in bounded memory.

Old and new segments are compared together, because a change of one resource moves others from segment to
segment without changing them. Of each resource there is a record of its name and its text, both as digests;
where there are many, they are put into temporary files by name first, so that only a part is in memory.
"""

import hashlib
import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from enum import IntEnum
from pathlib import Path
from struct import Struct
from typing import BinaryIO, NamedTuple

from fhirexport.errors import IncompleteError

_IN_MEMORY = 100_000
"""How many old resources are compared at once."""
_MOST_PARTS = 128
_DIGEST_BYTES = 16
_RECORD = Struct("<16s16sQ")
# As this service writes it; whatever else is valid JSON is read as such.
_START = re.compile(rb'\{"resourceType":"([A-Za-z]{1,64})","id":"([A-Za-z0-9.-]{1,64})"')


class Mark(IntEnum):
    """What has become of a resource."""

    SAME = 0
    CHANGED = 1
    NEW = 2
    """It was not there before."""
    GONE = 3


class Marks(NamedTuple):
    """What has become of each resource, in its order."""

    old: bytearray
    """SAME, whether or not it has changed, or GONE."""
    new: bytearray
    """SAME, CHANGED or NEW."""


class _Record(NamedTuple):
    name: bytes
    text: bytes
    number: int


def compare(
    old: Iterable[bytes], old_count: int, new: Iterable[bytes], new_count: int, folder: Path
) -> Marks:
    """Compare resources.

    Args:
        old: The old ones, as JSON.
        old_count: How many there are.
        new: The new ones, as JSON.
        new_count: How many there are.
        folder: Where temporary files may lie, without a name.
    """
    marks = Marks(bytearray(old_count), bytearray(new_count))
    if old_count <= _IN_MEMORY:
        _mark(_records(old), _records(new), marks)
        return marks
    parts = min(_MOST_PARTS, old_count // _IN_MEMORY + 1)
    with ExitStack() as stack:
        olds, news = (
            [stack.enter_context(tempfile.TemporaryFile(dir=folder)) for _ in range(parts)] for _ in range(2)
        )
        _scatter(_records(old), olds)
        _scatter(_records(new), news)
        for some_old, some_new in zip(olds, news, strict=True):
            _mark(_gathered(some_old), _gathered(some_new), marks)
    return marks


def name_of(line: bytes) -> tuple[str, str]:
    """Return the type and the id of a resource.

    Raises:
        IncompleteError: it has none.
    """
    if match := _START.match(line):
        return match[1].decode(), match[2].decode()
    try:
        resource = json.loads(line)
        return str(resource["resourceType"]), str(resource["id"])
    except (ValueError, TypeError, KeyError, RecursionError):
        raise IncompleteError(
            "the server exports something that is no resource with a type and an id"
        ) from None


def _records(lines: Iterable[bytes]) -> Iterator[_Record]:
    for number, line in enumerate(lines):
        yield _Record(_digest("/".join(name_of(line)).encode()), _digest(line), number)


def _digest(text: bytes) -> bytes:
    return hashlib.blake2b(text, digest_size=_DIGEST_BYTES).digest()


def _scatter(records: Iterable[_Record], parts: Sequence[BinaryIO]) -> None:
    for record in records:
        parts[record.name[0] % len(parts)].write(_RECORD.pack(*record))


def _gathered(part: BinaryIO) -> Iterator[_Record]:
    part.seek(0)
    while record := part.read(_RECORD.size):
        yield _Record(*_RECORD.unpack(record))


def _mark(old: Iterable[_Record], new: Iterable[_Record], marks: Marks) -> None:
    known: dict[bytes, _Record] = {}
    for record in old:
        marks.old[record.number] = Mark.GONE
        if twin := known.get(record.name):
            # No export has two of one name. If one has, neither is gone while there is another.
            marks.old[twin.number] = Mark.SAME
        known[record.name] = record
    for record in new:
        before = known.get(record.name)
        if before is None:
            marks.new[record.number] = Mark.NEW
            continue
        marks.old[before.number] = Mark.SAME
        if before.text != record.text:
            marks.new[record.number] = Mark.CHANGED

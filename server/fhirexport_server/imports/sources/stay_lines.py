"""Groups the lines of a venue and its movements, wherever they are in the NDJSON of an import."""

from collections.abc import Iterator
from contextlib import ExitStack
from hashlib import blake2b
from typing import Final

import msgspec

from fhirexport_server.fhir.reading.json.problems import Problems, Severity
from fhirexport_server.imports import limits
from fhirexport_server.imports.sources.line_files import Line, LineFile
from fhirexport_server.runtime.spool_space import SpoolSpace

_BUCKET_BYTES: Final = 8 << 20
_MOST_BUCKETS: Final = 128
_BUCKET_MEMORY: Final = 1 << 16
_BY_NUMBER: Final = "|"
"""Stands for the name of a venue that is named only by its number; no id can hold it."""


class _Part(msgspec.Struct):
    reference: str = ""


class EncounterHead(msgspec.Struct):
    """The properties of a resource that tell where its line belongs."""

    resourceType: str = ""  # noqa: N815 - FHIR's name
    id: str = ""
    partOf: _Part | None = None  # noqa: N815 - as above

    @property
    def venue(self) -> str:
        """The id of the venue, which the lines of its movements share, if they name it by id."""
        if self.partOf is None:
            return self.id
        return self.partOf.reference.rpartition("/")[2] or _BY_NUMBER


RESOURCE: Final = msgspec.json.Decoder(EncounterHead)


class _Stay:
    """The lines of one stay. If the stay is too long, all of them are refused."""

    __slots__ = ("_is_over", "_size", "lines")

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self._size = 0
        self._is_over = False

    def add(self, line: Line, problems: Problems) -> None:
        """Add a line."""
        self.lines.append(line)
        self._size += len(line[1])
        if len(self.lines) > 1 + limits.MOST_MOVEMENTS or self._size > limits.MOST_STAY_BYTES:
            self._is_over = True
        if self._is_over:
            for place, _ in self.lines:
                problems.report(Severity.ERROR, place, "Encounter", limits.LONG_STAY)
                # Nothing will look it up, and there may be any number of such lines.
                problems.refused.discard(place)
            self.lines.clear()


class StayLines:
    """The Encounters of an import. One thread at a time may add them, then one may read them."""

    def __init__(self, space: SpoolSpace, stack: ExitStack) -> None:
        self._space = space
        self._file = LineFile(space, stack)
        self._venue: str | None = None
        self._is_grouped = True

    def append(self, place: int, content: bytes, resource: EncounterHead) -> None:
        """Add a line. Raises as `LineFile.append` does."""
        name = resource.venue
        if resource.partOf is None:
            self._venue = name
        elif name != self._venue:
            self._is_grouped = False
        self._file.append(place, content, begins=resource.partOf is None)

    def stays(self, key: bytes, problems: Problems) -> Iterator[list[Line]]:
        """Yield the lines of each venue and its movements together.

        Movements that name their venue only by its number come last, one by one.

        Args:
            key: A key that senders cannot know, so that they cannot put all ids into one bucket.
            problems: Where stays that are too long are reported.
        """
        return self._grouped(key, problems) if not self._is_grouped else self._in_order(problems)

    def _in_order(self, problems: Problems) -> Iterator[list[Line]]:
        stay = _Stay()
        for place, content, begins in self._file.records():
            if begins and stay.lines:
                yield stay.lines
            if begins:
                stay = _Stay()
            stay.add((place, content), problems)
        if stay.lines:
            yield stay.lines

    def _grouped(self, key: bytes, problems: Problems) -> Iterator[list[Line]]:
        with ExitStack() as stack:
            count = min(_MOST_BUCKETS, 1 + self._file.size // _BUCKET_BYTES)
            *buckets, others = (LineFile(self._space, stack, _BUCKET_MEMORY) for _ in range(count + 1))
            for place, content in self._file.read():
                name = RESOURCE.decode(content).venue
                bucket = others if name == _BY_NUMBER else buckets[_hash(name, key) % count]
                bucket.append(place, content)
            for bucket in buckets:
                stays: dict[str, _Stay] = {}
                for line in bucket.read():
                    stays.setdefault(RESOURCE.decode(line[1]).venue, _Stay()).add(line, problems)
                yield from (stay.lines for stay in stays.values() if stay.lines)
            for line in others.read():
                yield [line]


def _hash(name: str, key: bytes) -> int:
    return int.from_bytes(blake2b(name.encode(), key=key, digest_size=8).digest())

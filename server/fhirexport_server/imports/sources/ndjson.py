"""The NDJSON of an import: sorted by kind into files as it arrives, then read in windows.

There may be any number of Patients and Encounters, so they are never all in memory. A venue and its movements
are written together; if they do not follow each other, they are grouped first.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import ExitStack
from hashlib import blake2b
from itertools import chain
from types import TracebackType
from typing import Final, Self

import msgspec

from fhirexport_server.fhir.reading.bundles.bundle import line
from fhirexport_server.fhir.reading.bundles.entries import BundleEntry
from fhirexport_server.fhir.reading.datatypes.own_ids import own_id
from fhirexport_server.fhir.reading.json.problems import Problems, Severity
from fhirexport_server.fhir.reading.json.reading_context import ReadingContext
from fhirexport_server.imports import limits
from fhirexport_server.imports.kinds import Kind
from fhirexport_server.imports.sources import content_kinds
from fhirexport_server.imports.sources.content_kinds import FirstLines
from fhirexport_server.imports.sources.line_files import Line, LineFile
from fhirexport_server.imports.sources.resource_source import Largest, News
from fhirexport_server.imports.sources.stay_lines import RESOURCE, EncounterHead, StayLines
from fhirexport_server.runtime.spool_space import SpoolSpace

WINDOW: Final = limits.WINDOW


class Lines:
    """The NDJSON of one import. One thread at a time may fill it, then one may read it."""

    is_atomic = False
    nowhere: AbstractSet[str] = frozenset()

    def __init__(self, space: SpoolSpace) -> None:
        self._stack = ExitStack()
        self._space = space
        self._hash = blake2b(digest_size=16)
        self._structure, self._patients = LineFile(space, self._stack), LineFile(space, self._stack)
        self._encounters = StayLines(space, self._stack)
        self._head = b""
        self._first_lines = FirstLines()
        self._rest = bytearray()
        self._too_long = False
        self._overlong: list[int] = []
        self._place = 0
        self._largest = Largest()
        self.count = 0
        """The number of lines that are not empty."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def digest(self) -> str:
        """A digest of the content."""
        return self._hash.hexdigest()

    def feed(self, chunk: bytes) -> None:
        """Add the next bytes, which may be cut anywhere.

        Raises:
            SpoolFullError: There is no space for them.
            InvalidRequestError: The content is no NDJSON, or a limit is exceeded.
        """
        self._hash.update(chunk)
        self._head += chunk[: content_kinds.HEAD_BYTES - len(self._head)]
        # Line by line, so that millions of empty lines take no memory.
        start = 0
        while (end := chunk.find(b"\n", start)) >= 0:
            self._take(chunk[start:end])
            self._end_line()
            start = end + 1
        self._take(chunk[start:])

    def end(self) -> None:
        """End the content, whose last line may lack its line feed.

        Raises:
            InvalidRequestError: The content is no NDJSON, or empty.
        """
        if self._rest or self._too_long:
            self._end_line()
        if not self.count:
            raise content_kinds.empty()

    def largest(self) -> Mapping[Kind, int]:
        """See ResourceSource."""
        return self._largest.ids

    def deletions(self) -> Sequence[BundleEntry]:
        """See ResourceSource: a line deletes nothing."""
        return ()

    def structure(self, context: ReadingContext, problems: Problems) -> Iterator[Sequence[BundleEntry]]:
        """See ResourceSource."""
        for place in self._overlong:
            problems.report(Severity.ERROR, place, "", limits.TOO_LONG)
        return self._read(([line] for line in self._structure.read()), context, problems)

    def patients(
        self, context: ReadingContext, problems: Problems, news: News
    ) -> Iterator[Sequence[BundleEntry]]:
        """See ResourceSource."""
        return self._read(([line] for line in self._patients.read()), context, problems, news)

    def encounters(
        self, context: ReadingContext, problems: Problems, news: News
    ) -> Iterator[Sequence[BundleEntry]]:
        """See ResourceSource."""
        return self._read(self._encounters.stays(self._hash.digest(), problems), context, problems, news)

    @staticmethod
    def _read(
        groups: Iterable[list[Line]], context: ReadingContext, problems: Problems, news: News | None = None
    ) -> Iterator[Sequence[BundleEntry]]:
        for window in _windows(groups):
            lines = chain.from_iterable(window if news is None else news(window))
            yield _entries(lines, context, problems)

    def _take(self, content: bytes) -> None:
        """Add a part of a line."""
        if not self._too_long:
            self._rest += content
        if len(self._rest) > limits.LONGEST_LINE:
            self._rest, self._too_long = bytearray(), True

    def _end_line(self) -> None:
        content = bytes(self._rest).lstrip().removeprefix(content_kinds.BOM).strip()
        too_long = self._too_long
        self._rest, self._too_long = bytearray(), False
        place = self._place
        self._place += 1
        if not self.count and (too_long or content):
            self._first_lines.head(self._head)
        if too_long:
            self.count += 1
            self._overlong.append(place)
            if len(self._overlong) > limits.MOST_OVERLONG:
                raise limits.overlong()
        elif content:
            self.count += 1
            if not self._first_lines.is_over:
                self._first_lines.line(content)
            self._sort(place, content)

    def _sort(self, place: int, content: bytes) -> None:
        try:
            resource = RESOURCE.decode(content)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            resource = EncounterHead()
        self._largest.note(own_id(resource.resourceType, resource.id))
        if resource.resourceType == "Patient":
            self._patients.append(place, content)
        elif resource.resourceType == "Encounter":
            self._encounters.append(place, content, resource)
        else:
            structure = self._structure
            structure.append(place, content)
            if structure.count > limits.MOST_STRUCTURE or structure.size > limits.MOST_STRUCTURE_BYTES:
                raise limits.structure()


def _windows(groups: Iterable[list[Line]]) -> Iterator[list[list[Line]]]:
    """Yield groups of lines that belong together in windows."""
    window: list[list[Line]] = []
    count = size = 0
    for group in groups:
        length = sum(len(content) for _, content in group)
        if window and (count + len(group) > WINDOW or size + length > limits.WINDOW_BYTES):
            yield window
            window, count, size = [], 0, 0
        window.append(group)
        count += len(group)
        size += length
    if window:
        yield window


def _entries(
    lines: Iterable[tuple[int, bytes]], context: ReadingContext, problems: Problems
) -> list[BundleEntry]:
    entries = (line(content, place, context, problems) for place, content in lines)
    return [entry for entry in entries if entry is not None]

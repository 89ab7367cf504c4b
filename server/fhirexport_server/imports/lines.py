"""Owns the NDJSON of an import on its way: sorted by kind into files as it comes, read back in windows.

Patients and Encounters can be any number, so they are never in memory together. A venue and its movements
are written together; where they do not come one after the other, they are brought together first.
"""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import ExitStack, contextmanager, suppress
from hashlib import blake2b
from struct import Struct
from types import TracebackType
from typing import IO, Final, Self
from zlib import crc32

import msgspec

from fhirexport_server.domain.errors import TemporaryStorageError
from fhirexport_server.exports.spool import SpoolSpace
from fhirexport_server.fhir.reading.bundle import line
from fhirexport_server.fhir.reading.context import ReadingContext
from fhirexport_server.fhir.reading.entries import Entry
from fhirexport_server.fhir.reading.ids import own_id
from fhirexport_server.fhir.reading.problems import Problems, Severity
from fhirexport_server.imports import kinds
from fhirexport_server.imports.kinds import FirstLines
from fhirexport_server.imports.sources import Largest

LONGEST_LINE: Final = 1 << 20
WINDOW: Final = 2000
"""How many resources are written together."""
_MEMORY_BYTES: Final = 1 << 20
_BUCKET_BYTES: Final = 16 << 20
_MOST_BUCKETS: Final = 64
_HEAD: Final = Struct("<QI?")
_TOO_LONG: Final = (
    f"must be one resource in one line of at most {LONGEST_LINE} bytes: a Bundle is sent with ImportBundle"
)


class _Part(msgspec.Struct):
    reference: str = ""


class _Resource(msgspec.Struct):
    """What tells where a line belongs."""

    resourceType: str = ""  # noqa: N815 - FHIR's name
    id: str = ""
    partOf: _Part | None = None  # noqa: N815 - as above


@contextmanager
def _told() -> Iterator[None]:
    """Turn an error of the system into ours.

    Raises:
        TemporaryStorageError: The disk is full, or cannot be used.
    """
    try:
        yield
    except OSError as error:
        raise TemporaryStorageError.of(error) from error


class _File:
    """Lines with their places, in memory while they are few, otherwise on disk."""

    def __init__(self, space: SpoolSpace, stack: ExitStack) -> None:
        self._space = space
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(_MEMORY_BYTES)  # noqa: SIM115 - the stack closes it
        stack.callback(self._close)
        self.size = 0
        stack.callback(self._give_back)

    def append(self, place: int, content: bytes, *, begins: bool = False) -> None:
        """Adds a line; `begins` says that it begins a stay."""
        length = _HEAD.size + len(content)
        self._space.take(length)
        self.size += length
        try:
            self._file.write(_HEAD.pack(place, len(content), begins))
            self._file.write(content)
        except OSError as error:
            raise TemporaryStorageError.of(error) from error

    def read(self) -> Iterator[tuple[int, bytes]]:
        """Yields every line with its place."""
        return ((place, content) for place, content, _ in self._records())

    def stays(self) -> Iterator[list[tuple[int, bytes]]]:
        """Yields the lines from each that begins a stay to the next."""
        stay: list[tuple[int, bytes]] = []
        for place, content, begins in self._records():
            if stay and begins:
                yield stay
                stay = []
            stay.append((place, content))
        if stay:
            yield stay

    def _records(self) -> Iterator[tuple[int, bytes, bool]]:
        # What was written last reaches the disk only here.
        with _told():
            self._file.seek(0)
        while head := self._read(_HEAD.size):
            place, length, begins = _HEAD.unpack(head)
            yield place, self._read(length), begins

    def _read(self, size: int) -> bytes:
        with _told():
            return self._file.read(size)

    def _close(self) -> None:
        # A disk that is full has refused already what was still to be written.
        with suppress(OSError):
            self._file.close()

    def _give_back(self) -> None:
        self._space.give_back(self.size)


class Lines:
    """The NDJSON of one import. It is filled by one thread at a time, then read by one."""

    is_atomic = False
    nowhere: AbstractSet[str] = frozenset()

    def __init__(self, space: SpoolSpace) -> None:
        self._stack = ExitStack()
        self._space = space
        self._hash = blake2b(digest_size=16)
        self._structure, self._patients, self._encounters = (_File(space, self._stack) for _ in range(3))
        self._head = b""
        self._first_lines = FirstLines()
        self._rest = b""
        self._too_long = False
        self._overlong: list[int] = []
        self._place = 0
        self._largest = Largest()
        self._venue = ""
        self._is_grouped = True
        self.count = 0
        """How many lines there are that are not empty."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def digest(self) -> str:
        """Of the content."""
        return self._hash.hexdigest()

    def feed(self, chunk: bytes) -> None:
        """Takes the next bytes, which may be cut anywhere.

        Raises:
            SpoolFullError: there is no space for them.
            InvalidRequestError: it is no NDJSON.
        """
        self._hash.update(chunk)
        self._head += chunk[: kinds.HEAD_BYTES - len(self._head)]
        first, *others = chunk.split(b"\n")
        if not self._too_long:
            self._rest += first
        for following in others:
            self._end_line()
            self._rest = following
        if len(self._rest) > LONGEST_LINE:
            self._rest, self._too_long = b"", True

    def end(self) -> None:
        """Takes what came after the last end of a line.

        Raises:
            InvalidRequestError: it is no NDJSON, or there was nothing.
        """
        if self._rest or self._too_long:
            self._end_line()
        if not self.count:
            raise kinds.empty()

    def largest(self) -> dict[str, int]:
        """See Source."""
        return self._largest.found

    def deletions(self) -> Sequence[Entry]:
        """See Source: a line deletes nothing."""
        return ()

    def structure(self, context: ReadingContext, problems: Problems) -> Sequence[Entry]:
        """See Source."""
        for place in self._overlong:
            problems.tell(Severity.ERROR, place, "", _TOO_LONG)
        return _entries(self._structure.read(), context, problems)

    def patients(self, context: ReadingContext, problems: Problems) -> Iterator[Sequence[Entry]]:
        """See Source."""
        window: list[tuple[int, bytes]] = []
        for one in self._patients.read():
            window.append(one)
            if len(window) == WINDOW:
                yield _entries(window, context, problems)
                window = []
        if window:
            yield _entries(window, context, problems)

    def encounters(self, context: ReadingContext, problems: Problems) -> Iterator[Sequence[Entry]]:
        """See Source."""
        window: list[tuple[int, bytes]] = []
        for stay in self._stays():
            if window and len(window) + len(stay) > WINDOW:
                yield _entries(window, context, problems)
                window = []
            window += stay
        if window:
            yield _entries(window, context, problems)

    def _end_line(self) -> None:
        content = self._rest.lstrip().removeprefix(kinds.BOM).strip()
        too_long = self._too_long or len(self._rest) > LONGEST_LINE
        self._rest, self._too_long = b"", False
        place = self._place
        self._place += 1
        if not self.count and (too_long or content):
            self._first_lines.head(self._head)
        if too_long:
            self.count += 1
            self._overlong.append(place)
        elif content:
            self.count += 1
            if not self._first_lines.is_over:
                self._first_lines.line(content)
            self._sort(place, content)

    def _sort(self, place: int, content: bytes) -> None:
        try:
            found = _RESOURCE.decode(content)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            found = _Resource()
        self._largest.note(own_id(found.resourceType, found.id))
        if found.resourceType == "Patient":
            self._patients.append(place, content)
        elif found.resourceType == "Encounter":
            name = _stay(found)
            if found.partOf is None:
                self._venue = name
            elif name != self._venue:
                self._is_grouped = False
            self._encounters.append(place, content, begins=found.partOf is None)
        else:
            self._structure.append(place, content)

    def _stays(self) -> Iterator[list[tuple[int, bytes]]]:
        """Yields the lines of one venue and its movements after those of another."""
        if self._is_grouped:
            yield from self._encounters.stays()
            return
        with ExitStack() as stack:
            count = min(_MOST_BUCKETS, 1 + self._encounters.size // _BUCKET_BYTES)
            buckets = [_File(self._space, stack) for _ in range(count)]
            for place, content in self._encounters.read():
                name = _stay(_RESOURCE.decode(content))
                buckets[crc32(name.encode()) % count].append(place, content)
            for bucket in buckets:
                stays: dict[str, list[tuple[int, bytes]]] = {}
                for place, content in bucket.read():
                    stays.setdefault(_stay(_RESOURCE.decode(content)), []).append((place, content))
                yield from stays.values()


_RESOURCE: Final = msgspec.json.Decoder(_Resource)


def _stay(resource: _Resource) -> str:
    """What a venue and its movements have in common: the venue's id, as far as they name it."""
    return resource.id if resource.partOf is None else resource.partOf.reference.rpartition("/")[2]


def _entries(lines: Iterable[tuple[int, bytes]], context: ReadingContext, problems: Problems) -> list[Entry]:
    found = (line(content, place, context, problems) for place, content in lines)
    return [entry for entry in found if entry is not None]

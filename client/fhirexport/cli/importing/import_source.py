"""Reads what `fhirexport import` is given: recognizes a Bundle, and resources in any layout of JSON.

A Bundle is read whole; resources are passed on as NDJSON piece by piece, so that a file may have any size.
"""

import gzip
import json
import re
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final

from fhirexport._internal.uploads.import_calls import CHUNK_BYTES
from fhirexport.cli.importing import json_texts
from fhirexport.cli.importing.json_texts import NotResourcesError, TooLongError

BUNDLE_BYTES: Final = 8 << 20
_BOM: Final = b"\xef\xbb\xbf"
_GZIP: Final = b"\x1f\x8b"
_MAGIC_BYTES: Final = 8
_BLANK: Final = b" \t\r\n"
_BUNDLE: Final = re.compile(rb'"resourceType"\s*:\s*"Bundle"')
_FEW: Final = 20
_JOINED_BYTES: Final = 256 << 10
_COMPRESSED: Final = (
    (b"\x28\xb5\x2f\xfd", "Zstandard", "zstd -dc"),
    (b"PK\x03\x04", "ZIP", "unzip -p"),
    (b"BZh", "bzip2", "bzip2 -dc"),
    (b"\xfd7zXZ\x00", "xz", "xz -dc"),
)
_ENCODED: Final = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
    (b"{\x00", "UTF-16"),
    (b"\x00{", "UTF-16"),
)
_TOO_LARGE: Final = (
    "holds one JSON text of more than 8 MiB, and a Bundle can be 8 MiB long:"
    " send NDJSON, one resource a line, of any size"
)


class UnreadableSourceError(ValueError):
    """What is wrong with a file that cannot be imported, in the words that follow its name."""


@dataclass
class Content:
    """What a file holds."""

    bundle: bytes | None
    """A Bundle; None for resources."""
    lines: Iterator[bytes]
    """Pieces of NDJSON, cut anywhere; nothing for a Bundle."""
    failure: UnreadableSourceError | None = None
    """Why `lines` ended too early. Whoever reads them may not pass on what they raise."""


class Counted:
    """A file that counts what was read of it."""

    def __init__(self, file: BinaryIO, size: int | None) -> None:
        self._file = file
        self._head = b""
        self.size = size
        """In bytes; None where nobody knows it."""
        self.done = 0
        """How many bytes were read."""

    def peek(self, size: int) -> bytes:
        """Return the first bytes, which stay to be read."""
        while len(self._head) < size and (piece := self._file.read(size - len(self._head))):
            self._head += piece
        return self._head

    def read(self, size: int = -1) -> bytes:
        """Read some bytes, as files do."""
        if self._head:
            end = len(self._head) if size < 0 else size
            piece, self._head = self._head[:end], self._head[end:]
        else:
            piece = self._file.read(size)
        self.done += len(piece)
        return piece


@contextmanager
def opened(source: str) -> Iterator[Counted]:
    """Open a file, or standard input for `-`."""
    if source == "-":
        try:
            yield Counted(sys.stdin.buffer, None)
        except OSError as error:
            error.filename = error.filename or "standard input"
            raise
        return
    with Path(source).open("rb") as file:
        yield Counted(file, Path(source).stat().st_size or None)


def content(file: Counted) -> Content:
    """Recognize what a file holds.

    Raises:
        UnreadableSourceError: it is nothing that can be imported.
    """
    result = Content(None, iter(()))
    pieces = _unpacked(file)
    skipped, begin = _begin(pieces)
    if begin.startswith(b"<"):
        raise UnreadableSourceError("is XML: FHIR resources are imported as JSON")
    line, end, _ = begin.partition(b"\n")
    first = _decoded(line) if end or len(begin) <= CHUNK_BYTES else None
    is_line = isinstance(first, dict) and not _is_bundle(first)
    # One line that is nothing does not make the others so: the server tells which are.
    if not is_line and begin.startswith((b"{", b"[")):
        begin = _read(begin, pieces)
        is_line = not _recognize(begin, pieces, result)
    if is_line or not begin.startswith((b"{", b"[")):
        # Lines are counted as they are in the file.
        result.lines = _guarded(chain((b"\n" * skipped, begin), pieces), result)
    return result


def _recognize(begin: bytes, pieces: Iterator[bytes], result: Content) -> bool:
    """Say whether JSON is something else than one resource in each line. Its first 8 MiB are there."""
    first_lines = [line for line in begin.split(b"\n", _FEW)[:_FEW] if line.strip()]
    if begin.startswith(b"{") and _decoded(first_lines[0]) is None and _is_object(first_lines[1:2]):
        return False
    if len(begin) <= BUNDLE_BYTES:
        try:
            value = json.loads(begin)
        except json.JSONDecodeError as error:
            if error.msg != "Extra data":
                return _is_malformed_bundle(begin, error, result, is_line=len(first_lines) == 1)
        except UnicodeDecodeError:
            raise UnreadableSourceError("is not UTF-8") from None
        except RecursionError:
            raise UnreadableSourceError("is nested too deep") from None
        else:
            if _is_bundle(value):
                result.bundle = begin
                return True
    _split(chain((begin,), pieces), result)
    return True


def _is_malformed_bundle(
    begin: bytes, error: json.JSONDecodeError, result: Content, *, is_line: bool
) -> bool:
    """Say whether malformed JSON is a Bundle of one line, and no lines: the server says what is wrong."""
    if is_line and _BUNDLE.search(begin, 0, CHUNK_BYTES):
        result.bundle = begin
        return True
    if error.lineno == 1:
        return False
    where = f"line {error.lineno}, column {error.colno}"
    raise UnreadableSourceError(f"is no JSON, and no NDJSON either: look at {where}") from None


def _split(pieces: Iterator[bytes], result: Content) -> None:
    """Take resources that are not one in each line apart."""
    texts = json_texts.lines(pieces)
    try:
        first = next(texts, b"")
    except TooLongError:
        raise UnreadableSourceError(_TOO_LARGE) from None
    except NotResourcesError as error:
        raise UnreadableSourceError(str(error)) from None
    if not first:
        raise UnreadableSourceError("holds no resource")
    if _is_bundle(_decoded(first)):
        raise UnreadableSourceError("holds a Bundle and more: import each Bundle alone")
    result.lines = _guarded(_joined(chain((first,), texts)), result)


def _joined(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Yield lines, many at once."""
    joined = bytearray()
    for line in lines:
        joined += line
        if len(joined) >= _JOINED_BYTES:
            yield bytes(joined)
            joined.clear()
    yield bytes(joined)


def _unpacked(file: Counted) -> Iterator[bytes]:
    """Return the pieces of a file, decompressed where it is gzip."""
    magic = file.peek(_MAGIC_BYTES)
    for begin, name, command in _COMPRESSED:
        if magic.startswith(begin):
            hint = f"decompress it first, such as with: {command} FILE | fhirexport import -"
            raise UnreadableSourceError(f"is compressed ({name}): {hint}")
    if not magic.startswith(_GZIP):
        return iter(lambda: file.read(CHUNK_BYTES), b"")
    unpacked = gzip.GzipFile(fileobj=file)  # type: ignore[call-overload]  # it only reads
    return iter(lambda: unpacked.read(CHUNK_BYTES), b"")


def _begin(pieces: Iterator[bytes]) -> tuple[int, bytes]:
    """Return how many empty lines there are, and the line after them, or as much of it as a chunk holds."""
    begin, skipped = b"", 0
    try:
        while len(begin) < _MAGIC_BYTES and (piece := next(pieces, b"")):
            begin += piece
        for magic, name in _ENCODED:
            if begin.startswith(magic):
                raise UnreadableSourceError(f"is {name}: save it as UTF-8")
        begin = begin.removeprefix(_BOM)
        while True:
            text = begin.lstrip(_BLANK)
            skipped += begin.count(b"\n", 0, len(begin) - len(text))
            begin = text
            if b"\n" in begin or len(begin) > CHUNK_BYTES or skipped > CHUNK_BYTES:
                break
            piece = next(pieces, b"")
            if not piece:
                break
            begin += piece
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise _damaged() from None
    if not begin:
        raise UnreadableSourceError("is empty: there is nothing to import")
    return skipped, begin


def _read(begin: bytes, pieces: Iterator[bytes]) -> bytes:
    """Return the beginning and what follows, up to a little more than a Bundle can have."""
    parts, size = [begin], len(begin)
    try:
        while size <= BUNDLE_BYTES and (piece := next(pieces, b"")):
            parts.append(piece)
            size += len(piece)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise _damaged() from None
    return b"".join(parts)


def _guarded(pieces: Iterator[bytes], result: Content) -> Iterator[bytes]:
    """Yield pieces; what is wrong with one is kept as well, since gRPC does not pass it on."""
    try:
        yield from pieces
    except (EOFError, gzip.BadGzipFile, zlib.error):
        result.failure = _damaged()
        raise result.failure from None
    except NotResourcesError as error:
        result.failure = UnreadableSourceError(str(error))
        raise result.failure from None
    except OSError as error:
        result.failure = UnreadableSourceError(f"cannot be read: {error.strerror or error}")
        raise result.failure from None


def _damaged() -> UnreadableSourceError:
    return UnreadableSourceError("is damaged: what is compressed with gzip ends too early or is no gzip")


def _is_object(lines: list[bytes]) -> bool:
    return bool(lines) and isinstance(_decoded(lines[0]), dict)


def _is_bundle(value: object) -> bool:
    return isinstance(value, dict) and value.get("resourceType") == "Bundle"


def _decoded(line: bytes) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None

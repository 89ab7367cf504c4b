"""Request messages of imports, for both kinds of client."""

import io
from collections.abc import Iterable, Iterator
from typing import BinaryIO, TypedDict
from uuid import uuid4

from fhirexport.v1.import_service_pb2 import ImportBundleRequest, ImportOptions, ImportResourcesRequest

CHUNK_BYTES = 1 << 20
BUNDLE_SECONDS = 305.0
"""A little longer than the server gives itself, so that its own words come first."""
Source = bytes | BinaryIO | Iterable[bytes]


class ImportArguments(TypedDict, total=False):
    """The options of every import."""

    ej_id: int | None
    """The EJ; left out, the one whose Organization is among the resources."""
    validate_only: bool
    """Check everything, write nothing."""
    request_id: str | None
    """A UUID; a call that repeats it within a day is answered as the first one was. Left out, a new one."""
    if_revision: str | None
    """The revision of an earlier answer: write only if that dataset has not changed since."""


def options(arguments: ImportArguments) -> ImportOptions:
    """Return the options of one import, which has a request id in any case."""
    return ImportOptions(
        ej_id=arguments.get("ej_id") or 0,
        validate_only=arguments.get("validate_only", False),
        request_id=arguments.get("request_id") or str(uuid4()),
        if_revision=arguments.get("if_revision") or "",
    )


def bundle(content: bytes | str, import_options: ImportOptions) -> ImportBundleRequest:
    """Return the request to import one Bundle.

    Raises:
        UnicodeDecodeError: the content is no UTF-8.
    """
    text = content if isinstance(content, str) else content.decode()
    return ImportBundleRequest(options=import_options, bundle=text)


def messages(source: Source, import_options: ImportOptions) -> Iterator[ImportResourcesRequest]:
    """Yield the messages that import NDJSON, as they are needed."""
    yield ImportResourcesRequest(options=import_options)
    for piece in _pieces(source):
        yield from chunked(piece)


def chunked(piece: bytes) -> Iterator[ImportResourcesRequest]:
    """Yield the messages with one piece of NDJSON."""
    for start in range(0, len(piece), CHUNK_BYTES):
        yield ImportResourcesRequest(chunk=piece[start : start + CHUNK_BYTES])


def _pieces(source: Source) -> Iterable[bytes]:
    if isinstance(source, bytes):
        return (source,)
    if isinstance(source, io.IOBase) or hasattr(source, "read"):
        return iter(lambda: source.read(CHUNK_BYTES), b"")
    return source

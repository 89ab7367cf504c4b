"""The content of one dataset, and its layout in the three formats."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from fhirexport.v1 import types_pb2

BASE_URL = "http://localhost:8000/fhir"
"""What `fullUrl` begins with, as it does on a server without settings."""

_TYPES: dict[int, str] = {types_pb2.FORMAT_BUNDLE: "collection", types_pb2.FORMAT_TRANSACTION: "transaction"}

Resources = bytes | str | Iterable[Mapping[str, Any]]
"""Resources as NDJSON, or as the values that `json` reads."""


@dataclass(frozen=True)
class Chunk:
    """A segment, or a part of one."""

    content: bytes
    resource_count: int
    digest: bytes = b""
    """The SHA-256 of the segment that ends with it; empty where that goes on."""


@dataclass(frozen=True)
class Content:
    """The resources of one dataset."""

    lines: tuple[bytes, ...]
    """Each resource as JSON, without a line break."""

    @classmethod
    def of(cls, resources: Resources) -> Self:
        """Read resources.

        Raises:
            ValueError: one of them is no resource.
        """
        if isinstance(resources, str):
            resources = resources.encode()
        if isinstance(resources, bytes):
            lines = tuple(line for line in resources.splitlines() if line)
        else:
            lines = tuple(
                json.dumps(resource, ensure_ascii=False, separators=(",", ":")).encode()
                for resource in resources
            )
        for number, line in enumerate(lines, 1):
            resource = json.loads(line)
            if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
                raise ValueError(f"resource {number} has no resourceType")  # noqa: TRY004 - of a value
        return cls(lines)

    def etag(self, layout: int) -> str:
        """Return the etag of a format, with its quotes."""
        digest = hashlib.sha256(b"\n".join((str(layout).encode(), *self.lines)))
        return f'"fake-{digest.hexdigest()[:16]}"'

    def chunks(self, layout: int, most: int, parts: int) -> list[Chunk]:
        """Return the rendering in a format, cut between resources.

        Args:
            layout: the number of the format.
            most: how many resources a chunk holds at most.
            parts: how many chunks a segment has at most.
        """
        entries = list(self._entries(layout))
        runs = [entries[start : start + most] for start in range(0, len(entries), most)]
        chunks = [Chunk(b"".join(run), len(run)) for run in runs]
        segments = [chunks[start : start + parts] for start in range(0, len(chunks), parts)]
        if end := self._end(layout):
            segments.append([Chunk(end, 0)])
        return [chunk for segment in segments for chunk in _ended(segment)]

    def _entries(self, layout: int) -> Iterator[bytes]:
        if layout == types_pb2.FORMAT_NDJSON:
            yield from (line + b"\n" for line in self.lines)
            return
        before = _head(layout) + b',"entry":[\n'
        for line in self.lines:
            yield before + _entry(line, layout)
            before = b",\n"

    def _end(self, layout: int) -> bytes:
        if layout == types_pb2.FORMAT_NDJSON:
            return b""
        return b"\n]}\n" if self.lines else _head(layout) + b"}\n"


def _ended(segment: Sequence[Chunk]) -> Iterator[Chunk]:
    """Yield the chunks of a segment, the last of them with its digest."""
    *others, last = segment
    yield from others
    yield replace(last, digest=hashlib.sha256(b"".join(chunk.content for chunk in segment)).digest())


def _head(layout: int) -> bytes:
    return f'{{"resourceType":"Bundle","type":"{_TYPES[layout]}"'.encode()


def _entry(line: bytes, layout: int) -> bytes:
    resource = json.loads(line)
    name = f"{resource['resourceType']}/{resource.get('id', '')}"
    request = (
        f',"request":{{"method":"PUT","url":"{name}"}}' if layout == types_pb2.FORMAT_TRANSACTION else ""
    )
    return f'{{"fullUrl":"{BASE_URL}/{name}","resource":'.encode() + line + request.encode() + b"}"

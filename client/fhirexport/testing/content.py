"""The content of one dataset, and its layout in the three formats."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from fhirexport.v1 import types_pb2

BASE_URL = "http://localhost:8000/fhir"
"""What `fullUrl` begins with, as it does on a server without settings."""

_TYPES: dict[int, str] = {types_pb2.FORMAT_BUNDLE: "collection", types_pb2.FORMAT_TRANSACTION: "transaction"}

Resources = bytes | str | Iterable[Mapping[str, Any]]
"""Resources as NDJSON, or as the values that `json` reads."""


@dataclass(frozen=True)
class Chunk:
    """A run of content."""

    content: bytes
    resource_count: int


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

    def chunks(self, layout: int, most: int) -> list[Chunk]:
        """Return the rendering in a format, cut between resources.

        Args:
            layout: the number of the format.
            most: how many resources a chunk holds at most.
        """
        pieces = list(self._pieces(layout))
        runs = [pieces[start : start + most] for start in range(0, len(pieces), most)]
        return [Chunk(b"".join(run), len(run)) for run in runs] or self._empty(layout)

    def _pieces(self, layout: int) -> Iterator[bytes]:
        if layout == types_pb2.FORMAT_NDJSON:
            yield from (line + b"\n" for line in self.lines)
            return
        before = _head(layout) + b',"entry":[\n'
        for position, line in enumerate(self.lines, 1):
            after = b"\n]}\n" if position == len(self.lines) else b""
            yield before + _entry(line, layout) + after
            before = b",\n"

    def _empty(self, layout: int) -> list[Chunk]:
        return [] if layout == types_pb2.FORMAT_NDJSON else [Chunk(_head(layout) + b"}\n", 0)]


def _head(layout: int) -> bytes:
    return f'{{"resourceType":"Bundle","type":"{_TYPES[layout]}"'.encode()


def _entry(line: bytes, layout: int) -> bytes:
    resource = json.loads(line)
    name = f"{resource['resourceType']}/{resource.get('id', '')}"
    request = (
        f',"request":{{"method":"PUT","url":"{name}"}}' if layout == types_pb2.FORMAT_TRANSACTION else ""
    )
    return f'{{"fullUrl":"{BASE_URL}/{name}","resource":'.encode() + line + request.encode() + b"}"

"""The manifest of a mirror's copy: what it is of, and the segments it consists of. No input or output."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple, Self

from fhirexport._internal.content import DIGEST_BYTES, root_of
from fhirexport.cache_models import DATASETS, Dataset
from fhirexport.models import Snapshot

FORMAT = 1
"""The version of the manifest, and of the files beside it."""
LAYOUT = "ndjson"


class DamagedManifestError(Exception):
    """A manifest does not hold what one holds."""


class ForeignFormatError(DamagedManifestError):
    """A manifest is of another release, or of another program."""


class CopiedSegment(NamedTuple):
    """A segment of which there is a copy."""

    digest: bytes
    size: int
    """The size of its text, in bytes."""
    resource_count: int


@dataclass(frozen=True)
class MirroredExport:
    """What a mirror is of."""

    ej_id: int
    dataset: Dataset
    movements: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be exported."""
        if self.dataset not in DATASETS:
            raise ValueError(f"there is no dataset {self.dataset!r}: it is one of {', '.join(DATASETS)}")
        if self.movements and self.dataset != "venues":
            raise ValueError(f"only venues have movements, not {self.dataset}")

    def __str__(self) -> str:
        """Name it for people."""
        return f"the {self.dataset} of EJ {self.ej_id}{', with movements' * self.movements}"


@dataclass(frozen=True)
class CopyManifest:
    """A complete copy of one state of an export."""

    export: MirroredExport
    etag: str
    revision: str
    incarnation: str
    read_time: datetime
    segments: tuple[CopiedSegment, ...]

    @cached_property
    def root(self) -> str:
        """The SHA-256 over the digests of its segments, in hexadecimal."""
        return root_of(segment.digest for segment in self.segments)

    @property
    def snapshot(self) -> Snapshot:
        """The state of the data that it shows."""
        return Snapshot(
            etag=self.etag,
            revision=self.revision,
            read_time=self.read_time,
            source="unknown",
            cache_status="",
            resource_count=resources_of(self.segments),
            size_bytes=size_of(self.segments),
            root=self.root,
            incarnation=self.incarnation,
        )

    def to_json(self) -> bytes:
        """Return the content of its file."""
        head: dict[str, Any] = {
            "format": FORMAT,
            "ej_id": self.export.ej_id,
            "dataset": self.export.dataset,
            "movements": self.export.movements,
            "layout": LAYOUT,
            "etag": self.etag,
            "revision": self.revision,
            "incarnation": self.incarnation,
            "read_time": self.read_time.isoformat(),
            "resource_count": resources_of(self.segments),
            "size_bytes": size_of(self.segments),
            "root": self.root,
        }
        rows = (json.dumps([row.digest.hex(), row.size, row.resource_count]) for row in self.segments)
        # One segment a line, for people who look.
        body = ",\n  ".join(rows)
        return f'{json.dumps(head, indent=1)[:-2]},\n "segments": [\n  {body}\n ]\n}}\n'.encode()

    @classmethod
    def from_json(cls, content: bytes) -> Self:
        """Read the content of a file.

        Raises:
            DamagedManifestError: it holds something else.
        """
        try:
            values = json.loads(content)
            if (values["format"], values["layout"]) != (FORMAT, LAYOUT):
                raise ForeignFormatError
            manifest = cls(
                MirroredExport(_number(values["ej_id"]), values["dataset"], bool(values["movements"])),
                _text(values["etag"]),
                _text(values["revision"]),
                _text(values["incarnation"]),
                datetime.fromisoformat(values["read_time"]),
                tuple(_segment(*row) for row in values["segments"]),
            )
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise DamagedManifestError from error
        if manifest.root != values["root"]:
            raise DamagedManifestError
        return manifest


def size_of(segments: Iterable[CopiedSegment]) -> int:
    """Return the size of the text of segments, in bytes."""
    return sum(segment.size for segment in segments)


def resources_of(segments: Iterable[CopiedSegment]) -> int:
    """Return how many resources segments have."""
    return sum(segment.resource_count for segment in segments)


def _segment(digest: object, size: object, resource_count: object) -> CopiedSegment:
    segment = CopiedSegment(bytes.fromhex(_text(digest)), _number(size), _number(resource_count))
    if len(segment.digest) != DIGEST_BYTES:
        raise ValueError("not a SHA-256")
    return segment


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError
    return value

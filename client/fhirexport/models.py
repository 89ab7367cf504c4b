"""What the library returns: frozen dataclasses, without protobuf."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, Self

from fhirexport.v1 import export_service_pb2, types_pb2

Format = Literal["bundle", "transaction", "ndjson"]
"""`bundle`: one Bundle of type collection. `transaction`: one that a FHIR server can be sent.
`ndjson`: one resource a line."""
Source = Literal["cache", "database", "unknown"]


@dataclass(frozen=True)
class LegalEntity:
    """An EJ (entité juridique)."""

    ej_id: int
    finess: str
    name: str
    active: bool

    @classmethod
    def from_message(cls, message: export_service_pb2.LegalEntity) -> Self:
        """Make one of the server's message."""
        return cls(message.ej_id, message.finess, message.name, message.active)


@dataclass(frozen=True)
class Snapshot:
    """The state of the data that an export shows."""

    etag: str
    """Send it back as `if_none_match`."""
    revision: str
    """Send it back as `at_least`."""
    read_time: datetime
    """When the database was read; aware, UTC."""
    source: Source
    cache_status: str
    """What the server says of its cache, in the syntax of RFC 9211; empty when it says nothing."""
    resource_count: int | None = None
    """None until the export is complete, unless the server knew it from the start."""
    size_bytes: int | None = None
    """How many bytes it has as text; None as above."""
    root: str = ""
    """The SHA-256 over the digests of its segments, in hexadecimal; empty until the export is complete."""
    rendered_count: int | None = None
    """How many resources the server had to render for it; None where it did not know yet."""
    incarnation: str = ""
    """Which database it is of: one restored from a backup is another one."""

    @classmethod
    def from_message(cls, message: types_pb2.Snapshot, cache_status: str) -> Self:
        """Make one of the server's message."""
        return cls(
            etag=message.etag,
            revision=message.revision,
            read_time=message.read_time.ToDatetime(tzinfo=UTC),
            source=_SOURCES.get(message.source, "unknown"),
            cache_status=cache_status,
            resource_count=message.resource_count if message.HasField("resource_count") else None,
            size_bytes=message.size_bytes if message.HasField("size_bytes") else None,
            root=message.root,
            rendered_count=message.rendered_count if message.HasField("rendered_count") else None,
            incarnation=message.incarnation,
        )


_SOURCES: dict[int, Source] = {
    types_pb2.Snapshot.SOURCE_CACHE: "cache",
    types_pb2.Snapshot.SOURCE_DATABASE: "database",
}


@dataclass(frozen=True)
class Progress:
    """How far a streamed export has come."""

    resources: int
    of_resources: int | None
    """None while the server does not know it."""
    bytes: int
    of_bytes: int | None

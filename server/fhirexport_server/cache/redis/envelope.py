"""How a rendering is stored in Redis: the fields of its head, and the digests that verify them.

The frames are stored as they are: in the head where they are small, else under a key of their own.
"""

import hmac
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from itertools import pairwise

from fhirexport_server.cache.entry import Description, Variant
from fhirexport_server.domain.revision import Token
from fhirexport_server.domain.segments import Chunk, Totals

LAYOUT = b"1"
"""The version of the fields below and their encoding. Another layout is a miss."""

FIELDS = (
    "layout",
    "etag",
    "revision",
    "read",  # when the database was read: microseconds since 1970
    "validated",  # Redis's own time, in milliseconds, at which this was known to be current; 0 for never
    "generation",  # where the frames are; empty when they are in `payload`
    "chunks",  # one record of _CHUNK for each frame
    "resources",
    "size",
    "sha256",
    "key_id",  # which key the frames are encrypted with; empty for none
)
"""The field `sum` covers these, in this order."""
PAYLOAD = "payload"
SUM = "sum"

_CHUNK = struct.Struct(">IIQ16s")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = datetime.resolution


class CorruptError(Exception):
    """What Redis holds is not what was written."""


@dataclass(frozen=True)
class Piece:
    """A chunk without its frame, as the head lists it."""

    length: int
    size: int
    resource_count: int
    digest: bytes

    @classmethod
    def of(cls, chunk: Chunk) -> "Piece":
        """Return the piece for a chunk."""
        return cls(len(chunk.frame), chunk.size, chunk.resource_count, _digest(chunk.frame))

    def chunk(self, frame: bytes) -> Chunk:
        """Return the chunk, given its frame.

        Raises:
            CorruptError: The frame is not that of this chunk.
        """
        if len(frame) != self.length or not hmac.compare_digest(_digest(frame), self.digest):
            raise CorruptError
        return Chunk(frame, self.size, self.resource_count)


@dataclass(frozen=True)
class Head:
    """A head that was read back and verified."""

    description: Description
    validated_ms: int
    generation: str
    pieces: tuple[Piece, ...]

    def split(self, payload: bytes) -> Iterator[Chunk]:
        """Yield the chunks of a payload.

        Raises:
            CorruptError: The payload is not that of this head.
        """
        ends = [0]
        for piece in self.pieces:
            ends.append(ends[-1] + piece.length)
        if ends[-1] != len(payload):
            raise CorruptError
        for piece, (start, end) in zip(self.pieces, pairwise(ends), strict=True):
            yield piece.chunk(payload[start:end])


def write(
    description: Description, pieces: Sequence[Piece], *, generation: str, validated_ms: int
) -> dict[str, bytes]:
    """Return the fields of a head, without the payload."""
    values = {
        "layout": LAYOUT,
        "etag": description.etag.encode(),
        "revision": description.revision.encode(),
        "read": b"%d" % ((description.read_time - _EPOCH) // _MICROSECOND),
        "validated": b"%d" % validated_ms,
        "generation": generation.encode(),
        "chunks": b"".join(_CHUNK.pack(p.length, p.size, p.resource_count, p.digest) for p in pieces),
        "resources": b"%d" % description.totals.resource_count,
        "size": b"%d" % description.totals.size_bytes,
        "sha256": description.totals.sha256.encode(),
        "key_id": b"",
    }
    return values | {SUM: _sum(values)}


def read(values: Mapping[str, bytes | None], variant: Variant) -> Head:
    """Decode and verify the head of a variant.

    Raises:
        CorruptError: The fields are not what was written, or are those of another variant.
    """
    fields = {name: value for name in FIELDS if (value := values.get(name)) is not None}
    digest = values.get(SUM)
    if len(fields) != len(FIELDS) or digest is None or not hmac.compare_digest(_sum(fields), digest):
        raise CorruptError
    try:
        token = Token.decode(fields["revision"].decode())
        description = Description(
            etag=fields["etag"].decode(),
            revision=fields["revision"].decode(),
            read_time=_EPOCH + int(fields["read"]) * _MICROSECOND,
            totals=Totals(int(fields["resources"]), int(fields["size"]), fields["sha256"].decode()),
        )
        pieces = tuple(Piece(*record) for record in _CHUNK.iter_unpack(fields["chunks"]))
        head = Head(description, int(fields["validated"]), fields["generation"].decode(), pieces)
    except (ValueError, OverflowError, struct.error):
        raise CorruptError from None
    if (token.ej_id, token.dataset) != (variant.ej_id, variant.dataset) or fields["key_id"]:
        raise CorruptError
    return head


def _digest(frame: bytes) -> bytes:
    return blake2b(frame, digest_size=16).digest()


def _sum(values: Mapping[str, bytes]) -> bytes:
    """Return a digest of all fields, which changes if any of them is changed or exchanged."""
    total = blake2b(digest_size=16)
    for name in FIELDS:
        total.update(b"%d:" % len(values[name]))
        total.update(values[name])
    return total.digest()

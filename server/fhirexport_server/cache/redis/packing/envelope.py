"""How the description of a rendering is stored in Redis: the fields of its head, and their checksums."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final

from fhirexport_server.cache.entry import Description, Variant
from fhirexport_server.cache.redis.packing import packed_manifest
from fhirexport_server.cache.redis.packing.corruption import CorruptError
from fhirexport_server.domain.revision import Token
from fhirexport_server.domain.segments import Totals

LAYOUT: Final = b"2"
"""The version of the fields below and their encoding. Another layout is a miss."""

FIELDS: Final = (
    "layout",
    "etag",
    "revision",
    "read",  # when the database was read: microseconds since 1970
    "validated",  # Redis's own time, in milliseconds, at which this was known to be current; 0 for never
    "resources",
    "size",
    "sha256",
    "manifest_sum",  # the checksum of `manifest`
)
"""The field `sum` covers these, in this order."""
MANIFEST: Final = "manifest"
SUM: Final = "sum"
ALL: Final = (*FIELDS, SUM, MANIFEST)
"""The manifest is the last, so that all others can be read without it."""

LARGEST_FIELD: Final = packed_manifest.LARGEST_BYTES
"""How large a field may be, in bytes, to be read at all."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = datetime.resolution


@dataclass(frozen=True)
class Head:
    """A head that was read back and verified."""

    description: Description
    validated_ms: int


def write(description: Description, *, validated_ms: int) -> dict[str, bytes]:
    """Return the fields of a head.

    Raises:
        TooManySegmentsError: The manifest is too large.
    """
    manifest = packed_manifest.pack(description.manifest, description.base)
    values = {
        "layout": LAYOUT,
        "etag": description.etag.encode(),
        "revision": description.revision.encode(),
        "read": b"%d" % ((description.read_time - _EPOCH) // _MICROSECOND),
        "validated": b"%d" % validated_ms,
        "resources": b"%d" % description.totals.resource_count,
        "size": b"%d" % description.totals.size_bytes,
        "sha256": description.totals.sha256.encode(),
        "manifest_sum": _digest(manifest),
    }
    return values | {SUM: _sum(values), MANIFEST: manifest}


def read(values: Mapping[str, bytes | None], variant: Variant, known: Description | None = None) -> Head:
    """Decode and verify the head of a variant.

    Args:
        values: The fields. Without the manifest, where `known` has the same etag.
        variant: The variant.
        known: A description to take the manifest from.

    Raises:
        CorruptError: The fields are not what was written, or are those of another variant.
    """
    fields = {name: value for name in FIELDS if (value := values.get(name)) is not None}
    digest, packed = values.get(SUM), values.get(MANIFEST)
    if len(fields) != len(FIELDS) or digest is None or not hmac.compare_digest(_sum(fields), digest):
        raise CorruptError
    if packed is not None:
        if not hmac.compare_digest(_digest(packed), fields["manifest_sum"]):
            raise CorruptError
        manifest, base = packed_manifest.unpack(packed)
    elif known is not None and known.etag.encode() == fields["etag"]:
        manifest, base = known.manifest, known.base
    else:
        raise CorruptError
    try:
        token = Token.decode(fields["revision"].decode())
        description = Description(
            etag=fields["etag"].decode(),
            revision=fields["revision"].decode(),
            read_time=_EPOCH + int(fields["read"]) * _MICROSECOND,
            totals=Totals(int(fields["resources"]), int(fields["size"]), fields["sha256"].decode()),
            manifest=manifest,
            base=base,
        )
        head = Head(description, int(fields["validated"]))
    except (ValueError, OverflowError):
        raise CorruptError from None
    if (token.ej_id, token.dataset) != (variant.ej_id, variant.dataset):
        raise CorruptError
    sizes = sum(one.resource_count for one in manifest.segments), sum(one.size for one in manifest.segments)
    if sizes != (description.totals.resource_count, description.totals.size_bytes):
        raise CorruptError
    return head


def _digest(value: bytes) -> bytes:
    return blake2b(value, digest_size=16).digest()


def _sum(values: Mapping[str, bytes]) -> bytes:
    """Return a digest of all fields, which changes if any of them is changed or exchanged."""
    total = blake2b(digest_size=16)
    for name in FIELDS:
        total.update(b"%d:" % len(values[name]))
        total.update(values[name])
    return total.digest()

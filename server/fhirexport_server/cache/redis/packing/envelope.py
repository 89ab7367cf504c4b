"""How the description of a rendering is stored in Redis: the fields of its head, and their checksums.

The manifest, the digest of the text and the checksum of all fields are sealed. The other fields are what
scripts in Redis compare, and tell nothing of patients; sealed as their checksum is, nobody changes them.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final

from fhirexport_server.cache import keys
from fhirexport_server.cache.entry import Description, Variant
from fhirexport_server.cache.redis.packing import packed_manifest
from fhirexport_server.cache.redis.packing.corruption import CorruptError
from fhirexport_server.cache.redis.packing.sealing import Sealing
from fhirexport_server.domain.revision import Token
from fhirexport_server.domain.segments import Totals
from fhirexport_server.sealing.key_ring import MOST_ADDED

FIELDS: Final = (
    "layout",
    "etag",
    "revision",
    "read",  # when the database was read: microseconds since 1970
    "validated",  # Redis's own time, in milliseconds, at which this was known to be current; 0 for never
    "resources",
    "size",
    "sha256",
    "manifest_sum",  # the checksum of `manifest`, as it lies there
)
"""The field `sum` covers these, in this order."""
MANIFEST: Final = "manifest"
SUM: Final = "sum"
ALL: Final = (*FIELDS, SUM, MANIFEST)
"""The manifest is the last, so that all others can be read without it."""

LARGEST_FIELD: Final = packed_manifest.LARGEST_BYTES + MOST_ADDED
"""How large a field may be, in bytes, to be read at all."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = datetime.resolution


@dataclass(frozen=True)
class Head:
    """A head that was read back and verified."""

    description: Description
    validated_ms: int


def write(
    description: Description, variant: Variant, sealing: Sealing, *, validated_ms: int
) -> dict[str, bytes]:
    """Return the fields of the head of a variant.

    Raises:
        TooManySegmentsError: The manifest is too large.
    """
    head, etag, revision = keys.head(variant), description.etag.encode(), description.revision.encode()
    packed = packed_manifest.pack(description.manifest, description.base)
    manifest = sealing.seal(_place("manifest", head, etag, revision), packed)
    values = {
        "layout": sealing.layout,
        "etag": etag,
        "revision": revision,
        "read": b"%d" % ((description.read_time - _EPOCH) // _MICROSECOND),
        "validated": b"%d" % validated_ms,
        "resources": b"%d" % description.totals.resource_count,
        "size": b"%d" % description.totals.size_bytes,
        "sha256": sealing.seal(_place("sha256", head, etag, revision), description.totals.sha256.encode()),
        "manifest_sum": _digest(manifest),
    }
    return values | {SUM: sealing.seal(_place("sum", head), _sum(values)), MANIFEST: manifest}


def read(
    values: Mapping[str, bytes | None],
    variant: Variant,
    sealing: Sealing,
    known: Description | None = None,
) -> Head:
    """Decode and verify the head of a variant.

    Args:
        values: The fields. Without the manifest, where `known` has the same etag.
        variant: The variant.
        sealing: What the fields are sealed with.
        known: A description to take the manifest from.

    Raises:
        KeyMissingError: They are sealed with a key that is not there.
        CorruptError: The fields are not what was written, or are those of another variant.
    """
    fields = {name: value for name in FIELDS if (value := values.get(name)) is not None}
    digest, packed = values.get(SUM), values.get(MANIFEST)
    if len(fields) != len(FIELDS) or digest is None:
        raise CorruptError
    head = keys.head(variant)
    if not hmac.compare_digest(_sum(fields), sealing.unseal(_place("sum", head), digest)):
        raise CorruptError
    etag, revision = fields["etag"], fields["revision"]
    if packed is not None:
        if not hmac.compare_digest(_digest(packed), fields["manifest_sum"]):
            raise CorruptError
        clear = sealing.unseal(_place("manifest", head, etag, revision), packed)
        manifest, base = packed_manifest.unpack(clear)
    elif known is not None and known.etag.encode() == etag:
        manifest, base = known.manifest, known.base
    else:
        raise CorruptError
    sha256 = sealing.unseal(_place("sha256", head, etag, revision), fields["sha256"])
    try:
        token = Token.decode(revision.decode())
        description = Description(
            etag=etag.decode(),
            revision=revision.decode(),
            read_time=_EPOCH + int(fields["read"]) * _MICROSECOND,
            totals=Totals(int(fields["resources"]), int(fields["size"]), sha256.decode()),
            manifest=manifest,
            base=base,
        )
        found = Head(description, int(fields["validated"]))
    except (ValueError, OverflowError):
        raise CorruptError from None
    if (token.ej_id, token.dataset) != (variant.ej_id, variant.dataset):
        raise CorruptError
    sizes = sum(one.resource_count for one in manifest.segments), sum(one.size for one in manifest.segments)
    if sizes != (description.totals.resource_count, description.totals.size_bytes):
        raise CorruptError
    return found


def manifest_digests(values: tuple[bytes, bytes, bytes], head: str, sealing: Sealing) -> list[bytes]:
    """Return the digests of the segments of a head; `values` are its manifest, etag and revision.

    It verifies nothing else: whoever asks is about to delete them.

    Raises:
        CorruptError: There is no manifest that can be read.
    """
    manifest, etag, revision = values
    return packed_manifest.digests(sealing.unseal(_place("manifest", head, etag, revision), manifest))


def _place(kind: str, head: str, *parts: bytes) -> tuple[bytes, ...]:
    return (kind.encode(), head.encode(), *parts)


def _digest(value: bytes) -> bytes:
    return blake2b(value, digest_size=16).digest()


def _sum(values: Mapping[str, bytes]) -> bytes:
    """Return a digest of all fields, which changes if any of them is changed or exchanged."""
    total = blake2b(digest_size=16)
    for name in FIELDS:
        total.update(b"%d:" % len(values[name]))
        total.update(values[name])
    return total.digest()

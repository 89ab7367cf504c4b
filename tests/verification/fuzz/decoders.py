"""What reads Redis: anything may lie there. It is what was written, or a miss."""

from dataclasses import replace
from random import Random

from fhirexport_server.cache.redis.packing import envelope, packed_manifest, packed_segment
from fhirexport_server.cache.redis.packing.corruption import CorruptError
from fhirexport_server.cache.redis.packing.sealing import Clear, Sealed
from fhirexport_server.domain.segments import Segment
from fhirexport_server.sealing.key_ring import KeyRing, SealingKey, UnsealError
from fhirexport_server.sealing.keys_file import KeysFileError, read_keys_file
from support.renderings import rendering, variant
from verification.siege.messages import mutated

_RING = KeyRing([SealingKey("a", b"1" * 32), SealingKey("b", b"2" * 32)], b"n" * 32)
_SEALED = Sealed(lambda: _RING, lambda: None)
_WHOLE = rendering(segments=3, chunks=2)
_PACKED = packed_manifest.pack(_WHOLE.description.manifest, _WHOLE.description.base)
_HEADS = {
    sealing: envelope.write(_WHOLE.description, variant(), sealing, validated_ms=7)
    for sealing in (Clear(), _SEALED)
}
_PLACE = (b"segment", b"fhir:export:venues:ej:1")
_KEYS = b'naming = "%b"\n[[keys]]\nname = "a"\naes256 = "%b"\n' % (b"01" * 32, b"23" * 32)


def heads(random: Random) -> str:
    """Read a head of which a field or two are changed, with the checksum of whoever can make one or not."""
    sealing = random.choice(list(_HEADS))
    fields: dict[str, bytes | None] = dict(_HEADS[sealing])
    for name in random.choices(list(fields), k=random.randint(1, 2)):
        before = fields[name] or b"x"
        fields[name] = random.choice(
            (mutated(before, random), random.randbytes(9), b"", None, b"-1", b"9" * 99)
        )
    forges = random.random() < 2 / 3
    if forges and all(fields.get(name) is not None for name in envelope.FIELDS):
        _forge(fields)
    try:
        head = envelope.read(fields, variant(), sealing, random.choice((None, _WHOLE.description)))
    except CorruptError:
        return "corrupt"
    if fields == _HEADS[sealing]:
        return "unchanged"
    if sealing is _SEALED and head.description != _WHOLE.description:
        raise AssertionError("what was not sealed was read")
    return "read"


def _forge(fields: dict[str, bytes | None]) -> None:
    """Make the checksums that whoever writes into Redis can make."""
    fields["manifest_sum"] = envelope._digest(fields[envelope.MANIFEST] or b"")  # noqa: SLF001 - it forges
    fields[envelope.SUM] = envelope._sum({name: fields[name] or b"" for name in envelope.FIELDS})  # noqa: SLF001 - it forges


def manifests(random: Random) -> str:
    """Read a manifest whose checksum is right, as of whoever can make one."""
    content = _PACKED if random.random() < 1 / 2 else _made(random)
    try:
        manifest, _ = packed_manifest.unpack(mutated(content, random))
    except CorruptError:
        return "corrupt"
    return "read" if manifest.segments else "empty"


def _made(random: Random) -> bytes:
    """Return the manifest of segments at random; half of the bytes of most are a frame."""
    ids, sizes = (0, 128, 2**16 - 1), (0, 2**40)
    segments = tuple(
        Segment(one.block, random.choice(ids), 1, random.choice(sizes), random.randbytes(32))
        for one in _WHOLE.description.manifest.segments
    )
    manifest = replace(_WHOLE.description.manifest, segments=segments)
    return packed_manifest.pack(manifest, random.choice((None, _WHOLE.description.base)))


def segments(random: Random) -> str:
    """Read a segment with the checksum of whoever can make one, that is sealed, or neither."""
    chunks = tuple(chunk for chunk in _WHOLE.chunks if chunk.size)[:2]
    segment = chunks[-1].segment
    assert segment is not None
    packed = packed_segment.pack(segment, chunks)
    match random.randrange(3):
        case 0:
            given = mutated(packed, random)
        case 1:
            content = mutated(packed[16:], random)
            given = packed_segment._sum(segment, content) + content  # noqa: SLF001 - it forges a checksum
        case _:
            return _sealed(packed, random)
    try:
        found = packed_segment.unpack(segment, given)
    except CorruptError:
        return "corrupt"
    if sum(chunk.size for chunk in found) != segment.size:
        raise AssertionError("a segment of another size was read")
    return "read" if found == chunks else "forged"


def _sealed(packed: bytes, random: Random) -> str:
    sealed = _RING.seal(_PLACE, packed)
    given = mutated(sealed, random) if random.random() < 5 / 6 else b"\x01" + random.randbytes(99)
    try:
        found = _RING.unseal(_PLACE, given)
    except UnsealError:
        return "not unsealed"
    if given != sealed or found != packed:
        raise AssertionError("what was not sealed was unsealed")
    return "unchanged"


def keys_files(random: Random) -> str:
    """Read a file of keys in which something is changed."""
    try:
        read_keys_file(mutated(_KEYS, random))
    except KeysFileError as error:
        if "2323" in str(error) or "0101" in str(error):
            raise AssertionError("a secret was quoted") from None
        return "refused"
    return "read"

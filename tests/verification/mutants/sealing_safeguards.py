"""The safeguards of what is sealed: in Redis, and in temporary files."""

from verification.mutants.mutant import Mutant

SEALING = "fhirexport_server/sealing/"
PACKING = "fhirexport_server/cache/redis/packing/"
RING = "tests/sealing/test_key_ring.py"
SEALED = "tests/cache/test_sealed_cache.py"
FILES = "tests/sealing/test_temporary_files.py"

OF_SEALING = (
    Mutant(
        "a sealed value counts in every place",
        f"{SEALING}key_ring.py",
        "for part in (head, *place))",
        "for part in (head,))",
        RING,
    ),
    Mutant(
        "the parts of a place run into one another",
        f"{SEALING}key_ring.py",
        "_LENGTH.pack(len(part)) + part for part",
        "part for part",
        RING,
    ),
    Mutant(
        "every value has the same nonce",
        f"{SEALING}key_ring.py",
        "os.urandom(_NONCE_BYTES)",
        "bytes(_NONCE_BYTES)",
        RING,
    ),
    Mutant(
        "the manifest lies there in the clear",
        f"{PACKING}envelope.py",
        'manifest = sealing.seal(_place("manifest", head, etag, revision), packed)',
        "manifest = packed",
        SEALED,
    ),
    Mutant(
        "segments are named by their digests, sealed or not",
        f"{PACKING}sealing.py",
        "return self._keys().hidden((head.encode(),), digest)",
        "return digest",
        SEALED,
    ),
    Mutant(
        "a clear value is taken for a sealed one",
        f"{PACKING}sealing.py",
        "        except UnsealError:\n            raise CorruptError from None",
        "        except UnsealError:\n            return sealed",
        SEALED,
    ),
    Mutant(
        "the spool of an export is clear",
        "fhirexport_server/exports/spool.py",
        "sealed = self._key.seal(offset, frame)",
        "sealed = frame",
        FILES,
    ),
    Mutant(
        "a file of keys may be open to others",
        f"{SEALING}keys_file.py",
        "private=True",
        "private=False",
        "tests/sealing/test_keys_file.py",
    ),
)

"""What values in Redis look like from outside: sealed with the keys of CACHE_KEYS_FILE, or as they are.

Everything that may tell something of patients is sealed for its place: the key that it lies under, which has
the dataset, the EJ and the format, and the digest or the etag and revision that it is for. So nobody who can
write to Redis can put one value in the place of another.
"""

from collections.abc import Callable
from typing import Final, Protocol

from fhirexport_server.cache.redis.packing.corruption import CorruptError, KeyMissingError
from fhirexport_server.sealing.key_ring import MOST_ADDED, KeyRing, UnknownKeyError, UnsealError

_LAYOUT: Final = b"2"


class Sealing(Protocol):
    """Seals and unseals values."""

    layout: bytes
    """The version of what lies in Redis. Another layout is a miss."""
    is_sealed: bool
    """Whether nobody without a key can read the values."""
    most_added: int
    """How many bytes a sealed value is longer than the clear one, at most."""

    def seal(self, place: tuple[bytes, ...], clear: bytes) -> bytes:
        """Return a value for a place."""

    def unseal(self, place: tuple[bytes, ...], sealed: bytes) -> bytes:
        """Return what was sealed for a place.

        Raises:
            KeyMissingError: It is sealed with a key that is not there.
            CorruptError: It is not what was sealed for this place.
        """

    def name(self, head: str, digest: bytes) -> bytes:
        """Return 32 bytes to name a segment of a rendering by, from its digest."""


class Clear:
    """Leaves values as they are: packing adds checksums, which damage does not pass."""

    layout: bytes = _LAYOUT
    is_sealed: bool = False
    most_added: int = 0

    def seal(self, place: tuple[bytes, ...], clear: bytes) -> bytes:
        """Return the value."""
        del place
        return clear

    def unseal(self, place: tuple[bytes, ...], sealed: bytes) -> bytes:
        """Return the value."""
        del place
        return sealed

    def name(self, head: str, digest: bytes) -> bytes:
        """Return the digest."""
        del head
        return digest


class Sealed:
    """Seals values with the first key there is, and unseals them with any."""

    layout: bytes = _LAYOUT + b"-aes256gcm"
    is_sealed: bool = True
    most_added: int = MOST_ADDED

    def __init__(self, keys: Callable[[], KeyRing], counted: Callable[[], None]) -> None:
        """Make it.

        Args:
            keys: Returns the keys that count now.
            counted: Is told of each value that is sealed; threads call it.
        """
        self._keys = keys
        self._counted = counted

    def seal(self, place: tuple[bytes, ...], clear: bytes) -> bytes:
        """Return the value, sealed."""
        self._counted()
        return self._keys().seal(place, clear)

    def unseal(self, place: tuple[bytes, ...], sealed: bytes) -> bytes:
        """Return the value; raise as `Sealing` does."""
        try:
            return self._keys().unseal(place, sealed)
        except UnknownKeyError:
            raise KeyMissingError from None
        except UnsealError:
            raise CorruptError from None

    def name(self, head: str, digest: bytes) -> bytes:
        """Return a name that does not tell the digest, by which a guess of a patient could be confirmed."""
        return self._keys().hidden((head.encode(),), digest)

"""Seals bytes with AES-256-GCM: nobody without the key can read them, change them, or put them elsewhere.

A sealed value is one byte of version, one of the length of the key's name, that name, a nonce of 96 random
bits, then the text and its tag. The name is part of what is authenticated, and so is the place.

One key seals at most 2**32 values: above, two nonces may be alike, and GCM then protects neither of the two
(NIST SP 800-38D, 8.3). At a hundred values a second that is more than a year.
"""

import hmac
import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES: Final = 32
MOST_VALUES: Final = 2**32
"""How many values one key may seal."""
MOST_ADDED: Final = 128
"""How many bytes a sealed value is longer than the clear one, at most."""
LONGEST_NAME: Final = 64

_VERSION: Final = b"\x01"
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_LENGTH: Final = struct.Struct(">I")


class UnsealError(Exception):
    """What was read is not what was sealed for this place."""


class UnknownKeyError(UnsealError):
    """It was sealed with a key that is not there."""


@dataclass(frozen=True)
class SealingKey:
    """A key with the name that sealed values have of it."""

    name: str
    """1 to LONGEST_NAME characters, in ASCII."""
    secret: bytes = field(repr=False)
    """KEY_BYTES bytes."""


class KeyRing:
    """Keys, of which the first seals and all unseal. Safe to use from threads."""

    def __init__(self, keys: Iterable[SealingKey], naming: bytes) -> None:
        """Make it.

        Args:
            keys: The keys, at least one, each with a name of its own.
            naming: The secret that `hidden` uses; it stays when keys are replaced.
        """
        ciphers = {key.name.encode("ascii"): AESGCM(key.secret) for key in keys}
        self._head, self._cipher = next((_head(name), cipher) for name, cipher in ciphers.items())
        self._ciphers = ciphers
        self._naming = naming

    def seal(self, place: Iterable[bytes], clear: bytes) -> bytes:
        """Return the clear text, sealed with the first key for a place."""
        nonce = os.urandom(_NONCE_BYTES)
        return self._head + nonce + self._cipher.encrypt(nonce, clear, _bound(self._head, place))

    def unseal(self, place: Iterable[bytes], sealed: bytes) -> bytes:
        """Return the clear text of what was sealed for a place.

        Raises:
            UnknownKeyError: Its key is not here.
            UnsealError: It was not sealed, was changed, or was sealed for another place.
        """
        if sealed[:1] != _VERSION or len(sealed) < len(_VERSION) + 1:
            raise UnsealError
        start = len(_VERSION) + 1 + sealed[1]
        head, nonce, text = (
            sealed[:start],
            sealed[start : start + _NONCE_BYTES],
            sealed[start + _NONCE_BYTES :],
        )
        if len(text) < _TAG_BYTES:
            raise UnsealError
        cipher = self._ciphers.get(head[len(_VERSION) + 1 :])
        if cipher is None:
            raise UnknownKeyError
        try:
            return cipher.decrypt(nonce, text, _bound(head, place))
        except InvalidTag:
            raise UnsealError from None

    def hidden(self, place: Iterable[bytes], digest: bytes) -> bytes:
        """Return 32 bytes to find something by, from which nobody without the secret learns its digest."""
        return hmac.digest(self._naming, _bound(digest, place), "sha256")


def _head(name: bytes) -> bytes:
    return _VERSION + bytes([len(name)]) + name


def _bound(head: bytes, place: Iterable[bytes]) -> bytes:
    """Return one text for a place, which no other place has: every part after its length."""
    return b"".join(_LENGTH.pack(len(part)) + part for part in (head, *place))

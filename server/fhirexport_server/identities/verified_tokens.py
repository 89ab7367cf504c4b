"""The JWTs that were verified, so that a caller's signature is checked once and not for each of its calls."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from fhirexport_server.domain.identity import Identity
from fhirexport_server.identities.key_set import KeySet

CAPACITY: Final = 1024
"""How many tokens are remembered: at most some 10 MB, where each is as long as one may be."""


@dataclass(frozen=True)
class _Verified:
    identity: Identity
    begins: float
    ends: float


class VerifiedTokens:
    """The tokens that one set of keys has verified, those used last, by their hashes.

    Another set of keys has verified none: who sees it forgets all that the former one did. Only good tokens
    are remembered, and what a caller may do is not: the policy decides that for each call.
    """

    def __init__(self, leeway: float, capacity: int = CAPACITY) -> None:
        """Remember nothing yet.

        Args:
            leeway: How far the clocks of an issuer and of this server may be apart, in seconds.
            capacity: How many tokens to remember.
        """
        self._leeway = leeway
        self._capacity = capacity
        self._keys: KeySet | None = None
        self._tokens: dict[bytes, _Verified] = {}  # what was used last is last

    def __len__(self) -> int:
        return len(self._tokens)

    def find(self, token: str, keys: KeySet, now: float) -> Identity | None:
        """Return whom a token identifies; None where it has to be verified.

        Args:
            token: The token, in ASCII.
            keys: The issuer's keys at this moment.
            now: The time, in seconds since 1970.
        """
        if keys is not self._keys:
            self._keys = keys
            self._tokens.clear()
            return None
        digest = _digest(token)
        verified = self._tokens.pop(digest, None)
        # As a clock may be set back, it may also be too early again.
        if verified is None or not verified.begins <= now < verified.ends:
            return None
        self._tokens[digest] = verified
        return verified.identity

    def add(self, token: str, keys: KeySet, claims: Mapping[str, Any], identity: Identity) -> None:
        """Remember a token.

        Args:
            token: The token, in ASCII.
            keys: The keys that have verified it.
            claims: What it claims, as it was verified.
            identity: Whom it identifies.
        """
        if keys is not self._keys:
            return
        # As integers, which is how they were checked: one of JSON may be larger than any float.
        begins = max((int(claims[name]) for name in ("iat", "nbf") if name in claims), default=0)
        ends = int(claims["exp"])
        self._tokens[_digest(token)] = _Verified(identity, begins - self._leeway, ends + self._leeway)
        if len(self._tokens) > self._capacity:
            del self._tokens[next(iter(self._tokens))]


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("ascii")).digest()

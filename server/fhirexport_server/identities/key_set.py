"""The public keys of an issuer of JWTs, from a JWKS document (RFC 7517)."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.exceptions import PyJWTError

PublicKey: TypeAlias = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey | Ed448PublicKey
ALGORITHMS: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
)
"""What signatures may be made by. None of them has a secret that this server would have to keep."""
LARGEST_DOCUMENT: Final = 256 * 1024
"""In bytes."""
_MOST_KEYS: Final = 100
_SHORTEST_RSA: Final = 2048
_LONGEST_RSA: Final = 8192
"""In bits: the time that a signature takes to check grows with them."""
_RSA: Final = frozenset(name for name in ALGORITHMS if name[:2] in {"RS", "PS"})
_CURVES: Final = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
_READERS: Final[Mapping[str, Callable[[dict[str, Any]], Any]]] = {
    "RSA": RSAAlgorithm.from_jwk,
    "EC": ECAlgorithm.from_jwk,
    "OKP": OKPAlgorithm.from_jwk,
}
_SECRETS: Final = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")


class KeySetError(ValueError):
    """A document is no set of keys that can be used. The message quotes nothing of it."""


@dataclass(frozen=True)
class SigningKey:
    """One key of an issuer."""

    public: PublicKey
    algorithms: frozenset[str]
    """Which of ALGORITHMS it may be used with."""


@dataclass(frozen=True)
class KeySet:
    """The keys of an issuer, by their ids. One key alone may have none."""

    keys: Mapping[str | None, SigningKey]

    def find(self, key_id: str | None) -> SigningKey | None:
        """Return the key with an id; without an id, the only key there is."""
        if key_id is None and len(self.keys) == 1:
            return next(iter(self.keys.values()))
        return None if key_id is None else self.keys.get(key_id)


def read_key_set(content: bytes) -> KeySet:
    """Return the keys that a document has for signatures. Keys of other kinds are passed over.

    Raises:
        KeySetError: It has none, or what no such document should have.
    """
    if len(content) > LARGEST_DOCUMENT:
        raise KeySetError(f"is larger than {LARGEST_DOCUMENT} bytes")
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise KeySetError("is no JSON") from error
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list) or len(listed) > _MOST_KEYS:
        raise KeySetError(f"has no list of at most {_MOST_KEYS} keys (RFC 7517, section 5)")
    keys: dict[str | None, SigningKey] = {}
    for one in listed:
        key_id, key = _checked(one)
        if key is None:
            continue
        if key_id in keys:
            raise KeySetError("has two keys with one id (kid)")
        keys[key_id] = key
    if not keys:
        raise KeySetError("has no key for signatures: RSA of 2048 to 8192 bits, P-256, P-384, P-521, Ed25519")
    if None in keys and len(keys) > 1:
        raise KeySetError("has several keys, and one without an id (kid)")
    return KeySet(keys)


def _checked(one: object) -> tuple[str | None, SigningKey | None]:
    """Return the id of an entry of the list, and its key if it is one for signatures."""
    if not isinstance(one, dict):
        raise KeySetError("has something in its list that is no key")
    if any(name in one for name in _SECRETS) or one.get("kty") == "oct":
        raise KeySetError("holds a private or secret key: publish the public ones alone")
    key_id = one.get("kid")
    if key_id is not None and not isinstance(key_id, str):
        raise KeySetError("has a key whose id (kid) is no text")
    return key_id, _signing_key(one)


def _signing_key(one: Mapping[str, Any]) -> SigningKey | None:
    """Return a key, None where it is not for signatures or of an unknown kind."""
    operations = one.get("key_ops")
    if one.get("use", "sig") != "sig" or (isinstance(operations, list) and "verify" not in operations):
        return None
    kind = one.get("kty")
    if not isinstance(kind, str) or kind not in _READERS:
        return None
    try:
        public = _READERS[kind](dict(one))
    except (PyJWTError, ValueError, TypeError, KeyError, AttributeError, UnsupportedAlgorithm):
        return None
    found = _algorithms(public)
    if "alg" in one:
        found &= {one["alg"]} if isinstance(one["alg"], str) else set()
    return SigningKey(public, found) if found else None


def _algorithms(public: object) -> frozenset[str]:
    if isinstance(public, RSAPublicKey) and _SHORTEST_RSA <= public.key_size <= _LONGEST_RSA:
        return _RSA
    if isinstance(public, EllipticCurvePublicKey) and public.curve.name in _CURVES:
        return frozenset({_CURVES[public.curve.name]})
    if isinstance(public, Ed25519PublicKey | Ed448PublicKey):
        return frozenset({"EdDSA"})
    return frozenset()

"""An issuer of JWTs, whose keys protect nothing, and what it may do wrong."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Generic, TypeVar

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fhirexport_server.identities.authenticator import Authenticator
from fhirexport_server.identities.key_set import read_key_set
from fhirexport_server.identities.static_tokens import StaticTokens
from fhirexport_server.identities.web_tokens import TokenRules
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

ISSUER = "https://issuer.test"
AUDIENCE = "https://export.test"
T = TypeVar("T")
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def new_key(kind: str = "P-256") -> PrivateKey:
    """Return a key: of a curve, or of RSA by its length."""
    if kind == "Ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if kind.isdecimal():
        return rsa.generate_private_key(public_exponent=65_537, key_size=int(kind))
    curves: Mapping[str, ec.EllipticCurve] = {
        "P-256": ec.SECP256R1(),
        "P-384": ec.SECP384R1(),
        "P-521": ec.SECP521R1(),
        "secp256k1": ec.SECP256K1(),
    }
    return ec.generate_private_key(curves[kind])


def jwk(key: PrivateKey, **members: object) -> dict[str, Any]:
    """Return the public half of a key as a JWK, with further members."""
    public = key.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        written = RSAAlgorithm.to_jwk(public, as_dict=True)
    elif isinstance(public, ec.EllipticCurvePublicKey):
        written = ECAlgorithm.to_jwk(public, as_dict=True)
    else:
        written = OKPAlgorithm.to_jwk(public, as_dict=True)
    return {name: value for name, value in written.items() if name != "key_ops"} | members


def key_set(keys: Mapping[str, PrivateKey]) -> bytes:
    """Return a JWKS of keys by their ids."""
    return json.dumps({"keys": [jwk(key, kid=name, use="sig") for name, key in keys.items()]}).encode()


def claims(**changed: object) -> dict[str, Any]:
    """Return good claims, with others in place of some; None leaves one out, a timedelta counts from now."""
    now = int(time.time())
    good = {"iss": ISSUER, "aud": AUDIENCE, "sub": "laboratory", "iat": now, "exp": now + 120}
    return {
        name: now + int(value.total_seconds()) if isinstance(value, timedelta) else value
        for name, value in (good | changed).items()
        if value is not None
    }


class Issuer:
    """An issuer with a key or two, and a file that publishes them."""

    def __init__(self, directory: Path, kind: str = "P-256") -> None:
        self.file = directory / "jwks.json"
        self.keys: dict[str, PrivateKey] = {"first": new_key(kind)}
        self.algorithm = "ES256" if kind == "P-256" else "RS256"
        self.publish()

    def publish(self) -> None:
        """Write the public keys, in one step."""
        new = self.file.with_suffix(".new")
        new.write_bytes(key_set(self.keys))
        new.replace(self.file)

    def settings(self, **more: object) -> dict[str, object]:
        """Return the settings of a server that trusts it."""
        return {"jwt_issuer": ISSUER, "jwt_audience": AUDIENCE, "jwt_jwks": str(self.file)} | more

    def token(
        self, *, key: str = "first", header: Mapping[str, object] | None = None, **changed: object
    ) -> str:
        """Return a token: a good one, unless claims or the header are changed."""
        private = self.keys.get(key) or new_key()
        return jwt.encode(
            claims(**changed), private, algorithm=self.algorithm, headers={"kid": key, **(header or {})}
        )

    def confused(self) -> str:
        """Return a token signed by HS256, with the PEM of the public key as the secret that it is not."""
        public = self.keys["first"].public_key()
        pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        signed = unsigned(claims(), alg="HS256", kid="first")
        return f"{signed}.{_base64(hmac.digest(pem, signed.encode(), hashlib.sha256))}"

    def unsigned(self) -> str:
        """Return a token that says that nobody has signed it."""
        return f"{unsigned(claims(), alg='none', kid='first')}."

    def tampered(self) -> str:
        """Return a token whose claims were changed after it was signed."""
        header, _, signature = self.token().split(".")
        return f"{header}.{_base64(json.dumps(claims(sub='administrator')).encode())}.{signature}"


class _Kept(Generic[T]):
    """A source that has one content for ever."""

    def __init__(self, current: T) -> None:
        self.current = current

    async def refreshed(self) -> None:
        """Has nothing else."""


def single_use_authenticator(key: PrivateKey) -> Authenticator:
    """Return one that knows this key as `k`, a static token, and certificates, and takes each JWT once."""
    return Authenticator(
        certificates=True,
        rules=TokenRules(ISSUER, AUDIENCE, single_use=True),
        keys=_Kept(read_key_set(key_set({"k": key}))),
        tokens=_Kept(StaticTokens({"lab": b"x" * 32})),
    )


def unsigned(payload: Mapping[str, object], **header: object) -> str:
    """Return what is signed of a token."""
    return ".".join(_base64(json.dumps(part).encode()) for part in ({"typ": "JWT"} | header, payload))


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

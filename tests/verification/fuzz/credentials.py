"""What callers show: bearer tokens, certificates, and the files that they are looked up in."""

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from fhirexport_server.access import policy_file
from fhirexport_server.access.access_control import AccessControl
from fhirexport_server.certificates.key_pair import CertificateError, CertificateFile, checked
from fhirexport_server.certificates.throwaway import Authority
from fhirexport_server.domain.identity import Identity
from fhirexport_server.identities.certificate_names import of_certificate
from fhirexport_server.identities.credential_errors import (
    CredentialsInvalidError,
    CredentialsMissingError,
    CredentialsUncheckedError,
)
from fhirexport_server.identities.key_set import KeySetError, read_key_set
from fhirexport_server.identities.static_tokens import TokensFileError, read_static_tokens
from support.tokens import ISSUER, claims, jwk, new_key, single_use_authenticator
from verification.fuzz.changing import changed, written
from verification.siege.messages import mutated

_KEY, _OTHER = new_key(), new_key()
_REFUSALS = (CredentialsInvalidError, CredentialsMissingError, CredentialsUncheckedError)
_SCOPES = ("", "system/Patient.rs", "system/*.cruds", "cache:read", "x" * 999, "system/Patient.rs?a=b")
_POLICY = b"""
[[callers]]
name = "laboratory"
certificate = { san = "lab.example.org" }
rights = ["export:*:*"]
[[callers]]
name = "portal"
jwt = { issuer = "https://issuer.test", subject = "laboratory" }
rights = ["export:patients:ej:id:1", "cache:admin"]
"""
_ACCESS = AccessControl(policy_file.read(_POLICY, Path("policy.toml")))


_AUTHENTICATOR = single_use_authenticator(_KEY)


def tokens(random: Random) -> str:
    """Show a JWT: of anybody, changed, signed before or after that."""
    is_ours, is_right = random.random() < 2 / 3, random.random() < 1 / 4
    given = claims(jti=str(random.random()), scope=random.choice(_SCOPES))
    payload = given if is_right else changed(given, random)
    header = {"kid": random.choice(("k", "k", "l", ""))}
    if random.random() < 1 / 3:
        header = changed(header | {"crit": ["b64"], "b64": False, "jku": "https://evil.test"}, random)
    try:
        token = jwt.PyJWS().encode(written(payload), _KEY if is_ours else _OTHER, "ES256", header)
    except (TypeError, ValueError, AttributeError, jwt.PyJWTError):
        token = f"{_part(written(header))}.{_part(written(payload))}.eA"  # no library signs such a header
    content = token.encode("utf-8", "replace")
    is_mutated = random.random() < 1 / 3
    shown = (mutated(content, random) if is_mutated else content).decode("latin-1")
    try:
        found = _AUTHENTICATOR.identity([f"{random.choice(('Bearer', 'bearer', 'Basic', ''))} {shown}"], None)
    except _REFUSALS:
        return "refused"
    if found.issuer != ISSUER or not found.subject or not is_ours:
        raise AssertionError("a token is good that must not be")
    _decide(found)
    return "accepted"


def certificates(random: Random) -> str:
    """Show a certificate whose names, or bytes, are changed."""
    made = random.choice(_CERTIFICATES)
    der = mutated(made, random) if random.random() < 3 / 4 else made
    pem = _pem(der)
    given = mutated(pem, random) if random.random() < 1 / 8 else pem
    try:
        found = of_certificate(given)
    except CredentialsInvalidError:
        return "refused"
    if not found.subject or found.subject not in found.names:
        raise AssertionError("a certificate without a name is somebody's")
    return "somebody's" if _decide(found) else "accepted"


def files(random: Random) -> str:
    """Read the files that say who is who: keys, hashes of tokens, a policy, the server's certificate."""
    match random.randrange(4):
        case 0:
            keys = {"keys": [jwk(_KEY, kid="k"), jwk(_OTHER, kid="l", use="sig")]}
            content = written(changed(keys, random))
            try:
                read_key_set(mutated(content, random) if random.random() < 1 / 3 else content)
            except KeySetError:
                return "refused"
        case 1:
            try:
                read_static_tokens(mutated(b'"lab" = "sha256:%b"\n"other" = "x"' % (b"0a" * 32), random))
            except TokensFileError:
                return "refused"
        case 2:
            der = mutated(_SERVER[0], random)
            pem = _pem(der if random.random() < 7 / 8 else _SERVER[0])
            try:
                checked(
                    {CertificateFile.CERTIFICATE: pem, CertificateFile.KEY: _SERVER[1]}, datetime.now(UTC)
                )
            except CertificateError:
                return "refused"
        case _:
            try:
                policy_file.read(mutated(_POLICY, random), Path("policy.toml"))
            except policy_file.PolicyError:
                return "refused"
    return "read"


def _decide(identity: Identity) -> bool:
    """Ask the policy who somebody is; return whether it knows them."""
    return _ACCESS.name(identity) is not None


def _pem(der: bytes) -> bytes:
    return b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(der) + b"-----END CERTIFICATE-----\n"


def _part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _certificate(*names: x509.GeneralName) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    values = {NameOID.COMMON_NAME: "lab", NameOID.ORGANIZATION_NAME: "Clinique"}
    subject = x509.Name([x509.NameAttribute(oid, value) for oid, value in values.items()])
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), 1, now, now + timedelta(days=1))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def _server() -> tuple[bytes, bytes]:
    pem, key = Authority().server(["localhost"])
    return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER), key


_SERVER = _server()
_CERTIFICATES = (
    _certificate(),
    _certificate(x509.DNSName("lab.example.org"), x509.RFC822Name("lab@example.org")),
    _certificate(x509.UniformResourceIdentifier("spiffe://example.org/lab")),
)

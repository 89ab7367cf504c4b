"""Shows that nothing that a caller shows does more than be refused."""

import base64
import contextlib
import json
from datetime import UTC, datetime, timedelta

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID, NameOID
from fhirexport_server.domain.identity import Identity
from fhirexport_server.identities.certificate_names import of_certificate
from fhirexport_server.identities.credential_errors import (
    CredentialsInvalidError,
    CredentialsMissingError,
    CredentialsUncheckedError,
)
from fhirexport_server.identities.key_set import KeySet, KeySetError, read_key_set
from fhirexport_server.identities.static_tokens import (
    StaticTokens,
    TokensFileError,
    read_static_tokens,
)
from hypothesis import given
from hypothesis import strategies as st
from support.tokens import ISSUER, claims, new_key, single_use_authenticator

KEY = new_key()
CERTIFICATE = ec.generate_private_key(ec.SECP256R1())
NAMES = ["iss", "aud", "sub", "exp", "nbf", "iat", "jti", "scope"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
REFUSALS = (CredentialsInvalidError, CredentialsMissingError, CredentialsUncheckedError)


AUTHENTICATOR = single_use_authenticator(KEY)


def _identity(*headers: str | bytes, certificate: bytes | None = None) -> Identity | None:
    try:
        return AUTHENTICATOR.identity(headers, certificate)
    except REFUSALS:
        return None


def _part(value: object) -> str:
    written = json.dumps(value).encode("utf-8", "surrogatepass")
    return base64.urlsafe_b64encode(written).rstrip(b"=").decode()


@given(st.lists(st.text() | st.binary(), max_size=3), st.none() | st.binary())
def test_any_header_and_any_certificate(headers: list[str | bytes], certificate: bytes | None) -> None:
    assert _identity(*headers, certificate=certificate) is None
    assert _identity(*(f"Bearer {header!r}" for header in headers)) is None


@given(VALUES, VALUES, st.binary(max_size=80))
def test_any_parts_of_a_token(header: object, payload: object, signature: bytes) -> None:
    signed = base64.urlsafe_b64encode(signature).decode()
    assert _identity(f"Bearer {_part(header)}.{_part(payload)}.{signed}") is None


@given(st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jku", "jwk", "x5c"]), VALUES))
def test_any_header_of_a_token(header: dict[str, object]) -> None:
    assert _identity(f"Bearer {_part({'alg': 'ES256', 'kid': 'k'} | header)}.{_part(claims())}.eA") is None


@given(st.dictionaries(st.sampled_from(NAMES), VALUES))
def test_any_claims_that_are_signed(changed: dict[str, object]) -> None:
    """Only the issuer can sign; what it signs may still be anything."""
    payload = json.dumps(claims(jti="one") | changed).encode("utf-8", "surrogatepass")
    token = jwt.PyJWS().encode(payload, KEY, "ES256", {"kid": "k"})
    found = _identity(f"Bearer {token}")
    if found is not None:
        assert found.issuer == ISSUER
        assert found.subject
        assert found.token_id


@given(st.integers(min_value=0), st.binary(min_size=1, max_size=4))
def test_a_good_token_that_is_changed_anywhere(at: int, replacement: bytes) -> None:
    token = jwt.encode(claims(jti="one", sub="changed"), KEY, "ES256", {"kid": "k"})
    at %= len(token)
    changed = token[:at] + replacement.decode("latin-1") + token[at + len(replacement) :]
    found = _identity(f"Bearer {changed}")
    # Base64 has some bits at the end of a part that nobody reads.
    assert found is None or found.subject == "changed"


NAME = st.text(min_size=1, max_size=60)


@given(
    st.lists(NAME.map(lambda text: x509.NameAttribute(NameOID.COMMON_NAME, text[:16])), max_size=2),
    st.lists(
        st.one_of(
            st.from_regex(r"[ -~]{0,60}", fullmatch=True).map(x509.DNSName),
            st.from_regex(r"(spiffe://)?[ -~]{0,60}", fullmatch=True).map(x509.UniformResourceIdentifier),
            st.from_regex(r"[a-z.+]{1,20}@[a-z.]{1,20}", fullmatch=True).map(x509.RFC822Name),
            st.ip_addresses().map(x509.IPAddress),
            st.just(x509.RegisteredID(x509.ObjectIdentifier("1.2.3"))),
        ),
        max_size=4,
    ),
)
def test_any_names_of_a_certificate(
    subject: list[x509.NameAttribute[str]], names: list[x509.GeneralName]
) -> None:
    pem = _signed(x509.Name(subject), x509.SubjectAlternativeName(names) if names else None)
    if pem is None:
        return
    with contextlib.suppress(CredentialsInvalidError):
        found = of_certificate(pem)
        assert found.subject
        assert found.subject in found.names


@given(st.binary(max_size=200))
def test_any_content_of_the_names_of_a_certificate(content: bytes) -> None:
    oid = ExtensionOID.SUBJECT_ALTERNATIVE_NAME
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a")])
    pem = _signed(subject, x509.UnrecognizedExtension(oid, content))
    assert pem is not None
    with contextlib.suppress(CredentialsInvalidError):
        assert of_certificate(pem).subject


def _signed(subject: x509.Name, extension: x509.ExtensionType | None) -> bytes | None:
    """Returns a certificate; None where the library makes no such one."""
    now = datetime.now(UTC)
    try:
        builder = x509.CertificateBuilder(
            subject, subject, CERTIFICATE.public_key(), 1, now, now + timedelta(days=1)
        )
        if extension is not None:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(CERTIFICATE, hashes.SHA256()).public_bytes(Encoding.PEM)
    except ValueError:
        return None


@given(st.binary() | VALUES.map(lambda value: json.dumps({"keys": [value]}).encode()))
def test_any_set_of_keys(content: bytes) -> None:
    with contextlib.suppress(KeySetError):
        assert isinstance(read_key_set(content), KeySet)


@given(
    st.dictionaries(
        st.sampled_from(["kty", "crv", "x", "y", "n", "e", "kid", "alg", "use", "key_ops"]),
        VALUES | st.sampled_from(["RSA", "EC", "OKP", "P-256", "Ed25519", "AQAB", "sig", "ES256"]),
    )
)
def test_any_key(key: dict[str, object]) -> None:
    with contextlib.suppress(KeySetError):
        read_key_set(json.dumps({"keys": [key]}).encode("utf-8", "surrogatepass"))


@given(st.binary() | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_file_of_tokens(content: bytes) -> None:
    with contextlib.suppress(TokensFileError):
        assert isinstance(read_static_tokens(content), StaticTokens)

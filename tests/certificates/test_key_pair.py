"""Shows which certificates and keys a server takes, and what it says of the others."""

from base64 import encodebytes
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID
from fhirexport_server.certificates.key_pair import (
    CertificateError,
    CertificateFile,
    checked,
    contents,
)
from fhirexport_server.certificates.throwaway import Authority

CERTIFICATE, KEY, CLIENT_CA = CertificateFile.CERTIFICATE, CertificateFile.KEY, CertificateFile.CLIENT_CA
Files = dict[CertificateFile, bytes]
NOW = datetime.now(UTC)
AUTHORITY = Authority()
PAIR = AUTHORITY.server(["export.test", "192.0.2.1"])


def _signed_by_itself(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey, *, named: bool = True
) -> Files:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "export.test")])
    builder = (
        x509.CertificateBuilder()
        .serial_number(1)
        .subject_name(name)
        .issuer_name(name)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .public_key(key.public_key())
    )
    if named:
        names = x509.SubjectAlternativeName([x509.DNSName("export.test")])
        builder = builder.add_extension(names, critical=False)
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    certificate = builder.sign(key, algorithm)
    return {
        CERTIFICATE: certificate.public_bytes(Encoding.PEM),
        KEY: key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    }


def _with_password() -> bytes:
    key = load_pem_private_key(PAIR[1], None)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password"))


def _of_version_8(pem: bytes) -> bytes:
    der = x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
    changed = der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x07", 1)
    return b"-----BEGIN CERTIFICATE-----\n" + encodebytes(changed) + b"-----END CERTIFICATE-----\n"


def _files(**changed: bytes) -> Files:
    files = {CERTIFICATE: PAIR[0], KEY: PAIR[1], CLIENT_CA: AUTHORITY.pem}
    return files | {CertificateFile[name]: content for name, content in changed.items()}


def test_a_good_pair_is_taken_with_the_day_that_it_expires() -> None:
    pair = checked(_files(), NOW)
    assert (pair.certificate_chain, pair.private_key, pair.client_authorities) == (*PAIR, AUTHORITY.pem)
    assert pair.metrics_authorities is None
    # They are made a moment after, and end with a whole second.
    days = {file: round((expiry - NOW) / timedelta(days=1)) for file, expiry in pair.expiry.items()}
    assert days == {CERTIFICATE: 30, CLIENT_CA: 30}
    assert "PRIVATE" not in repr(pair)


@pytest.mark.parametrize(
    "key", [lambda: rsa.generate_private_key(65_537, 2048), lambda: ec.generate_private_key(ec.SECP384R1())]
)
def test_other_keys_that_are_strong_enough_are_taken(
    key: Callable[[], rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey],
) -> None:
    assert checked(_signed_by_itself(key()), NOW).client_authorities is None


WRONG: Mapping[str, tuple[Callable[[], Files], CertificateFile, str]] = {
    "another's key": (lambda: _files(KEY=AUTHORITY.server(["x.test"])[1]), KEY, "is not the key"),
    "a password": (lambda: _files(KEY=_with_password()), KEY, "has a password"),
    "no key": (lambda: _files(KEY=PAIR[0]), KEY, "has no private key"),
    "an empty key": (lambda: _files(KEY=b""), KEY, "has no private key"),
    "no certificate": (lambda: _files(CERTIFICATE=PAIR[1]), CERTIFICATE, "has no certificates"),
    "half a certificate": (lambda: _files(CERTIFICATE=PAIR[0][:400]), CERTIFICATE, "has no certificates"),
    "binary": (lambda: _files(CERTIFICATE=bytes(range(256))), CERTIFICATE, "has no certificates"),
    "another version": (lambda: _files(CERTIFICATE=_of_version_8(PAIR[0])), CERTIFICATE, "a damaged one"),
    "an authority of another version": (
        lambda: _files(CLIENT_CA=_of_version_8(AUTHORITY.pem)), CLIENT_CA, "a damaged one"
    ),
    "no authorities": (lambda: _files(CLIENT_CA=b"\n"), CLIENT_CA, "has no certificates"),
    "a client as authority": (
        lambda: _files(CLIENT_CA=AUTHORITY.client("c.test")[0]), CLIENT_CA, "has no authority (CA)"
    ),
    "an old authority": (lambda: _files(CLIENT_CA=Authority(days=-1).pem), CLIENT_CA, "has no authority"),
    "expired": (
        lambda: dict(zip((CERTIFICATE, KEY), AUTHORITY.server(["x.test"], days=-1), strict=True)),
        CERTIFICATE,
        "expired on",
    ),
    "a client's": (
        lambda: dict(zip((CERTIFICATE, KEY), AUTHORITY.client("c.test"), strict=True)),
        CERTIFICATE,
        "was not issued for servers",
    ),
    "a weak key": (
        lambda: _signed_by_itself(rsa.generate_private_key(65_537, 1024)),  # noqa: S505 - it is refused
        KEY,
        "must be RSA of 2048 bits",
    ),
    "another curve": (lambda: _signed_by_itself(ec.generate_private_key(ec.SECP256K1())), KEY, "must be RSA"),
    "Ed25519": (lambda: _signed_by_itself(ed25519.Ed25519PrivateKey.generate()), KEY, "must be RSA"),
    "no name": (
        lambda: _signed_by_itself(ec.generate_private_key(ec.SECP256R1()), named=False),
        CERTIFICATE,
        "subject alternative name",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("make", "file", "problem"), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_used_is_refused_by_the_setting_and_why(
    make: Callable[[], Files], file: CertificateFile, problem: str
) -> None:
    with pytest.raises(CertificateError) as refused:
        checked(make(), NOW)
    assert (refused.value.file, problem in refused.value.problem) == (file, True)
    assert str(refused.value).startswith(f"{file}: ")


def test_a_certificate_of_tomorrow_is_not_used_today() -> None:
    with pytest.raises(CertificateError, match="TLS_CERTIFICATE: is not valid before"):
        checked(_files(), NOW - timedelta(days=1))


@pytest.mark.parametrize("size", [None, 1024**2 + 1])
def test_a_file_that_is_not_there_or_endless_is_refused(size: int | None, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    if size is not None:
        path.write_bytes(b"\n" * size)
    with pytest.raises(CertificateError) as refused:
        contents({KEY: path})
    assert refused.value.file == KEY

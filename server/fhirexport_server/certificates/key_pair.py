"""A server's certificate, its key and the authorities of its callers, checked before they are used."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

_LARGEST_FILE: Final = 1024**2
_SHORTEST_RSA: Final = 2048
"""In bits. ANSSI's guide to TLS (SDE-NT-35) accepts no shorter one, and these curves."""
_CURVES: Final = ("secp256r1", "secp384r1", "secp521r1")
_BROKEN_HASHES: Final = ("md5", "sha1")
_SERVER_USAGES: Final = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)

_DAMAGED: Final = (
    *(ValueError, TypeError, UnsupportedAlgorithm),
    *(x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType),
)
"""What `cryptography` raises of a certificate that breaks the rules, often only when a part is looked at."""


class CertificateFile(StrEnum):
    """A file, by the setting that names it."""

    CERTIFICATE = "TLS_CERTIFICATE"
    KEY = "TLS_KEY"
    CLIENT_CA = "TLS_CLIENT_CA"
    METRICS_CA = "METRICS_CLIENT_CA"


class CertificateError(Exception):
    """A file cannot be used. The message quotes nothing of it."""

    def __init__(self, file: CertificateFile, problem: str) -> None:
        super().__init__(f"{file}: {problem}")
        self.file = file
        self.problem = problem


@dataclass(frozen=True)
class KeyPair:
    """A certificate and its key, and who may call; all in PEM, and checked."""

    certificate_chain: bytes
    """The server's certificate, its issuers after it."""
    private_key: bytes = field(repr=False)
    client_authorities: bytes | None
    """Those whose certificates callers must show; None: callers are asked for none."""
    metrics_authorities: bytes | None
    """The same for those who read the metrics."""
    expiry: Mapping[CertificateFile, datetime]
    """When the certificate expires, and the last of the authorities of each file."""


def contents(paths: Mapping[CertificateFile, Path]) -> Mapping[CertificateFile, bytes]:
    """Return the content of each file.

    Raises:
        CertificateError: One cannot be read, or is too large for what it should be.
    """
    found = {}
    for file, path in paths.items():
        try:
            with path.open("rb") as opened:
                found[file] = opened.read(_LARGEST_FILE + 1)
        except OSError as error:
            raise CertificateError(file, "cannot be read") from error
        if len(found[file]) > _LARGEST_FILE:
            raise CertificateError(file, "is larger than a file of certificates can be")
    return found


def checked(found: Mapping[CertificateFile, bytes], now: datetime) -> KeyPair:
    """Return the pair that files hold.

    Raises:
        CertificateError: A file is not what it should be, or no client would accept it.
    """
    chain, key = found[CertificateFile.CERTIFICATE], found[CertificateFile.KEY]
    certificate = _certificates(CertificateFile.CERTIFICATE, chain)[0]
    _check_key(certificate, key)
    try:
        _check_certificate(certificate, now)
    except _DAMAGED as error:  # an extension that breaks the rules is found when it is looked at
        raise CertificateError(CertificateFile.CERTIFICATE, "is damaged") from error
    expiry = {CertificateFile.CERTIFICATE: certificate.not_valid_after_utc}
    for file in (CertificateFile.CLIENT_CA, CertificateFile.METRICS_CA):
        if file in found:
            expiry[file] = _last_expiry(file, _certificates(file, found[file]), now)
    return KeyPair(
        chain, key, found.get(CertificateFile.CLIENT_CA), found.get(CertificateFile.METRICS_CA), expiry
    )


def read(paths: Mapping[CertificateFile, Path]) -> KeyPair:
    """Return the pair that files hold now; raise as `contents` and `checked` do."""
    return checked(contents(paths), datetime.now(UTC))


def _certificates(file: CertificateFile, content: bytes) -> Sequence[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(content)
    except _DAMAGED as error:
        raise CertificateError(file, "has no certificates in PEM, or a damaged one") from error


def _check_key(certificate: x509.Certificate, content: bytes) -> None:
    try:
        key = load_pem_private_key(content, password=None)
    except TypeError as error:
        raise CertificateError(
            CertificateFile.KEY, "has a password, which nobody is there to type"
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CertificateError(CertificateFile.KEY, "has no private key in PEM") from error
    try:
        public = certificate.public_key()
    except _DAMAGED as error:
        raise CertificateError(CertificateFile.CERTIFICATE, "has a key of an unknown kind") from error
    if key.public_key() != public:
        raise CertificateError(CertificateFile.KEY, f"is not the key of {CertificateFile.CERTIFICATE}")
    strong = (isinstance(public, RSAPublicKey) and public.key_size >= _SHORTEST_RSA) or (
        isinstance(public, EllipticCurvePublicKey) and public.curve.name in _CURVES
    )
    if not strong:
        raise CertificateError(
            CertificateFile.KEY, "must be RSA of 2048 bits or more, or of the curve P-256, P-384 or P-521"
        )


def _check_certificate(certificate: x509.Certificate, now: datetime) -> None:
    file = CertificateFile.CERTIFICATE
    if now < certificate.not_valid_before_utc:
        raise CertificateError(
            file, f"is not valid before {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
        )
    if now >= certificate.not_valid_after_utc:
        raise CertificateError(file, f"expired on {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC")
    algorithm = certificate.signature_hash_algorithm
    if algorithm is not None and algorithm.name in _BROKEN_HASHES:
        raise CertificateError(file, f"is signed with {algorithm.name.upper()}, which can be forged")
    extensions = certificate.extensions
    try:
        usages = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        usages = None
    if usages is not None and not any(usage in _SERVER_USAGES for usage in usages):
        raise CertificateError(file, "was not issued for servers (extended key usage)")
    try:
        names = list(extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        names = []
    if not any(isinstance(name, x509.DNSName | x509.IPAddress) for name in names):
        raise CertificateError(
            file, "has no name or address of a server as subject alternative name, where clients look for it"
        )


def _last_expiry(file: CertificateFile, authorities: Sequence[x509.Certificate], now: datetime) -> datetime:
    valid = [
        one.not_valid_after_utc for one in authorities if now < one.not_valid_after_utc and _is_authority(one)
    ]
    if not valid:
        raise CertificateError(file, "has no authority (CA) that is valid")
    return max(valid)


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, *_DAMAGED):
        return False

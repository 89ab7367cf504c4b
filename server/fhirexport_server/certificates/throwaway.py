"""A throw-away authority with certificates of a server and a client, to try TLS with."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_TOLERANCE: Final = timedelta(minutes=5)
"""How far clocks of other machines may be behind."""
_DIRECTORY_MODE: Final = 0o700
_KEY_MODE: Final = 0o600
LONGEST_NAME: Final = 64
"""Of a common name (RFC 5280, appendix A.1)."""
FILES: Final = ("ca.pem", "server.pem", "server-key.pem", "client.pem", "client-key.pem")


class Authority:
    """Issues certificates. Its key exists in memory alone, so that nobody can issue more."""

    def __init__(self, days: float = 30, name: str = "fhirexport demo authority") -> None:
        self._days = timedelta(days=days)
        self._key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        usage = x509.KeyUsage(
            digital_signature=False,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        self._certificate = (
            _validity(_TOLERANCE, self._days)
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )

    @property
    def pem(self) -> bytes:
        """Its own certificate, in PEM."""
        return self._certificate.public_bytes(Encoding.PEM)

    def server(self, names: Sequence[str], days: float | None = None) -> tuple[bytes, bytes]:
        """Return a certificate for a server of these names and addresses, and its key, in PEM."""
        return self._issued(names[0], [_name(name) for name in names], ExtendedKeyUsageOID.SERVER_AUTH, days)

    def client(self, name: str, uri: str | None = None, days: float | None = None) -> tuple[bytes, bytes]:
        """Return a certificate for a caller and its key, in PEM.

        Args:
            name: Its name, as in DNS.
            uri: What it is called besides, such as a SPIFFE id.
            days: How long it is valid; as long as the authority if left out.
        """
        names: list[x509.GeneralName] = [x509.DNSName(name)]
        if uri is not None:
            names.append(x509.UniformResourceIdentifier(uri))
        return self._issued(name, names, ExtendedKeyUsageOID.CLIENT_AUTH, days)

    def _issued(
        self, name: str, names: Sequence[x509.GeneralName], usage: x509.ObjectIdentifier, days: float | None
    ) -> tuple[bytes, bytes]:
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        certificate = (
            _validity(_TOLERANCE, self._days if days is None else timedelta(days=days))
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:LONGEST_NAME])]))
            .issuer_name(self._certificate.subject)
            .public_key(key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(issuer, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return certificate.public_bytes(Encoding.PEM), pem


def write(directory: Path, names: Sequence[str], client: str, days: float) -> None:
    """Write the FILES of a new authority to a directory, which is made where it is not there.

    Raises:
        FileExistsError: One of the files is there already. None is replaced.
        OSError: The directory cannot be written to.
    """
    authority = Authority(days)
    (server, server_key), (caller, caller_key) = authority.server(names), authority.client(client)
    directory.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
    for file in FILES:
        if (directory / file).exists():
            raise FileExistsError(file)
    for file, content in zip(FILES, (authority.pem, server, server_key, caller, caller_key), strict=True):
        descriptor = os.open(directory / file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _KEY_MODE)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(content)


def _validity(tolerance: timedelta, length: timedelta) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(now, now + length) - tolerance)
        .not_valid_after(now + length)
    )


def _name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)

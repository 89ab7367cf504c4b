"""What a client trusts, and shows, when it reaches a server with TLS."""

import os
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

GRPC_ROOTS = "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"
"""gRPC's own variable: a file of authorities that stands in place of the system's."""
# Where systems keep them, for a Python that was built on another one.
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Alpine, Arch
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # RHEL, Fedora
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # macOS, the BSDs
)
_BEGIN = b"-----BEGIN "


@dataclass(frozen=True)
class TLS:
    """How a server is reached with TLS."""

    root_certificates: bytes | None = None
    """The authorities to trust, in PEM; the system's if left out."""
    certificate_chain: bytes | None = None
    """The certificate to show to a server that asks for one (mutual TLS), in PEM; the issuers after it."""
    private_key: bytes | None = field(default=None, repr=False)
    """The key of the certificate, in PEM."""
    server_name: str | None = None
    """The name that is in the server's certificate, where the target has another."""

    def __post_init__(self) -> None:
        """Refuse a certificate without its key, and a key without its certificate."""
        if (self.certificate_chain is None) != (self.private_key is None):
            raise ValueError("give a certificate and its key, or neither")

    @classmethod
    def from_files(
        cls,
        ca: str | Path | None = None,
        cert: str | Path | None = None,
        key: str | Path | None = None,
        server_name: str | None = None,
    ) -> Self:
        """Read PEM files, and check what they hold.

        Raises:
            OSError: a file cannot be read.
            ValueError: a file is something else, or the certificate is not the key's.
        """
        roots = None if ca is None else Path(ca).read_bytes()
        if roots is not None:
            _check_roots(roots, ca)
        chain = None if cert is None else Path(cert).read_bytes()
        private_key = None if key is None else Path(key).read_bytes()
        tls = cls(roots, chain, private_key, server_name)
        if cert is not None and key is not None:
            _check_pair(cert, key)
        return tls


def system_certificates() -> bytes | None:
    """Return the authorities that this system trusts, in PEM; None where gRPC is to look for itself.

    They are those of OpenSSL: `SSL_CERT_FILE` and `SSL_CERT_DIR` stand in place of the system's own. gRPC
    by itself would take a list that comes with it, and not know a hospital's own authority.

    Raises:
        ValueError: the system has none.
    """
    if os.environ.get(GRPC_ROOTS):
        return None
    paths = ssl.get_default_verify_paths()
    certificates = _bundle(paths.cafile or "")
    if not certificates or paths.openssl_capath_env in os.environ:
        certificates += _folder(paths.capath)
    certificates = certificates or next(filter(None, map(_bundle, _BUNDLES)), b"") or _store()
    if not certificates:
        raise ValueError(
            "this system has no certificates of authorities: install them (ca-certificates), or name a file "
            "of those to trust"
        )
    return certificates


def system_bundle() -> str | None:
    """Return the file of the authorities that this system trusts, for libraries that read files alone."""
    paths = ssl.get_default_verify_paths()
    return next(filter(_bundle, (paths.cafile or "", *_BUNDLES)), None)


def _bundle(path: str) -> bytes:
    try:
        content = Path(path).read_bytes()
    except OSError:
        return b""
    return content if _BEGIN in content else b""


def _folder(path: str | None) -> bytes:
    """Return the certificates of a folder, by the names that OpenSSL looks for: a hash and a number."""
    if path is None:
        return b""
    try:
        files = sorted(file for file in Path(path).iterdir() if file.suffix[1:].isdecimal())
    except OSError:
        return b""
    return b"\n".join(_bundle(str(file)) for file in files)


def _store() -> bytes:
    """Return the certificates of Windows's own store."""
    certificates = ssl.create_default_context().get_ca_certs(binary_form=True)
    return "".join(map(ssl.DER_cert_to_PEM_cert, certificates)).encode()


def _check_roots(roots: bytes, path: str | Path | None) -> None:
    try:
        ssl.create_default_context(cadata=roots.decode("ascii", errors="replace"))
    except (ssl.SSLError, ValueError) as error:
        raise ValueError(f"{path} has no certificates in PEM") from error


def _check_pair(cert: str | Path, key: str | Path) -> None:
    try:
        # An empty password, so that nobody is asked for one.
        ssl.create_default_context().load_cert_chain(cert, key, password="")
    except (ssl.SSLError, ValueError) as error:
        raise ValueError(
            f"{cert} and {key} are no certificate and its key, in PEM and without a password"
        ) from error

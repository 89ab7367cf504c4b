"""Certificates for a test: an authority, a server's files that can be replaced, and a caller's."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from fhirexport_server.certificates.throwaway import Authority

NAMES = ("localhost", "127.0.0.1")


@dataclass
class Site:
    """A directory with what a server needs; everything in it may be replaced."""

    directory: Path
    authority: Authority = field(default_factory=Authority)

    def __post_init__(self) -> None:
        self.certificate, self.key, self.ca = (
            self.directory / name for name in ("server.pem", "server-key.pem", "ca.pem")
        )
        self.ca.write_bytes(self.authority.pem)
        self.install(*self.authority.server(NAMES))

    def install(self, certificate: bytes, key: bytes) -> None:
        """Put a pair where the server looks for it."""
        self.certificate.write_bytes(certificate)
        self.key.write_bytes(key)

    def settings(self, *, mutual: bool = True) -> dict[str, Path]:
        """Return the settings of a server, which asks for certificates if `mutual`."""
        files = {"tls_certificate": self.certificate, "tls_key": self.key}
        return files | ({"tls_client_ca": self.ca} if mutual else {})

    def credentials(self, *, caller: Authority | None = None, named: bool = True) -> grpc.ChannelCredentials:
        """Return what a client trusts and shows.

        Args:
            caller: Who has issued the client's certificate; the site's authority if left out.
            named: Whether it shows a certificate at all.
        """
        if not named:
            return grpc.ssl_channel_credentials(self.authority.pem)
        certificate, key = (caller or self.authority).client("client.test")
        return grpc.ssl_channel_credentials(self.authority.pem, key, certificate)

    def server_context(self, *, mutual: bool, protocol: str) -> ssl.SSLContext:
        """Return the TLS of something that is put in front of a server (`support.tls`)."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=self.ca)
        context.load_cert_chain(self.certificate, self.key)
        context.set_alpn_protocols([protocol])
        if mutual:
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def client_files(self) -> tuple[Path, Path]:
        """Write a caller's certificate and key; return the files."""
        certificate, key = self.authority.client("client.test")
        paths = self.directory / "client.pem", self.directory / "client-key.pem"
        for path, content in zip(paths, (certificate, key), strict=True):
            path.write_bytes(content)
        return paths

    def client_context(self, *, named: bool = True) -> ssl.SSLContext:
        """Return the TLS of a client that is not gRPC's."""
        context = ssl.create_default_context(cafile=self.ca)
        if named:
            context.load_cert_chain(*self.client_files())
        return context

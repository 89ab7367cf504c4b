"""TLS of what is not gRPC: the page of metrics."""

import ssl
from typing import Final

from fhirexport_server.certificates.kept_pair import KeptPair
from fhirexport_server.certificates.key_pair import CertificateError, CertificateFile, KeyPair

_SUITES: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2, in OpenSSL's words: the ones that ANSSI's guide to TLS recommends, which gRPC has as well."""


class MetricsContext:
    """The TLS of those who read the metrics, who show a certificate; it follows the pair."""

    def __init__(self, kept: KeptPair) -> None:
        """Make the first context.

        Raises:
            CertificateError: OpenSSL does not take the files.
        """
        self._kept = kept
        self._pair = kept.current
        try:
            self._context = _context(kept, self._pair)
        except (OSError, ValueError) as error:
            raise CertificateError(CertificateFile.CERTIFICATE, "cannot be used with its key") from error

    def __call__(self) -> ssl.SSLContext:
        """Return what the next connection uses."""
        pair = self._kept.current
        if pair is not self._pair:
            try:
                self._context, self._pair = _context(self._kept, pair), pair
            except (OSError, ValueError):
                # The files are just being replaced again; the next connection comes back to it.
                return self._context
        return self._context


def _context(kept: KeptPair, pair: KeyPair) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_SUITES)
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    # OpenSSL's module reads files alone. An empty password, so that nobody is asked for one.
    context.load_cert_chain(
        kept.paths[CertificateFile.CERTIFICATE], kept.paths[CertificateFile.KEY], password=""
    )
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=(pair.metrics_authorities or b"").decode("ascii", errors="ignore"))
    return context

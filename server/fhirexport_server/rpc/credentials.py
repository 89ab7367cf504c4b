"""The TLS of the gRPC port, by a pair that may be replaced while the server runs.

gRPC's own suites are left as they are: TLS 1.3, and of TLS 1.2 what ANSSI's guide recommends, ECDHE with
AES-GCM (`tests/rpc/test_tls.py` shows it). `GRPC_SSL_CIPHER_SUITES` could only add to that.
"""

from collections.abc import Callable

import grpc

from fhirexport_server.certificates.key_pair import KeyPair


def server_credentials(current: Callable[[], KeyPair]) -> grpc.ServerCredentials:
    """Return credentials that ask for the pair at each handshake, on a thread of gRPC's own.

    Connections that are there keep what they were made with, for half an hour at most
    (`grpc.max_connection_age_ms`). Where the pair has authorities of clients, a client without a certificate
    of theirs is hung up on in the handshake: gRPC cannot ask for one and do without.
    """
    given = current()

    def changed() -> grpc.ServerCertificateConfiguration | None:
        nonlocal given
        pair = current()
        if pair is given:
            return None
        given = pair
        return _configuration(pair)

    return grpc.dynamic_ssl_server_credentials(
        _configuration(given),
        changed,  # type: ignore[arg-type] # it may return None, which the stubs do not know
        require_client_authentication=given.client_authorities is not None,
    )


def _configuration(pair: KeyPair) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration(
        [(pair.private_key, pair.certificate_chain)], pair.client_authorities
    )

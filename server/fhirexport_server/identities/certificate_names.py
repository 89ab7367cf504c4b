"""From a client's certificate, which TLS has verified, to its identity. Names stay whole."""

from collections.abc import Iterable
from typing import Final

from cryptography import x509

from fhirexport_server.domain.identity import Identity
from fhirexport_server.identities.credential_errors import CredentialProblem, CredentialsInvalidError

_SPIFFE: Final = "spiffe://"
_UNREADABLE: Final = (
    *(ValueError, TypeError),
    *(x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType),
)


def of_certificate(content: bytes) -> Identity:
    """Return the identity that a certificate, in PEM or DER, proves.

    Its one name is its SPIFFE id, else its first DNS name, else its whole subject.

    Raises:
        CredentialsInvalidError: It cannot be read, has no name, or more than one SPIFFE id.
    """
    try:
        if content.startswith(b"-----"):
            certificate = x509.load_pem_x509_certificate(content)
        else:
            certificate = x509.load_der_x509_certificate(content)
        subject, issuer = certificate.subject.rfc4514_string(), certificate.issuer.rfc4514_string()
        names = _alternative_names(certificate)
    except _UNREADABLE as error:  # versions and extensions are parsed when they are looked at
        raise CredentialsInvalidError(CredentialProblem.MALFORMED) from error
    uris = [name.value for name in names if isinstance(name, x509.UniformResourceIdentifier)]
    domains = [name.value.lower() for name in names if isinstance(name, x509.DNSName)]
    others = [str(name.value) for name in names if isinstance(name, x509.RFC822Name | x509.IPAddress)]
    spiffe = [uri for uri in uris if uri.lower().startswith(_SPIFFE)]
    if len(spiffe) > 1:  # X.509-SVID: exactly one
        raise CredentialsInvalidError(CredentialProblem.MALFORMED)
    name = next((name for name in (*spiffe, *domains, subject) if name), None)
    if name is None:
        raise CredentialsInvalidError(CredentialProblem.MALFORMED)
    every = frozenset(name for name in (*uris, *domains, *others, subject) if name)
    return Identity("certificate", subject=name, issuer=issuer, names=every)


def _alternative_names(certificate: x509.Certificate) -> Iterable[x509.GeneralName]:
    try:
        return list(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return ()

"""Shows what a client's certificate says of who shows it."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID, NameOID
from fhirexport_server.certificates.throwaway import Authority
from fhirexport_server.identities.certificate_names import of_certificate
from fhirexport_server.identities.credential_errors import CredentialProblem, CredentialsInvalidError

KEY = ec.generate_private_key(ec.SECP256R1())
SPIFFE = "spiffe://hospital.test/laboratory"
ISSUER = x509.Name(
    [
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Agence, du test"),
        x509.NameAttribute(NameOID.COMMON_NAME, "AC +1"),
    ]
)
_VERSION_3 = b"\xa0\x03\x02\x01\x02"


def _certificate(
    subject: x509.Name, *names: x509.GeneralName, extension: x509.ExtensionType | None = None
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .subject_name(subject)
        .issuer_name(ISSUER)
        .public_key(KEY.public_key())
    )
    if names:
        extension = x509.SubjectAlternativeName(names)
    if extension is not None:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(KEY, hashes.SHA256())


def _subject(name: str = "laboratory") -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def test_a_spiffe_id_comes_first_and_every_name_counts_whole() -> None:
    names = [
        x509.DNSName("Lab.Hospital.test"),
        x509.UniformResourceIdentifier("https://hospital.test/lab"),
        x509.UniformResourceIdentifier(SPIFFE),
        x509.IPAddress(ip_address("192.0.2.7")),
        x509.RFC822Name("lab@hospital.test"),
    ]
    found = of_certificate(_certificate(_subject(), *names).public_bytes(Encoding.PEM))
    assert (found.proof, found.subject) == ("certificate", SPIFFE)
    assert found.issuer == r"CN=AC \+1,O=Agence\, du test"
    assert found.names == {
        "lab.hospital.test",
        "https://hospital.test/lab",
        SPIFFE,
        "192.0.2.7",
        "lab@hospital.test",
        "CN=laboratory",
    }
    assert found.key == rf"certificate:CN=AC \+1,O=Agence\, du test#{SPIFFE}"
    assert found.scopes is None


def test_without_a_spiffe_id_the_first_dns_name_is_who_it_is() -> None:
    pem = _certificate(_subject(), x509.DNSName("A.test"), x509.DNSName("b.test")).public_bytes(Encoding.PEM)
    assert of_certificate(pem).subject == "a.test"


def test_without_either_the_whole_subject_is_who_it_is() -> None:
    pem = _certificate(_subject("a,b")).public_bytes(Encoding.PEM)
    found = of_certificate(pem)
    assert (found.subject, found.names) == (r"CN=a\,b", frozenset({r"CN=a\,b"}))


def test_der_is_read_as_pem_is() -> None:
    certificate = _certificate(_subject(), x509.DNSName("a.test"))
    assert of_certificate(certificate.public_bytes(Encoding.DER)) == of_certificate(
        certificate.public_bytes(Encoding.PEM)
    )


def test_what_our_own_authority_issues_is_read() -> None:
    pem, _ = Authority().client("client.test", SPIFFE)
    found = of_certificate(pem)
    assert (found.subject, found.issuer) == (SPIFFE, "CN=fhirexport demo authority")
    assert found.names == {SPIFFE, "client.test", "CN=client.test"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        b"CANARY",
        _certificate(x509.Name([])).public_bytes(Encoding.PEM),
        _certificate(
            _subject(),
            x509.UniformResourceIdentifier(SPIFFE),
            x509.UniformResourceIdentifier("SPIFFE://hospital.test/administrator"),
        ).public_bytes(Encoding.PEM),
        _certificate(
            _subject(),
            extension=x509.UnrecognizedExtension(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, b"CANARY"),
        ).public_bytes(Encoding.PEM),
        _certificate(_subject()).public_bytes(Encoding.DER).replace(_VERSION_3, b"\xa0\x03\x02\x01\x07"),
    ],
    ids=[
        *("nothing", "PEM of nothing", "DER of nothing", "no name", "two SPIFFE ids", "damaged names"),
        "another version",
    ],
)
def test_what_is_no_name_proves_nothing(content: bytes) -> None:
    with pytest.raises(CredentialsInvalidError) as refused:
        of_certificate(content)
    assert refused.value.problem is CredentialProblem.MALFORMED
    assert "CANARY" not in str(refused.value)

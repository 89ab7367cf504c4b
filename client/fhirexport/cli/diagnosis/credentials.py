"""What is wrong with the token or the certificate, where the server does not know who calls."""

from collections.abc import Iterator

import grpc

from fhirexport._internal.calls import Calls
from fhirexport.cli.diagnosis.findings import SECONDS, Finding, message_of, outcome
from fhirexport.errors import ExportError
from fhirexport.v1.export_service_pb2 import ListLegalEntitiesRequest
from fhirexport.v1.export_service_pb2_grpc import ExportServiceStub

_GIVE = (
    "give a token with --token-file (FHIREXPORT_TOKEN_FILE), or a certificate with --cert and --key "
    "(FHIREXPORT_CERT, FHIREXPORT_KEY): the server's operator says which"
)
_RENEW = "have it renewed where the token comes from, and write it to the file of --token-file"
_PROBLEMS = {
    "malformed": "look at the file of --token-file: it must hold one token, of a kind that the server takes",
    "algorithm": "have the issuer sign by an algorithm of the server's JWT_ALGORITHMS, with its own key",
    "unknown_key": f"{_RENEW}; if that does not help, the server's JWT_JWKS are another issuer's, or old",
    "signature": f"{_RENEW}: this one was changed, or is not of the issuer that it names",
    "expired": _RENEW,
    "not_yet_valid": "set the clocks of the issuer and of the server by NTP (chrony, systemd-timesyncd)",
    "wrong_issuer": "ask the issuer of the server's JWT_ISSUER for a token, or correct that setting",
    "wrong_audience": "ask for a token for the audience (aud) of the server's JWT_AUDIENCE, or correct that",
    "claims": "ask the issuer for a token with iss, aud, sub and exp, and where the server wants it, jti",
    "replayed": "the server takes each token once (JWT_SINGLE_USE): use the library's token=, not a file",
    "unknown_token": "have the server's operator put its hash into TOKENS_FILE: docs/security.md",
}
"""What to do, by the problem that the server tells."""


def unknown_caller(stub: ExportServiceStub, calls: Calls) -> Iterator[Finding]:
    """Yield why the server does not know who calls, where it does not."""
    request = ListLegalEntitiesRequest(page_size=1)
    error = outcome(lambda: stub.ListLegalEntities(request, **calls.arguments(SECONDS)))
    if not isinstance(error, ExportError) or error.code is not grpc.StatusCode.UNAUTHENTICATED:
        return
    advice = _PROBLEMS.get(error.metadata.get("problem", ""), _GIVE)
    yield Finding("identity", "problem", message_of(error), advice)

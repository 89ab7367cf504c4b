"""The statuses for calls whose caller is not known. None of them quotes a credential."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import grpc
from fhirexport.v1.error_reason_pb2 import ErrorReason

from fhirexport_server.identities.credential_errors import (
    CredentialProblem,
    CredentialsInvalidError,
    CredentialsMissingError,
    CredentialsUncheckedError,
    MissingClue,
)
from fhirexport_server.rpc.errors.details import retry_after
from fhirexport_server.rpc.errors.refusal import Refusal

_PROBLEMS: Final[Mapping[CredentialProblem, str]] = {
    CredentialProblem.MALFORMED: "this server cannot read it: send `authorization: Bearer <token>`, once",
    CredentialProblem.ALGORITHM: "it is signed by an algorithm that this server does not accept for its key",
    CredentialProblem.UNKNOWN_KEY: "its issuer has no such key: get a new one",
    CredentialProblem.SIGNATURE: "its signature is not of its issuer's key",
    CredentialProblem.EXPIRED: "it has expired: get a new one",
    CredentialProblem.NOT_YET_VALID: "it is not valid yet: compare its issuer's clock with this server's",
    CredentialProblem.WRONG_ISSUER: "it is of another issuer than this server accepts",
    CredentialProblem.WRONG_AUDIENCE: "it is for another audience than this server",
    CredentialProblem.CLAIMS: "a claim is missing, or is not what it should be",
    CredentialProblem.REPLAYED: "it was used before, and may be used once: get a new one for each call",
    CredentialProblem.UNKNOWN_TOKEN: "it is nobody's",
}
_MISSING: Final[Mapping[MissingClue, str]] = {
    MissingClue.KEYS: "its issuer's keys cannot be had",
    MissingClue.MEMORY: "too many tokens that may be used once are remembered",
}


def _credentials_missing(_error: CredentialsMissingError) -> Refusal:
    return Refusal(
        grpc.StatusCode.UNAUTHENTICATED,
        ErrorReason.ERROR_REASON_CREDENTIALS_MISSING,
        "this server asks who calls: send a bearer token, or show a client certificate",
    )


def _credentials_invalid(error: CredentialsInvalidError) -> Refusal:
    return Refusal(
        grpc.StatusCode.UNAUTHENTICATED,
        ErrorReason.ERROR_REASON_CREDENTIALS_INVALID,
        f"the credential of this call proves nothing: {_PROBLEMS[error.problem]}",
        {"problem": error.problem.value},
    )


def _credentials_unchecked(error: CredentialsUncheckedError) -> Refusal:
    return Refusal(
        grpc.StatusCode.UNAVAILABLE,
        ErrorReason.ERROR_REASON_CREDENTIALS_UNCHECKED,
        f"this server cannot check the token now: {_MISSING[error.missing]}; try again later",
        {"missing": error.missing.value},
        (retry_after(error.retry_after_seconds),),
    )


REFUSALS: Final[Sequence[Callable[..., Refusal]]] = (
    _credentials_missing,
    _credentials_invalid,
    _credentials_unchecked,
)
"""The status for each type of error, by the type of the function's argument."""

"""What is wrong with a caller's credentials. Nothing here quotes them."""

from dataclasses import dataclass
from enum import StrEnum

from fhirexport_server.domain.errors import FhirExportError


class CredentialProblem(StrEnum):
    """What is wrong with a credential. Of a JWT, what it claims is told only once its signature is right."""

    MALFORMED = "malformed"
    """It is none that this server can read, or is longer than one may be."""
    ALGORITHM = "algorithm"
    """It is signed by an algorithm that is not allowed, such as `none` or `HS256`, or not the key's."""
    UNKNOWN_KEY = "unknown_key"
    """It is signed with a key that its issuer does not have (any more), or does not name one of several."""
    SIGNATURE = "signature"
    """Its signature is not its key's: somebody has changed it."""
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    """Its time begins later: the clock of its issuer, or this server's, may be wrong."""
    WRONG_ISSUER = "wrong_issuer"
    WRONG_AUDIENCE = "wrong_audience"
    CLAIMS = "claims"
    """A claim that has to be there is not, or is not what it should be."""
    REPLAYED = "replayed"
    """It was used before, and may be used once."""
    UNKNOWN_TOKEN = "unknown_token"  # noqa: S105 - a name, not a secret
    """It is a static token that nobody has."""


class MissingClue(StrEnum):
    """What the server lacks to check a credential."""

    KEYS = "keys"
    """It has none of the issuer's keys, or only ones that are too old."""
    MEMORY = "memory"
    """It can remember no further token that may be used once."""


@dataclass(eq=False)
class CredentialsMissingError(FhirExportError):
    """The call has no credential, and needs one."""


@dataclass(eq=False)
class CredentialsInvalidError(FhirExportError):
    """The call's credential proves nothing."""

    problem: CredentialProblem


@dataclass(eq=False)
class CredentialsUncheckedError(FhirExportError):
    """The server cannot tell now whether the credential is good."""

    missing: MissingClue
    retry_after_seconds: float = 5.0

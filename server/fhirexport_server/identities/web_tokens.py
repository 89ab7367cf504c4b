"""Bearer JWTs (RFC 7519, RFC 8725): from a token to the identity that its issuer vouches for."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import jwt
from jwt import exceptions

from fhirexport_server.domain.identity import Identity
from fhirexport_server.identities.credential_errors import (
    CredentialProblem,
    CredentialsInvalidError,
    CredentialsUncheckedError,
    MissingClue,
)
from fhirexport_server.identities.key_set import ALGORITHMS, KeySet, SigningKey
from fhirexport_server.identities.used_tokens import UsedTokens
from fhirexport_server.identities.verified_tokens import VerifiedTokens

LARGEST_TOKEN: Final = 8 * 1024
"""In bytes, as are all headers of a call together."""
LEEWAY_SECONDS: Final = 30
"""How far the clocks of an issuer and of this server may be apart."""
LONGEST_ONCE_SECONDS: Final = 300
"""How long a token that may be used once may be good for (SMART Backend Services), and is remembered."""
_LONGEST_NAME: Final = 256
_PARTS: Final = 3
_PROBLEMS: Final[Sequence[tuple[type[Exception], CredentialProblem]]] = (
    (exceptions.InvalidSignatureError, CredentialProblem.SIGNATURE),
    (exceptions.InvalidAlgorithmError, CredentialProblem.ALGORITHM),
    (exceptions.ExpiredSignatureError, CredentialProblem.EXPIRED),
    (exceptions.ImmatureSignatureError, CredentialProblem.NOT_YET_VALID),
    (exceptions.InvalidIssuerError, CredentialProblem.WRONG_ISSUER),
    (exceptions.InvalidAudienceError, CredentialProblem.WRONG_AUDIENCE),
    (exceptions.MissingRequiredClaimError, CredentialProblem.CLAIMS),
    (exceptions.InvalidSubjectError, CredentialProblem.CLAIMS),
    (exceptions.InvalidJTIError, CredentialProblem.CLAIMS),
    (exceptions.InvalidIssuedAtError, CredentialProblem.CLAIMS),
)
"""The first that fits counts."""


@dataclass(frozen=True)
class TokenRules:
    """What a token must be."""

    issuer: str
    """Its `iss`, exactly."""
    audience: str
    """Its `aud`, or one of them, exactly."""
    algorithms: tuple[str, ...] = ALGORITHMS
    """What it may be signed by."""
    single_use: bool = False
    """Whether each token may be used once."""

    def __post_init__(self) -> None:
        if not self.algorithms or not set(self.algorithms) <= set(ALGORITHMS):
            raise ValueError(f"algorithms must be of {', '.join(ALGORITHMS)}")


def is_web_token(token: str) -> bool:
    """Return whether a token has the form of a JWT, so that it is told apart from a static one."""
    return token.count(".") == _PARTS - 1


class WebTokens:
    """Checks tokens by the rules, and by the keys that the issuer has at the time."""

    def __init__(
        self, rules: TokenRules, keys: Callable[[], KeySet | None], clock: Callable[[], float] = time.time
    ) -> None:
        """Make a checker.

        Args:
            rules: What a token must be.
            keys: Returns the issuer's keys; None where they are not known.
            clock: Returns the time, in seconds since 1970, by which used and verified tokens are forgotten.
        """
        self._rules = rules
        self._keys = keys
        self._clock = clock
        self._used = UsedTokens()
        self._verified = None if rules.single_use else VerifiedTokens(LEEWAY_SECONDS)

    def identity(self, token: str) -> Identity:
        """Return the identity that a token proves.

        The signature is checked before any claim is looked at. No address in the token counts (`jku`, `x5u`).
        A token that the issuer's present keys have verified before is good until it expires, unless each may
        be used once.

        Raises:
            CredentialsInvalidError: It proves nothing.
            CredentialsUncheckedError: There are no keys to check it with, or no room to remember it.
        """
        if len(token) > LARGEST_TOKEN or not token.isascii() or not is_web_token(token):
            raise CredentialsInvalidError(CredentialProblem.MALFORMED)
        keys = self._keys()
        if keys is None or self._verified is None:
            return self._identity(self._checked(token, keys))
        known = self._verified.find(token, keys, self._clock())
        if known is None:
            claims = self._checked(token, keys)
            known = self._identity(claims)
            self._verified.add(token, keys, claims, known)
        return known

    def _checked(self, token: str, keys: KeySet | None) -> dict[str, Any]:
        try:
            key = self._key(token, keys)
            return self._claims(token, key)
        except (exceptions.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
            problem = next(
                (problem for kind, problem in _PROBLEMS if isinstance(error, kind)),
                CredentialProblem.MALFORMED,
            )
            raise CredentialsInvalidError(problem) from None

    def _key(self, token: str, keys: KeySet | None) -> SigningKey:
        header = jwt.get_unverified_header(token)
        algorithm, key_id = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or algorithm not in self._rules.algorithms:
            raise CredentialsInvalidError(CredentialProblem.ALGORITHM)
        if keys is None:
            raise CredentialsUncheckedError(MissingClue.KEYS)
        key = keys.find(key_id)
        if key is None:
            raise CredentialsInvalidError(CredentialProblem.UNKNOWN_KEY)
        if algorithm not in key.algorithms:
            raise CredentialsInvalidError(CredentialProblem.ALGORITHM)
        return key

    def _claims(self, token: str, key: SigningKey) -> dict[str, Any]:
        required = ["exp", "iss", "aud", "sub", *(("jti",) if self._rules.single_use else ())]
        claims = jwt.decode(
            token,
            key.public,
            algorithms=[name for name in self._rules.algorithms if name in key.algorithms],
            audience=self._rules.audience,
            issuer=self._rules.issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": required},
        )
        return dict(claims)

    def _identity(self, claims: dict[str, Any]) -> Identity:
        subject, token_id, scope = claims["sub"], claims.get("jti", ""), claims.get("scope")
        good = (
            0 < len(subject) <= _LONGEST_NAME
            and subject.isprintable()
            and len(token_id) <= _LONGEST_NAME
            and token_id.isprintable()
            and (scope is None or isinstance(scope, str))
        )
        if not good:
            raise CredentialsInvalidError(CredentialProblem.CLAIMS)
        if self._rules.single_use:
            self._remember(token_id, claims["exp"])
        scopes = None if scope is None else frozenset(scope.split())
        return Identity("jwt", subject, self._rules.issuer, scopes=scopes, token_id=token_id)

    def _remember(self, token_id: str, expiry: float) -> None:
        # As an integer, which is how it was checked: one of JSON may be larger than any float.
        now, expires = self._clock(), int(expiry)
        if not token_id or expires > now + LONGEST_ONCE_SECONDS + LEEWAY_SECONDS:
            raise CredentialsInvalidError(CredentialProblem.CLAIMS)
        self._used.use(token_id, expires + LEEWAY_SECONDS, now)

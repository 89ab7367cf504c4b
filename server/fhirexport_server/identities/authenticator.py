"""From what a call shows to who makes it, by all the ways that a server accepts."""

from collections.abc import Sequence
from typing import Final, Protocol

from fhirexport_server.domain.identity import Identity
from fhirexport_server.identities.certificate_names import of_certificate
from fhirexport_server.identities.credential_errors import (
    CredentialProblem,
    CredentialsInvalidError,
    CredentialsMissingError,
)
from fhirexport_server.identities.key_set import KeySet
from fhirexport_server.identities.static_tokens import StaticTokens
from fhirexport_server.identities.web_tokens import TokenRules, WebTokens, is_web_token

_SCHEME: Final = "bearer"


class KeySource(Protocol):
    """Where an issuer's keys come from: a file, or an address."""

    @property
    def current(self) -> KeySet | None:
        """The keys, None where they are not known."""

    async def refreshed(self) -> None:
        """Look for others, unless somebody just has."""


class TokenSource(Protocol):
    """Where static tokens come from."""

    @property
    def current(self) -> StaticTokens:
        """The tokens."""


class Authenticator:
    """Tells callers by their certificate, their JWT or their static token."""

    def __init__(
        self,
        *,
        certificates: bool = False,
        rules: TokenRules | None = None,
        keys: KeySource | None = None,
        tokens: TokenSource | None = None,
    ) -> None:
        """Make it.

        Args:
            certificates: Whether a certificate that TLS has verified is a proof.
            rules: What JWTs must be; None: none is accepted.
            keys: The keys of their issuer; None: none is accepted.
            tokens: The static tokens; None: none is accepted.
        """
        self._certificates = certificates
        self._keys = keys
        self._web = None if rules is None or keys is None else WebTokens(rules, lambda: keys.current)
        self._tokens = tokens

    @property
    def takes_tokens(self) -> bool:
        """Whether a token in `authorization` counts, and nothing beside it."""
        return self._web is not None or self._tokens is not None

    def identity(self, authorization: Sequence[str | bytes], certificate: bytes | None) -> Identity:
        """Return who shows this. A token counts before a certificate, which may be a proxy's.

        Args:
            authorization: Every value of the header `authorization`.
            certificate: The certificate that TLS has verified, in PEM; None without one.

        Raises:
            CredentialsMissingError: It shows nothing that is accepted here.
            CredentialsInvalidError: It proves nothing.
            CredentialsUncheckedError: It cannot be checked now.
        """
        if authorization and self.takes_tokens:
            return self._bearer(_token(authorization))
        if certificate is not None and self._certificates:
            return of_certificate(certificate)
        raise CredentialsMissingError

    async def refreshed(self) -> None:
        """Look for keys that are not known yet, unless somebody just has."""
        if self._keys is not None:
            await self._keys.refreshed()

    def _bearer(self, token: str) -> Identity:
        if self._tokens is not None:
            tokens = self._tokens.current
            if self._web is None or not is_web_token(token):
                return tokens.identity(token)
            if (known := tokens.find(token)) is not None:
                return known
        if self._web is None:
            raise CredentialsMissingError
        return self._web.identity(token)


def _token(authorization: Sequence[str | bytes]) -> str:
    scheme, token = "", ""
    if len(authorization) == 1 and isinstance(authorization[0], str):
        scheme, _, token = authorization[0].partition(" ")
    if scheme.lower() != _SCHEME or not token.strip():
        raise CredentialsInvalidError(CredentialProblem.MALFORMED)
    return token.strip()

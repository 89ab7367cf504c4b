"""Who calls: found out before the call's request is read, and before anything is looked up.

It is no layer, because the places of calls are counted by caller, and a call has its place before its layers.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from fhirexport_server.domain.identity import Identity
from fhirexport_server.identities.authenticator import Authenticator
from fhirexport_server.identities.credential_errors import CredentialProblem, CredentialsInvalidError
from fhirexport_server.rpc.call import Context, Headers

_HEALTH: Final = "grpc.health.v1.Health"
_HEADER: Final = "authorization"
_CERTIFICATE: Final = "x509_pem_cert"
_MOMENT_SECONDS: Final = 0.05
"""How long a refusal waits. Who leaves meanwhile, as in a storm of resets, costs no line of the log."""


class Authentication:
    """Asks each call but those of the health service who makes it."""

    def __init__(self, authenticator: Authenticator, refused: Callable[[str], None]) -> None:
        """Make it.

        Args:
            authenticator: Tells who it is.
            refused: Counts a call whose credential proves nothing, by the problem.
        """
        self._authenticator = authenticator
        self._refused = refused

    def identity(self, service: str, context: Context, headers: Headers) -> Identity | None:
        """Return who makes a call; None where nobody is asked.

        Args:
            service: The service that it calls.
            context: The call.
            headers: What it has sent before its request.

        Raises:
            CredentialsMissingError, CredentialsInvalidError, CredentialsUncheckedError: It is not known.
        """
        if service == _HEALTH:
            return None
        shown = [value for key, value in headers if key == _HEADER]
        # gRPC copies all that it knows of the connection: not where a token counts anyhow.
        is_told = bool(shown) and self._authenticator.takes_tokens
        return self._authenticator.identity(shown, None if is_told else _certificate(context.auth_context()))

    async def second_look(self, service: str, context: Context, failure: Exception) -> Identity | None:
        """Return who makes a call after all, if its key has come meanwhile.

        Raises:
            Exception: The failure, or another one.
        """
        if isinstance(failure, CredentialsInvalidError):
            if failure.problem is CredentialProblem.UNKNOWN_KEY:
                await self._authenticator.refreshed()
                try:
                    return self.identity(service, context, context.invocation_metadata() or ())
                except CredentialsInvalidError as error:
                    failure = error
            self._refused(failure.problem)
        await asyncio.sleep(_MOMENT_SECONDS)
        raise failure


def _certificate(shown: Mapping[str, object]) -> bytes | None:
    values = shown.get(_CERTIFICATE)
    first = values[0] if isinstance(values, list | tuple) and values else None
    return first if isinstance(first, bytes) else None

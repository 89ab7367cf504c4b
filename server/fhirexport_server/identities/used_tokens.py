"""The tokens that were used, where each may be used once. It forgets them when they have expired."""

import hashlib
import heapq
from typing import Final

from fhirexport_server.identities.credential_errors import (
    CredentialProblem,
    CredentialsInvalidError,
    CredentialsUncheckedError,
    MissingClue,
)

CAPACITY: Final = 100_000
"""How many tokens of an issuer are remembered: some 20 MB. Only good ones are."""


class UsedTokens:
    """The tokens of one issuer, in this process alone: another server does not know of them."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._until: dict[bytes, float] = {}
        self._order: list[tuple[float, bytes]] = []

    def __len__(self) -> int:
        return len(self._until)

    def use(self, token_id: str, until: float, now: float) -> None:
        """Remember a token.

        Args:
            token_id: Its `jti`.
            until: When it cannot be used any more, whatever is remembered; on the clock of `now`.
            now: The time.

        Raises:
            CredentialsInvalidError: It was used before.
            CredentialsUncheckedError: As many as there is room for are remembered, and none has expired.
        """
        while self._order and self._order[0][0] < now:
            del self._until[heapq.heappop(self._order)[1]]
        digest = hashlib.sha256(token_id.encode("utf-8", "surrogatepass")).digest()
        if digest in self._until:
            raise CredentialsInvalidError(CredentialProblem.REPLAYED)
        if len(self._until) >= self._capacity:
            raise CredentialsUncheckedError(MissingClue.MEMORY)
        self._until[digest] = until
        heapq.heappush(self._order, (until, digest))

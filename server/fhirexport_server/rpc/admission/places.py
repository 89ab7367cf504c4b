"""Places for calls: how many there may be at once, of everybody and of each caller."""

from collections import Counter

from fhirexport_server.rpc.admission.caller import Caller
from fhirexport_server.rpc.admission.transport_errors import TooManyCallsError


class Places:
    """Places for calls of one kind.

    Every connection has a few that nobody else can take, so that callers with many idle calls leave room
    for the others. Connections are bounded themselves, and so are the calls.
    """

    def __init__(self, *, total: int, per_peer: int, assured: int) -> None:
        """Makes free places.

        Args:
            total: how many calls there may be.
            per_peer: how many of these may be one peer's.
            assured: how many a connection may have whatever the others have.
        """
        self._total, self._per_peer, self._assured = total, per_peer, assured
        self._connections: Counter[str] = Counter()
        self._owners: Counter[str] = Counter()
        self.taken = 0
        """How many calls there are."""

    def take(self, caller: Caller) -> None:
        """Takes a place.

        Raises:
            TooManyCallsError: there is none.
        """
        if self._connections[caller.connection] >= self._assured:
            for taken, limit in ((self._owners[caller.owner], self._per_peer), (self.taken, self._total)):
                if taken >= limit:
                    raise TooManyCallsError(limit)
        self._connections[caller.connection] += 1
        self._owners[caller.owner] += 1
        self.taken += 1

    def give_back(self, caller: Caller) -> None:
        """Gives a place back that was taken."""
        self.taken -= 1
        for counter, key in ((self._connections, caller.connection), (self._owners, caller.owner)):
            counter[key] -= 1
            if not counter[key]:
                del counter[key]

"""Places for calls: how many calls may be in progress at once, in total and by caller."""

import asyncio
from collections import Counter

from fhirexport_server.rpc.admission.caller import Caller
from fhirexport_server.rpc.admission.transport_errors import TooManyCallsError


class Places:
    """Places for calls of one kind.

    Every connection is assured a few, so that callers with many idle calls cannot lock out the others. The
    number of connections is limited, and so is the number of calls.
    """

    def __init__(self, *, total: int, per_peer: int, assured: int) -> None:
        """Make places, all of them free.

        Args:
            total: How many calls may be in progress.
            per_peer: How many of these one peer may have.
            assured: How many a connection may always have, whatever the others have.
        """
        self._total, self._per_peer, self._assured = total, per_peer, assured
        self._connections: Counter[str] = Counter()
        self._owners: Counter[str] = Counter()
        self.taken = 0
        """How many places are taken."""
        self._free = asyncio.Event()
        self._free.set()

    def take(self, caller: Caller) -> None:
        """Take a place.

        Raises:
            TooManyCallsError: No place is free.
        """
        if self._connections[caller.connection] >= self._assured:
            for taken, limit in ((self._owners[caller.owner], self._per_peer), (self.taken, self._total)):
                if taken >= limit:
                    raise TooManyCallsError(limit)
        self._connections[caller.connection] += 1
        self._owners[caller.owner] += 1
        self.taken += 1
        self._free.clear()

    def give_back(self, caller: Caller) -> None:
        """Give a place back."""
        self.taken -= 1
        for counter, key in ((self._connections, caller.connection), (self._owners, caller.owner)):
            counter[key] -= 1
            if not counter[key]:
                del counter[key]
        if not self.taken:
            self._free.set()

    async def until_free(self) -> None:
        """Wait until no place is taken."""
        await self._free.wait()

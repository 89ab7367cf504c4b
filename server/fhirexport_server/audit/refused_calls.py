"""Bounds how many lines refused calls may take: those above it are counted, and told of together."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from fhirexport_server.audit.lines import Fields, now

_BURST: Final = 100.0
"""How many lines a caller's refused calls may have at once."""
_PER_SECOND: Final = 5.0
"""How many they may have per second after that."""
_MOST_CALLERS: Final = 1000
"""How many callers are told apart."""
_OTHERS: Final = "others"


@dataclass
class _Caller:
    left: float
    seen: float
    since: str = ""
    folded: Counter[str] = field(default_factory=Counter)


class RefusedCalls:
    """Decides which refused calls have a line of their own. All of unknown callers count as one caller's."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._callers: dict[str, _Caller] = {}

    def has_line(self, caller: str, reason: str) -> bool:
        """Return whether a refused call has a line; count it if not.

        Args:
            caller: Who makes it; empty where that is not known.
            reason: Why it is refused.
        """
        at = self._clock()
        if caller not in self._callers and len(self._callers) >= _MOST_CALLERS:
            caller = _OTHERS
        found = self._callers.setdefault(caller, _Caller(_BURST, at))
        found.left = min(_BURST, found.left + (at - found.seen) * _PER_SECOND)
        found.seen = at
        if found.left >= 1:
            found.left -= 1
            return True
        found.since = found.since or now()
        found.folded[reason] += 1
        return False

    def folded(self) -> Sequence[Fields]:
        """Return a line for each caller with calls that have none, and forget these calls."""
        lines: list[Fields] = []
        for caller, found in self._callers.items():
            if found.folded:
                lines.append(
                    {
                        "time": now(),
                        "event": "folded",
                        "since": found.since,
                        "identity": caller or None,
                        "refused": dict(found.folded),
                    }
                )
                found.since, found.folded = "", Counter()
        at = self._clock()
        idle = [name for name, found in self._callers.items() if (at - found.seen) * _PER_SECOND > _BURST]
        for name in idle:
            del self._callers[name]
        return lines

"""How often, and after which delay, a stream that fails is sent for again. No input or output."""

import random

from fhirexport.errors import ExportError, OverloadedError, UnavailableError

ATTEMPTS = 5
"""How often in a row a stream is taken up without anything new coming; or begun, while its data changes."""
FIRST_DELAY, LONGEST_DELAY = 0.1, 5.0

_PASSING = (UnavailableError, OverloadedError)


class Retries:
    """Counts the failures in a row."""

    def __init__(self) -> None:
        self._failures = 0

    def progressed(self) -> None:
        """Take note that something new has come."""
        self._failures = 0

    def delay(self, error: ExportError) -> float:
        """Return how many seconds to wait before the next attempt.

        Raises:
            ExportError: it is of no use: the error given.
        """
        self._failures += 1
        if self._failures >= ATTEMPTS or not isinstance(error, _PASSING):
            raise error
        backoff = min(LONGEST_DELAY, FIRST_DELAY * 2 ** (self._failures - 1))
        return max(error.retry_after or 0.0, random.uniform(backoff / 2, backoff))  # noqa: S311 - only spreads callers

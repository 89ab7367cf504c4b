"""The interface of a look-up in the event loop: it answers where that is quick and safe, or leaves it."""

from typing import Protocol

from fhirexport_server.domain.datasets import EjDataset
from fhirexport_server.store.guard.statements import GuardedRevision


class LoopLookup(Protocol):
    """Looks revisions up in the event loop, on a connection of its own, or leaves it to a thread.

    It starts each look-up after it was asked for it, and answers by a state of the schema that the guard has
    found in order. Whatever is out of the ordinary, it does not deal with.
    """

    @property
    def wants_connection(self) -> bool:
        """Whether it has no connection, and should be given one."""

    async def look(self, export: EjDataset) -> GuardedRevision | None:
        """Look the present revision of a dataset up; return None where a thread has to do it."""

    def connect(self) -> None:
        """Make a connection, where there is none and that succeeds. It may block: call it in a thread."""

    def close(self) -> None:
        """Close the connection, for good."""


class ThreadsOnly:
    """It leaves all to threads."""

    wants_connection = False

    async def look(self, export: EjDataset) -> GuardedRevision | None:
        """Return None."""

    def connect(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""

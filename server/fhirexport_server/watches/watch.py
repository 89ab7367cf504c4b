"""One watch: what its caller knows, and what is still to be told."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping

from fhirexport_server.domain.changes import Notice
from fhirexport_server.domain.datasets import EjDataset


class Watch:
    """The watch of one caller. What is new waits here until it is taken: of each dataset, the latest."""

    def __init__(self, known: Mapping[EjDataset, str]) -> None:
        """Make a watch that has nothing to tell yet.

        Args:
            known: The datasets to watch, each with the token that the caller has; empty where it has none.
        """
        self._known = dict(known)
        self._untold: dict[EjDataset, Notice] = {}
        self._changed = asyncio.Event()
        self._error: Exception | None = None
        self._over = False
        self.is_begun = False
        """Whether a look-up that began after the watch has answered."""

    @property
    def exports(self) -> Iterable[EjDataset]:
        """The datasets that are watched."""
        return self._known.keys()

    def begin(self, notices: Iterable[Notice]) -> None:
        """Tell of the present revisions, and let the caller have the first batch, even if it is empty."""
        self.is_begun = True
        self._changed.set()
        for notice in notices:
            self.tell(notice)

    def tell(self, notice: Notice) -> None:
        """Tell of a revision, unless it is what the caller knows."""
        if self._known[notice.export] == notice.revision:
            self._known[notice.export] = notice.revision  # one text for all watches
            self._untold.pop(notice.export, None)
            return
        self._untold[notice.export] = notice
        self._changed.set()

    def fail(self, error: Exception) -> None:
        """End the watch with an error; what is untold stays so."""
        self._error = error
        self._changed.set()

    def end(self) -> None:
        """End the watch once the caller has what is new; not before the first batch."""
        self._over = True
        self._changed.set()

    async def batches(self) -> AsyncGenerator[tuple[Notice, ...], None]:
        """Yield what is new, each time that something is; first, at once, all that the caller does not know.

        Raises:
            FhirExportError: The error that the watch ended with.
        """
        is_first = True
        while True:
            await self._changed.wait()
            self._changed.clear()
            if self._error is not None:
                raise self._error
            if not self.is_begun:
                continue
            if self._untold or is_first:
                yield self._take()
                is_first = False
            if self._over and not self._untold:
                return

    def _take(self) -> tuple[Notice, ...]:
        notices = tuple(self._untold.values())
        self._untold.clear()
        self._known.update((notice.export, notice.revision) for notice in notices)
        return notices

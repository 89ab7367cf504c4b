"""Owns what goes on while the server runs: revisions are folded, changes told, what they outdate deleted."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from typing import NoReturn, Protocol

import structlog

from fhirexport_server.domain.changes import Change, Compaction
from fhirexport_server.domain.datasets import EVERY_EJ, Dataset

_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

MOST_LINES = 20
"""How many changes of one run have a line of their own in the log."""


class Maintenance(Protocol):
    """What there is to do again and again. Exports are right without it, only slower in time."""

    async def compact(self) -> Compaction:
        """Folds some revisions; returns what has changed."""

    async def settle(self) -> None:
        """Passes on what was noted of the shared cache."""

    async def discard(self, ej_id: int, dataset: Dataset) -> int:
        """Deletes from the shared cache what has become outdated; returns how many keys."""


class Upkeep:
    """Does the work, for ever."""

    def __init__(self, work: Maintenance) -> None:
        self._work = work

    async def run(self, *, seconds: float = 1.0, failing_seconds: float = 10.0) -> NoReturn:
        """Goes on until it is cancelled.

        Args:
            seconds: how long to wait when there is nothing left to do.
            failing_seconds: how long to wait after a failure; its kind is logged once.
        """
        failing = False
        while True:
            try:
                await self._work.settle()
                compaction = await self._work.compact()
                await self._invalidated(compaction.changes)
            except Exception as error:  # noqa: BLE001 - whatever it is, the next attempt may succeed
                if not failing:
                    _log.warning("upkeep_failing", error=type(error).__name__)
                failing = True
                await asyncio.sleep(failing_seconds)
            else:
                if failing:
                    _log.info("upkeep_recovered")
                failing = False
                await asyncio.sleep(0 if compaction.more else seconds)

    async def _invalidated(self, changes: Iterable[Change]) -> None:
        """Logs what was outdated by writers, and deletes it."""
        by_export: dict[tuple[int, Dataset], dict[str, int | None]] = defaultdict(dict)
        for change in changes:
            by_export[change.ej_id, change.dataset][change.table] = change.rows
        for line, ((ej_id, dataset), rows) in enumerate(by_export.items()):
            every = ej_id == EVERY_EJ
            # What is outdated in every EJ waits for its time: to find it takes a search of the whole cache.
            deleted = 0 if every else await self._work.discard(ej_id, dataset)
            if line < MOST_LINES:
                _log.info(
                    "invalidated",
                    dataset=dataset.value,
                    ej_id="every" if every else ej_id,
                    changes=rows,
                    deleted_keys=deleted,
                )
        if len(by_export) > MOST_LINES:
            _log.info("invalidated_more", exports=len(by_export) - MOST_LINES)

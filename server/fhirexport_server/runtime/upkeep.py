"""The upkeep of a running server: folds revisions, logs changes, passes hit counts on."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from itertools import islice
from typing import NoReturn, Protocol

import structlog

from fhirexport_server.domain.changes import Change, Compaction
from fhirexport_server.domain.datasets import EVERY_EJ, Dataset

_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

MOST_LINES = 20
"""How many changes of one round have a log line of their own."""


class Maintenance(Protocol):
    """The work that is repeated. Without it exports stay correct, but become slower."""

    async def compact(self) -> Compaction:
        """Fold some deltas of revisions; return what has changed."""

    async def settle(self) -> None:
        """Write the hit counts to the shared cache."""


class Upkeep:
    """Repeats the work for ever."""

    def __init__(self, work: Maintenance) -> None:
        self._work = work

    async def run(self, *, seconds: float = 1.0, failing_seconds: float = 10.0) -> NoReturn:
        """Repeat the work until cancelled.

        Args:
            seconds: How long to wait when there is nothing left to do.
            failing_seconds: How long to wait after a failure. The first of a series is logged.
        """
        failing = False
        while True:
            try:
                await self._work.settle()
                compaction = await self._work.compact()
                _log_changes(compaction.changes)
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


def _log_changes(changes: Iterable[Change]) -> None:
    """Log what writers have changed, by export."""
    by_export: dict[tuple[int, Dataset], dict[str, int | None]] = defaultdict(dict)
    for change in changes:
        by_export[change.ej_id, change.dataset][change.table] = change.rows
    for (ej_id, dataset), rows in islice(by_export.items(), MOST_LINES):
        _log.info(
            "invalidated",
            dataset=dataset.value,
            ej_id="every" if ej_id == EVERY_EJ else ej_id,
            changes=rows,
        )
    if len(by_export) > MOST_LINES:
        _log.info("invalidated_more", exports=len(by_export) - MOST_LINES)

"""Owns the upkeep of the database that goes on while the server runs."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn

import structlog

_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class Upkeep:
    """Compacts the revisions, again and again. Exports are right without it, only slower in time."""

    def __init__(self, compact: Callable[[], Awaitable[bool]]) -> None:
        self._compact = compact

    async def run(self, *, seconds: float = 1.0, failing_seconds: float = 10.0) -> NoReturn:
        """Goes on until it is cancelled.

        Args:
            seconds: how long to wait when there is nothing left to do.
            failing_seconds: how long to wait after a failure; its kind is logged once.
        """
        failing = False
        while True:
            try:
                more = await self._compact()
            except Exception as error:  # noqa: BLE001 - whatever it is, the next attempt may succeed
                if not failing:
                    _log.warning("upkeep_failing", error=type(error).__name__)
                failing = True
                await asyncio.sleep(failing_seconds)
            else:
                if failing:
                    _log.info("upkeep_recovered")
                failing = False
                await asyncio.sleep(0 if more else seconds)

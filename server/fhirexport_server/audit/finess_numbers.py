"""The FINESS numbers of EJs, so that lines name EJs as people know them."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, NoReturn, Protocol

import structlog

from fhirexport_server.domain.errors import FhirExportError
from fhirexport_server.domain.rows import EjRow

_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

_LOOK_UP_SECONDS: Final = 60.0
_SOON_SECONDS: Final = 1.0
_MOST_EJS: Final = 10_000


class EjLookup(Protocol):
    """The database as this module uses it."""

    async def legal_entities(self, *, finess: str | None, after_id: int, limit: int) -> Sequence[EjRow]:
        """Return at most `limit` EJs by ascending id, from the one after `after_id`.

        Raises:
            FhirExportError: The database cannot answer.
        """


class FinessNumbers:
    """What is known of the EJs' numbers. No call waits for it."""

    def __init__(self, database: EjLookup) -> None:
        self._database = database
        self._numbers: Mapping[int, str] = {}
        self._missed = asyncio.Event()

    def of(self, ej_id: int) -> str | None:
        """Return an EJ's number, where it is known."""
        found = self._numbers.get(ej_id)
        if found is None:
            self._missed.set()
        return found

    async def look_up(self) -> None:
        """Look up all of them anew. What was known stays, where the database does not answer."""
        try:
            rows = await self._database.legal_entities(finess=None, after_id=0, limit=_MOST_EJS)
        except FhirExportError:
            return
        except Exception as error:  # noqa: BLE001 - a bug of the look-up must not end the next ones
            _log.error("internal_error", error=type(error).__name__)
            return
        self._numbers = {row.id: row.finess for row in rows}

    async def run(self) -> NoReturn:
        """Look up for ever: soon after an EJ was not known, else each minute."""
        while True:
            await self.look_up()
            await asyncio.sleep(_SOON_SECONDS)
            self._missed.clear()
            try:
                async with asyncio.timeout(_LOOK_UP_SECONDS):
                    await self._missed.wait()
            except TimeoutError:
                continue

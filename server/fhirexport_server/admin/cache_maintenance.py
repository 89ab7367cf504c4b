"""Maintenance of the database's revisions and the shared cache while the server runs."""

from fhirexport_server.cache.port import SharedCache
from fhirexport_server.domain.changes import Compaction
from fhirexport_server.store.async_database import AsyncDatabase
from fhirexport_server.telemetry.metrics import Metrics


class CacheMaintenance:
    """The work of `runtime.upkeep`. Each method may raise an error of the database."""

    def __init__(self, database: AsyncDatabase, shared: SharedCache, metrics: Metrics) -> None:
        self._database = database
        self._shared = shared
        self._metrics = metrics

    async def compact(self) -> Compaction:
        """Fold some deltas of revisions; return what writers have changed."""
        compaction = await self._database.compact()
        self._metrics.folded(compaction.left)
        return compaction

    async def settle(self) -> None:
        """Write the hit counts of renderings to the shared cache."""
        await self._shared.settle()

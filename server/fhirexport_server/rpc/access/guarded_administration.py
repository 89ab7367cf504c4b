"""The cache as far as the caller has a right to it, and no further."""

from collections.abc import Collection, Sequence

from fhirexport_server.access.access_control import Reach
from fhirexport_server.access.right import Action
from fhirexport_server.admin.administration import CacheHealth, CacheStats, Listing, Removal
from fhirexport_server.admin.pattern import Pattern
from fhirexport_server.cache.entry import Variant
from fhirexport_server.cache.redis.inspection import EntryFacts
from fhirexport_server.domain.audit import AuditEntry
from fhirexport_server.domain.datasets import EVERY_EJ
from fhirexport_server.rpc.access.call_rights import CallRights
from fhirexport_server.rpc.cache.service import CacheAdministration


class GuardedAdministration:
    """An administration that shows and touches what the caller may. To it, nothing else is there."""

    def __init__(self, administration: CacheAdministration, rights: CallRights) -> None:
        self._administration = administration
        self._rights = rights

    async def stats(self, ids: Collection[int] | None = None) -> CacheStats:
        """Count the entries that the caller may see."""
        del ids
        reach = self._rights.reach(Action.CACHE_READ)
        return await self._administration.stats(None if reach.every else reach.ids)

    async def health(self) -> CacheHealth:
        """Return the health of the cache, which says nothing of any EJ."""
        return await self._administration.health()

    async def invalidate(self, pattern: Pattern, entry: AuditEntry) -> Removal:
        """Invalidate the entries that match a pattern and are the caller's."""
        return await self._administration.invalidate(self._within(pattern, Action.CACHE_ADMIN), entry)

    async def flush(self, entry: AuditEntry) -> Removal:
        """Invalidate and delete all entries.

        Raises:
            AccessDeniedError: The caller does not look after all of them.
        """
        self._rights.require(Action.CACHE_ADMIN, EVERY_EJ)
        return await self._administration.flush(entry)

    async def preview(self, pattern: Pattern) -> Removal:
        """Return what `invalidate` would match."""
        return await self._administration.preview(self._within(pattern, Action.CACHE_ADMIN))

    async def entries(self, pattern: Pattern, size: int, cursor: tuple[int, int]) -> Listing:
        """Return a page of the entries that match a pattern and that the caller may see."""
        return await self._administration.entries(self._within(pattern, Action.CACHE_READ), size, cursor)

    async def entry(self, variant: Variant) -> EntryFacts | None:
        """Return the facts of one entry; None where there is none that the caller may see."""
        if not self._rights.reach(Action.CACHE_READ).holds(variant.ej_id):
            return None
        return await self._administration.entry(variant)

    async def warmed(self, ej_ids: Sequence[int]) -> Sequence[int]:
        """Return the EJs to warm: those named, or all that the caller looks after where none is.

        Raises:
            AccessDeniedError: One that is named is not the caller's.
        """
        for ej_id in ej_ids:
            self._rights.require(Action.CACHE_ADMIN, ej_id)
        reach: Reach = self._rights.reach(Action.CACHE_ADMIN)
        return [ej_id for ej_id in await self._administration.warmed(ej_ids) if reach.holds(ej_id)]

    def _within(self, pattern: Pattern, action: Action) -> Pattern:
        reach = self._rights.reach(action)
        return pattern if reach.every else pattern.within(reach.ids)

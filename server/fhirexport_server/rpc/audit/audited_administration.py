"""The cache, which is neither shown nor touched before that is written down."""

import re
from collections.abc import Collection, Sequence

from fhirexport_server.admin.administration import CacheHealth, CacheStats, Listing, Removal
from fhirexport_server.admin.pattern import Pattern
from fhirexport_server.cache.entry import Variant
from fhirexport_server.cache.redis.inspection import EntryFacts
from fhirexport_server.domain.audit import AuditEntry
from fhirexport_server.domain.datasets import Dataset, Detail, Format
from fhirexport_server.rpc.audit.call_audit import CallAudit
from fhirexport_server.rpc.cache.service import CacheAdministration

_PART = re.compile(
    rf"[*?0-9]*|fhir|export|ej|v|{'|'.join((*Dataset, *Format, Detail.MOVEMENTS))}",
    re.ASCII,
)


class AuditedAdministration:
    """An administration that works for the call in progress, or raises AuditUnavailableError."""

    def __init__(self, administration: CacheAdministration, audit: CallAudit) -> None:
        self._administration = administration
        self._audit = audit

    async def stats(self, ids: Collection[int] | None = None) -> CacheStats:
        """Count the entries."""
        await self._audit.begin()
        return await self._administration.stats(ids)

    async def health(self) -> CacheHealth:
        """Return the health of the cache."""
        await self._audit.begin()
        return await self._administration.health()

    async def invalidate(self, pattern: Pattern, entry: AuditEntry) -> Removal:
        """Invalidate the entries that match a pattern."""
        await self._audit.begin(pattern=_plain(pattern))
        return await self._administration.invalidate(pattern, entry)

    async def flush(self, entry: AuditEntry) -> Removal:
        """Invalidate and delete all entries."""
        await self._audit.begin()
        return await self._administration.flush(entry)

    async def preview(self, pattern: Pattern) -> Removal:
        """Return what `invalidate` would match."""
        await self._audit.begin(pattern=_plain(pattern), dry_run=True)
        return await self._administration.preview(pattern)

    async def entries(self, pattern: Pattern, size: int, cursor: tuple[int, int]) -> Listing:
        """Return a page of entries."""
        await self._audit.begin(pattern=_plain(pattern))
        return await self._administration.entries(pattern, size, cursor)

    async def entry(self, variant: Variant) -> EntryFacts | None:
        """Return the facts of one entry."""
        await self._audit.begin(ej_id=variant.ej_id, dataset=variant.dataset.value)
        return await self._administration.entry(variant)

    async def warmed(self, ej_ids: Sequence[int]) -> Sequence[int]:
        """Return the EJs to warm."""
        await self._audit.begin(ejs=list(ej_ids) or "all")
        return await self._administration.warmed(ej_ids)


def _plain(pattern: Pattern) -> str:
    """Return a pattern that is made of the words of keys, numbers and wildcards; of any other, only that."""
    is_plain = all(_PART.fullmatch(part) for part in re.split(r"[:.]", pattern.text))
    return pattern.text if is_plain else "another"

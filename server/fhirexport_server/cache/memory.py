"""Owns the level-1 cache: what this process keeps in memory, bounded in bytes, least recently used out."""

from collections import OrderedDict
from enum import StrEnum

from fhirexport_server.cache.entry import Entry, Variant


class Outcome(StrEnum):
    """What a look into a cache found."""

    HIT = "hit"
    STALE = "stale"
    """There is an entry, of another state of the data. It is gone now."""
    MISS = "miss"


class MemoryCache:
    """Keeps entries in memory. Used on one event loop; nothing in it blocks."""

    def __init__(self, limit_bytes: int) -> None:
        """Keeps at most `limit_bytes` of frames; 0 keeps nothing, which is how a cache is switched off."""
        self._limit = limit_bytes
        self._entries: OrderedDict[Variant, Entry] = OrderedDict()
        self._used = 0

    @property
    def largest(self) -> int:
        """The largest entry that is worth offering, in bytes: an eighth of the whole."""
        return self._limit // 8

    def look(self, variant: Variant, etag: str) -> tuple[Outcome, Entry | None]:
        """Returns the entry of a variant if it has this etag, and what was found."""
        entry = self._entries.get(variant)
        if entry is None:
            return Outcome.MISS, None
        if entry.etag != etag:
            self._drop(variant)
            return Outcome.STALE, None
        self._entries.move_to_end(variant)
        return Outcome.HIT, entry

    def keep(self, variant: Variant, entry: Entry) -> None:
        """Keeps an entry in place of the variant's last; one that is too large is not kept."""
        self._drop(variant)
        if entry.size > self.largest:
            return
        self._entries[variant] = entry
        self._used += entry.size
        while self._used > self._limit:
            self._drop(next(iter(self._entries)))

    def _drop(self, variant: Variant) -> None:
        entry = self._entries.pop(variant, None)
        if entry is not None:
            self._used -= entry.size

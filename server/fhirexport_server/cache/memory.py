"""The level-1 cache: renderings in this process's memory, bounded in bytes, least recently used out first."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from fhirexport_server.cache.entry import Entry, Variant
from fhirexport_server.domain.outcomes import LookupOutcome


@dataclass
class _Kept:
    entry: Entry
    expires: float
    validated: float
    """A time at which the entry was known to be current."""


class MemoryCache:
    """Keeps entries in memory. It belongs to one event loop, and never blocks."""

    def __init__(self, limit_bytes: int, clock: Callable[[], float]) -> None:
        """Make an empty cache.

        Args:
            limit_bytes: How many bytes of frames to keep at most; 0 switches the cache off.
            clock: A monotonic clock, in seconds. All times below are this clock's.
        """
        self._limit = limit_bytes
        self._clock = clock
        self._kept: OrderedDict[Variant, _Kept] = OrderedDict()
        self._used = 0

    @property
    def largest(self) -> int:
        """The size of the largest entry that is kept, in bytes: an eighth of the whole."""
        return self._limit // 8

    @property
    def used(self) -> int:
        """The size of all entries, in bytes."""
        return self._used

    def __len__(self) -> int:
        return len(self._kept)

    def look(self, variant: Variant, etag: str, validated: float) -> tuple[LookupOutcome, Entry | None]:
        """Return the outcome, and the entry of a variant where it has this etag.

        Args:
            variant: The variant to look up.
            etag: The etag that the entry must have.
            validated: The time since which this etag is known to be current.
        """
        kept = self._current(variant)
        if kept is None:
            return LookupOutcome.MISS, None
        if kept.entry.description.etag != etag:
            return LookupOutcome.STALE, None
        kept.validated = max(kept.validated, validated)
        self._kept.move_to_end(variant)
        return LookupOutcome.HIT, kept.entry

    def same(self, variant: Variant, etag: str) -> Entry | None:
        """Return the entry of a variant if it has this etag, whether it is current or not."""
        kept = self._current(variant)
        return kept.entry if kept is not None and kept.entry.description.etag == etag else None

    def recent(self, variant: Variant, fingerprint: str, since: float) -> Entry | None:
        """Return the entry of a variant if it is known to have been current at `since` or later.

        Args:
            variant: The variant to look up.
            fingerprint: The end that its etag must have.
            since: The time.
        """
        kept = self._current(variant)
        if kept is None or kept.validated < since:
            return None
        if not kept.entry.description.etag.endswith(f"-{fingerprint}"):
            return None
        self._kept.move_to_end(variant)
        return kept.entry

    def keep(self, variant: Variant, entry: Entry, *, validated: float, seconds: float) -> None:
        """Keep an entry in place of the variant's former one, unless it is too large.

        Args:
            variant: The variant that it is a rendering of.
            entry: The entry to keep.
            validated: A time at which it was known to be current.
            seconds: How long it may be kept, in seconds.
        """
        self._drop(variant)
        if entry.size > self.largest:
            return
        self._kept[variant] = _Kept(entry, self._clock() + seconds, validated)
        self._used += entry.size
        while self._used > self._limit:
            self._drop(next(iter(self._kept)))

    def _current(self, variant: Variant) -> _Kept | None:
        kept = self._kept.get(variant)
        if kept is not None and kept.expires <= self._clock():
            self._drop(variant)
            return None
        return kept

    def _drop(self, variant: Variant) -> None:
        kept = self._kept.pop(variant, None)
        if kept is not None:
            self._used -= kept.entry.size

"""Owns the level-1 cache: what this process keeps in memory, bounded in bytes, least recently used out."""

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
    """A moment at which the entry was known to be current."""


class MemoryCache:
    """Keeps entries in memory. Used on one event loop; nothing in it blocks."""

    def __init__(self, limit_bytes: int, clock: Callable[[], float]) -> None:
        """Makes an empty cache.

        Args:
            limit_bytes: keeps at most so many bytes of frames; 0 keeps nothing, and so switches it off.
            clock: a monotonic clock, in seconds; every moment below is one of its.
        """
        self._limit = limit_bytes
        self._clock = clock
        self._kept: OrderedDict[Variant, _Kept] = OrderedDict()
        self._used = 0

    @property
    def largest(self) -> int:
        """The largest entry that is worth offering, in bytes: an eighth of the whole."""
        return self._limit // 8

    @property
    def used(self) -> int:
        """How many bytes the entries take."""
        return self._used

    def __len__(self) -> int:
        return len(self._kept)

    def look(self, variant: Variant, etag: str, validated: float) -> tuple[LookupOutcome, Entry | None]:
        """Returns the entry of a variant if it has this etag, and what was found.

        Args:
            variant: what is wanted.
            etag: the only one that will do.
            validated: the moment from which on this etag is known to be current.
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
        """Returns the entry of a variant if it has this etag, which need not be current."""
        kept = self._current(variant)
        return kept.entry if kept is not None and kept.entry.description.etag == etag else None

    def recent(self, variant: Variant, fingerprint: str, since: float) -> Entry | None:
        """Returns the entry of a variant if it is known to have been current at `since` or later.

        Args:
            variant: what is wanted.
            fingerprint: what its etag must end with.
            since: the moment.
        """
        kept = self._current(variant)
        if kept is None or kept.validated < since:
            return None
        if not kept.entry.description.etag.endswith(f"-{fingerprint}"):
            return None
        self._kept.move_to_end(variant)
        return kept.entry

    def keep(self, variant: Variant, entry: Entry, *, validated: float, seconds: float) -> None:
        """Keeps an entry in place of the variant's last; one that is too large is not kept.

        Args:
            variant: what it is a rendering of.
            entry: the rendering.
            validated: a moment at which it was known to be current.
            seconds: how long it may be kept.
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

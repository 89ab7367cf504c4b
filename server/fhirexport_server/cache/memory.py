"""The level-1 cache: segments and manifests in this process's memory, bounded in bytes."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Final

from fhirexport_server.cache.entry import Description, Variant
from fhirexport_server.cache.former_manifests import FormerManifests
from fhirexport_server.cache.ready_answers import ReadyAnswers
from fhirexport_server.domain.outcomes import LookupOutcome
from fhirexport_server.domain.segments import Chunk, Manifest

LISTED_BYTES: Final = 320
"""What a segment's line in a manifest takes in memory, as measured with CPython 3.11 on 64 bits."""
CHUNK_BYTES: Final = 400
"""What a kept chunk takes beside its frame: the objects, and its places in the tables."""


@dataclass
class _Kept:
    description: Description
    size: int
    expires: float
    validated: float
    """A time at which the rendering was known to be current."""


FORMS: Final = ("json", "zstd")
"""The forms of whole answers: with the text, and with its compressed frames."""


class MemoryCache:
    """Keeps segments by their digests, and descriptions of renderings by their variants.

    They go separately: a description says which segments a rendering has, and any of these may be gone.
    Descriptions belong to one event loop. Segments may be read and kept in any thread.
    """

    def __init__(self, limit_bytes: int, clock: Callable[[], float]) -> None:
        """Make an empty cache.

        Args:
            limit_bytes: How many bytes to keep at most, of which descriptions may take a half, and
                whole answers a quarter; 0 switches the cache off.
            clock: A monotonic clock, in seconds. All times below are this clock's.
        """
        self._limit = limit_bytes
        self._clock = clock
        self._kept: OrderedDict[Variant, _Kept] = OrderedDict()
        self._described = 0
        self._former = FormerManifests(limit_bytes // 16)
        self._answers = ReadyAnswers(limit_bytes // 4)
        self._lock = Lock()
        self._segments: OrderedDict[bytes, tuple[Chunk, ...]] = OrderedDict()
        self._held = 0

    @property
    def limit(self) -> int:
        """How many bytes it may take."""
        return self._limit

    @property
    def share(self) -> int:
        """How many bytes of segments one rendering may put in: more would wash out what others need."""
        return self._limit // 4

    @property
    def largest(self) -> int:
        """How many bytes the chunks of a segment may take: larger ones are not kept."""
        return self._limit // 8

    @property
    def used(self) -> int:
        """How many bytes it takes."""
        return self._described + self._former.used + self._answers.used + self._held

    def __len__(self) -> int:
        return len(self._kept)

    # --- descriptions ---

    def look(self, variant: Variant, etag: str, validated: float) -> tuple[LookupOutcome, Description | None]:
        """Return the outcome, and the description of a variant's rendering where it has this etag.

        Args:
            variant: The variant to look up.
            etag: The etag that the rendering must have.
            validated: The time since which this etag is known to be current.
        """
        kept = self._current(variant)
        if kept is None:
            return LookupOutcome.MISS, None
        if kept.description.etag != etag:
            return LookupOutcome.STALE, None
        kept.validated = max(kept.validated, validated)
        self._kept.move_to_end(variant)
        return LookupOutcome.HIT, kept.description

    def same(self, variant: Variant, etag: str) -> Description | None:
        """Return the description of a variant's rendering if it has this etag, current or not."""
        newest = self.newest(variant)
        return newest if newest is not None and newest.etag == etag else None

    def recent(self, variant: Variant, fingerprint: str, since: float) -> Description | None:
        """Return the description of a variant's rendering that was known to be current at `since` or later.

        Args:
            variant: The variant to look up.
            fingerprint: The end that its etag must have.
            since: The time.
        """
        kept = self._current(variant)
        if kept is None or kept.validated < since:
            return None
        if not kept.description.etag.endswith(f"-{fingerprint}"):
            return None
        self._kept.move_to_end(variant)
        return kept.description

    def newest(self, variant: Variant) -> Description | None:
        """Return the description of a variant's last rendering, whatever its revision and fingerprint."""
        kept = self._current(variant)
        return None if kept is None else kept.description

    def manifest(self, variant: Variant, root: bytes) -> Manifest | None:
        """Return the manifest of a variant's rendering with this root, current or not; None if unknown."""
        newest = self.newest(variant)
        if newest is not None and newest.manifest.root == root:
            return newest.manifest
        return self._former.get(variant, root)

    def keep(self, variant: Variant, description: Description, *, validated: float, seconds: float) -> None:
        """Keep a description in place of the variant's former one, unless it is too large.

        Args:
            variant: The variant that it is a rendering of.
            description: The description to keep.
            validated: A time at which it was known to be current.
            seconds: How long it may be kept, in seconds.
        """
        former = self._kept.get(variant)
        if former is not None and former.description.etag != description.etag:
            self._former.keep(variant, former.description.manifest)
        self._drop(variant)
        size = LISTED_BYTES * (1 + len(description.manifest.segments))
        if description.base is not None:
            size += len(description.base.position) + len(description.base.context)
        if size > self._limit // 2:
            return
        self._kept[variant] = _Kept(description, size, self._clock() + seconds, validated)
        self._described += size
        while self._described > self._limit // 2:
            self._drop(next(iter(self._kept)))
        with self._lock:
            self._make_room()

    def _current(self, variant: Variant) -> _Kept | None:
        kept = self._kept.get(variant)
        if kept is not None and kept.expires <= self._clock():
            self._drop(variant)
            return None
        return kept

    def _drop(self, variant: Variant) -> None:
        kept = self._kept.pop(variant, None)
        if kept is not None:
            self._described -= kept.size
            self._answers.drop(variant, FORMS)

    # --- whole answers ---

    def answer(self, variant: Variant, description: Description, form: str) -> bytes | None:
        """Return the whole answer that was made of a description; None where it is not kept."""
        return self._answers.get(variant, form, description)

    def keep_answer(self, variant: Variant, description: Description, form: str, answer: bytes) -> None:
        """Keep the whole answer that was made of a description as long as that, unless it is too large.

        Args:
            variant: The variant of the rendering.
            description: The description, as it was found here.
            form: Which of FORMS the answer has.
            answer: Its bytes.
        """
        kept = self._kept.get(variant)
        if kept is not None and kept.description is description:
            self._answers.keep(variant, form, description, answer)
            with self._lock:
                self._make_room()

    # --- segments ---

    def frames(self, digest: bytes) -> tuple[Chunk, ...] | None:
        """Return the chunks of a segment, as they were kept; None where it is not kept."""
        with self._lock:
            chunks = self._segments.get(digest)
            if chunks is not None:
                self._segments.move_to_end(digest)
            return chunks

    def keep_segment(self, digest: bytes, chunks: tuple[Chunk, ...]) -> None:
        """Keep the chunks of a segment, unless they are too large.

        Those least recently used go first.
        """
        size = _size(chunks)
        with self._lock:
            former = self._segments.pop(digest, None)
            if former is not None:
                self._held -= _size(former)
            if size > self.largest:
                return
            self._segments[digest] = chunks
            self._held += size
            self._make_room()

    def _make_room(self) -> None:
        while self._segments and self.used > self._limit:
            _, chunks = self._segments.popitem(last=False)
            self._held -= _size(chunks)


def _size(chunks: tuple[Chunk, ...]) -> int:
    return sum(len(chunk.frame) + CHUNK_BYTES for chunk in chunks)

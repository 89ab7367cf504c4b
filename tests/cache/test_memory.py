"""Shows what the level-1 cache keeps, and that it serves nothing but the state that is asked for."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from fhirexport_server.cache.entry import Base, Description, Variant
from fhirexport_server.cache.memory import CHUNK_BYTES, LISTED_BYTES, MemoryCache
from fhirexport_server.domain.datasets import Dataset, Detail, Format
from fhirexport_server.domain.outcomes import LookupOutcome
from fhirexport_server.domain.segments import Block, Chunk, Manifest, Segment, Totals
from hypothesis import given
from hypothesis import strategies as st

LIMIT = 16_000
SEGMENT = Segment(Block(0, 7), 1, 1, 100, bytes(32))


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def variant(number: int = 1) -> Variant:
    return Variant(number, Dataset.VENUES, Format.BUNDLE, Detail.SUMMARY)


def described(etag: str, segments: int = 1, base: Base | None = None) -> Description:
    totals = Totals(segments, 100 * segments, "0" * 64)
    manifest = Manifest((SEGMENT,) * segments)
    return Description(etag, "token", datetime(2026, 1, 1, tzinfo=UTC), totals, manifest, base)


def chunks(size: int = 50) -> tuple[Chunk, ...]:
    return (Chunk(bytes(size), size * 2, 1),)


def keep(cache: MemoryCache, number: int, kept: Description, *, validated: float = 1000.0) -> None:
    cache.keep(variant(number), kept, validated=validated, seconds=300)


def test_a_rendering_is_found_by_its_etag_only() -> None:
    cache = MemoryCache(LIMIT, Clock())
    assert cache.look(variant(), "a", 1000) == (LookupOutcome.MISS, None)
    kept = described("a")
    keep(cache, 1, kept)
    assert cache.look(variant(), "a", 1000) == (LookupOutcome.HIT, kept)
    assert cache.look(variant(2), "a", 1000) == (LookupOutcome.MISS, None)
    assert cache.look(variant(), "b", 1000) == (LookupOutcome.STALE, None)
    assert (cache.same(variant(), "a"), cache.same(variant(), "b")) == (kept, None)


def test_the_newest_is_found_whatever_its_etag() -> None:
    cache = MemoryCache(LIMIT, Clock())
    assert cache.newest(variant()) is None
    for etag in ("a", "b"):
        keep(cache, 1, described(etag))
        assert cache.newest(variant()) == described(etag)
    assert cache.newest(variant(2)) is None


def test_a_rendering_is_kept_no_longer_than_it_may_be() -> None:
    clock = Clock()
    cache = MemoryCache(LIMIT, clock)
    cache.keep(variant(), described("a"), validated=1000, seconds=10)
    clock.now += 9.9
    assert cache.look(variant(), "a", clock.now)[0] is LookupOutcome.HIT
    clock.now += 0.1
    assert cache.look(variant(), "a", clock.now) == (LookupOutcome.MISS, None)
    assert (cache.same(variant(), "a"), cache.recent(variant(), "a", 0)) == (None, None)
    assert cache.newest(variant()) is None


def test_a_rendering_is_recent_since_it_was_last_known_to_be_current() -> None:
    cache = MemoryCache(LIMIT, Clock())
    kept = described("1-2-shape")
    keep(cache, 1, kept, validated=900)
    assert cache.recent(variant(), "shape", 900) == kept
    assert cache.recent(variant(), "shape", 900.1) is None
    cache.look(variant(), "1-2-shape", 950)
    assert cache.recent(variant(), "shape", 950) == kept
    assert cache.recent(variant(), "shape", 950.1) is None
    cache.look(variant(), "3-4-shape", 980)
    assert cache.recent(variant(), "shape", 980) is None


def test_a_recent_rendering_must_have_the_fingerprint() -> None:
    cache = MemoryCache(LIMIT, Clock())
    keep(cache, 1, described("1-2-shape"))
    assert cache.recent(variant(), "hape", 0) is None
    assert cache.recent(variant(2), "shape", 0) is None


def test_segments_are_found_by_their_digests_as_they_were_kept() -> None:
    cache = MemoryCache(LIMIT, Clock())
    assert cache.frames(b"a") is None
    cache.keep_segment(b"a", chunks())
    assert (cache.frames(b"a"), cache.frames(b"b")) == (chunks(), None)
    cache.keep_segment(b"a", chunks(60))
    assert cache.frames(b"a") == chunks(60)
    assert cache.used == 60 + CHUNK_BYTES


def test_segments_least_recently_used_go_first() -> None:
    cache = MemoryCache(LIMIT, Clock())
    for number in range(10):
        cache.keep_segment(bytes([number]), chunks(1600 - CHUNK_BYTES))
    assert cache.frames(b"\0") is not None
    cache.keep_segment(b"new", chunks(1600 - CHUNK_BYTES))
    assert (cache.frames(b"\0") is None, cache.frames(b"\1") is None) == (False, True)


def test_a_segment_that_is_too_large_is_not_kept_and_replaces_what_was() -> None:
    cache = MemoryCache(LIMIT, Clock())
    cache.keep_segment(b"a", chunks())
    cache.keep_segment(b"a", chunks(LIMIT // 8 - CHUNK_BYTES + 1))
    assert (cache.frames(b"a"), cache.used) == (None, 0)
    cache.keep_segment(b"a", chunks(LIMIT // 8 - CHUNK_BYTES))
    assert cache.frames(b"a") is not None


def test_descriptions_take_a_half_at_most() -> None:
    cache = MemoryCache(LIMIT, Clock())
    half = LIMIT // 2 // LISTED_BYTES
    keep(cache, 1, described("a", half - 1))
    assert len(cache) == 1
    keep(cache, 1, described("a", half))
    assert (len(cache), cache.used) == (0, 0)
    keep(cache, 1, described("a", half - 1, Base("p" * LISTED_BYTES, "c")))
    assert len(cache) == 0
    for number in range(half):
        keep(cache, number, described("a"))
        cache.look(variant(0), "a", 1000)
    assert len(cache) == half // 2
    assert (cache.newest(variant(0)) is None, cache.newest(variant(1)) is None) == (False, True)


def test_descriptions_push_segments_out() -> None:
    cache = MemoryCache(LIMIT, Clock())
    for number in range(10):
        cache.keep_segment(bytes([number]), chunks(1600 - CHUNK_BYTES))
    keep(cache, 1, described("a", 9))
    assert cache.used <= LIMIT
    assert [cache.frames(bytes([number])) is None for number in range(4)] == [True, True, False, False]


def test_without_room_nothing_is_kept() -> None:
    cache = MemoryCache(0, Clock())
    keep(cache, 1, described("a", 0))
    cache.keep_segment(b"a", chunks(1))
    assert cache.look(variant(), "a", 1000) == (LookupOutcome.MISS, None)
    assert (cache.frames(b"a"), cache.used) == (None, 0)


def test_threads_may_keep_and_read_segments() -> None:
    cache = MemoryCache(LIMIT, Clock())

    def work(seed: int) -> None:
        for step in range(2000):
            digest = bytes([seed * step % 23])
            found = cache.frames(digest)
            assert found in {None, chunks(digest[0] + 1)}
            cache.keep_segment(digest, chunks(digest[0] + 1))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, (1, 3, 5, 7)))
    held = [found for number in range(23) if (found := cache.frames(bytes([number])))]
    assert cache.used == sum(len(one.frame) + CHUNK_BYTES for found in held for one in found)


STEPS = st.tuples(st.integers(0, 12), st.sampled_from("ab"), st.integers(0, 30), st.booleans(), st.booleans())


@given(st.lists(STEPS, max_size=60))
def test_it_never_takes_more_than_it_may(steps: list[tuple[int, str, int, bool, bool]]) -> None:
    cache = MemoryCache(LIMIT, Clock())
    model: dict[int, str] = {}
    digests: dict[bytes, tuple[Chunk, ...]] = {}
    for number, etag, size, is_look, is_segment in steps:
        digest = bytes([number])
        if is_look and is_segment:
            assert cache.frames(digest) in {None, digests.get(digest)}
        elif is_look:
            outcome, found = cache.look(variant(number), etag, 1000)
            assert (found is not None) is (outcome is LookupOutcome.HIT)
            if found is not None:
                assert (found.etag, model[number]) == (etag, etag)
        elif is_segment:
            digests[digest] = chunks(size * 60)
            cache.keep_segment(digest, digests[digest])
        else:
            keep(cache, number, described(etag, size))
            model[number] = etag
        lists = [
            len(kept.manifest.segments)
            for number in range(13)
            if (kept := cache.newest(variant(number))) is not None
        ]
        frames = [len(part[0].frame) for one in digests if (part := cache.frames(one)) is not None]
        used = sum((one + 1) * LISTED_BYTES for one in lists) + sum(one + CHUNK_BYTES for one in frames)
        former = cache._former.used  # noqa: SLF001 - no caller needs to know it
        assert former <= LIMIT // 16
        assert used + former == cache.used <= LIMIT

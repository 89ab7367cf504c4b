"""Shows what the level-1 cache keeps, and that it serves nothing but the state that is asked for."""

from datetime import UTC, datetime

from fhirexport_server.cache.entry import Description, Entry, Variant
from fhirexport_server.cache.memory import MemoryCache
from fhirexport_server.domain.datasets import Dataset, Detail, Format
from fhirexport_server.domain.outcomes import LookupOutcome
from fhirexport_server.domain.segments import Chunk, Totals
from hypothesis import given
from hypothesis import strategies as st

LIMIT = 800


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def variant(number: int = 1) -> Variant:
    return Variant(number, Dataset.VENUES, Format.BUNDLE, Detail.SUMMARY)


def entry(etag: str, size: int = 50) -> Entry:
    chunk = Chunk(bytes(size), size * 2, 1)
    totals = Totals(1, size * 2, "0" * 64)
    return Entry(Description(etag, "token", datetime(2026, 1, 1, tzinfo=UTC), totals), (chunk,))


def keep(cache: MemoryCache, number: int, kept: Entry, *, validated: float = 1000.0) -> None:
    cache.keep(variant(number), kept, validated=validated, seconds=300)


def test_an_entry_is_found_by_its_etag_only() -> None:
    cache = MemoryCache(LIMIT, Clock())
    assert cache.look(variant(), "a", 1000) == (LookupOutcome.MISS, None)
    kept = entry("a")
    keep(cache, 1, kept)
    assert cache.look(variant(), "a", 1000) == (LookupOutcome.HIT, kept)
    assert cache.look(variant(2), "a", 1000) == (LookupOutcome.MISS, None)
    assert cache.look(variant(), "b", 1000) == (LookupOutcome.STALE, None)
    assert (cache.same(variant(), "a"), cache.same(variant(), "b")) == (kept, None)


def test_an_entry_is_kept_no_longer_than_it_may_be() -> None:
    clock = Clock()
    cache = MemoryCache(LIMIT, clock)
    cache.keep(variant(), entry("a"), validated=1000, seconds=10)
    clock.now += 9.9
    assert cache.look(variant(), "a", clock.now)[0] is LookupOutcome.HIT
    clock.now += 0.1
    assert cache.look(variant(), "a", clock.now) == (LookupOutcome.MISS, None)
    assert (cache.same(variant(), "a"), cache.recent(variant(), "a", 0)) == (None, None)


def test_an_entry_is_recent_since_it_was_last_known_to_be_current() -> None:
    cache = MemoryCache(LIMIT, Clock())
    kept = entry("1-2-shape")
    keep(cache, 1, kept, validated=900)
    assert cache.recent(variant(), "shape", 900) == kept
    assert cache.recent(variant(), "shape", 900.1) is None
    cache.look(variant(), "1-2-shape", 950)
    assert cache.recent(variant(), "shape", 950) == kept
    assert cache.recent(variant(), "shape", 950.1) is None
    cache.look(variant(), "3-4-shape", 980)
    assert cache.recent(variant(), "shape", 980) is None


def test_a_recent_entry_must_have_the_fingerprint() -> None:
    cache = MemoryCache(LIMIT, Clock())
    keep(cache, 1, entry("1-2-shape"))
    assert cache.recent(variant(), "hape", 0) is None
    assert cache.recent(variant(2), "shape", 0) is None


def test_the_least_recently_used_goes_first() -> None:
    cache = MemoryCache(LIMIT, Clock())
    for number in range(8):
        keep(cache, number, entry("a", 100))
    cache.look(variant(0), "a", 1000)
    keep(cache, 8, entry("a", 100))
    assert cache.look(variant(1), "a", 1000)[0] is LookupOutcome.MISS
    assert cache.look(variant(0), "a", 1000)[0] is LookupOutcome.HIT


def test_what_is_too_large_is_not_kept_and_replaces_what_was() -> None:
    cache = MemoryCache(LIMIT, Clock())
    keep(cache, 1, entry("a"))
    keep(cache, 1, entry("b", LIMIT // 8 + 1))
    assert cache.look(variant(), "a", 1000) == (LookupOutcome.MISS, None)


def test_without_room_nothing_is_kept() -> None:
    cache = MemoryCache(0, Clock())
    keep(cache, 1, entry("a", 1))
    assert cache.look(variant(), "a", 1000) == (LookupOutcome.MISS, None)


@given(
    st.lists(
        st.tuples(st.integers(0, 12), st.sampled_from("ab"), st.integers(1, 120), st.booleans()), max_size=60
    )
)
def test_it_never_takes_more_than_it_may(steps: list[tuple[int, str, int, bool]]) -> None:
    cache = MemoryCache(LIMIT, Clock())
    model: dict[int, str] = {}
    for number, etag, size, is_look in steps:
        if is_look:
            outcome, found = cache.look(variant(number), etag, 1000)
            assert (found is not None) is (outcome is LookupOutcome.HIT)
            if found is not None:
                assert (found.description.etag, model[number]) == (etag, etag)
        else:
            keep(cache, number, entry(etag, size))
            model[number] = etag
        held = [found for number in range(13) for one in "ab" if (found := cache.same(variant(number), one))]
        assert sum(one.size for one in held) <= LIMIT

"""Shows what the level-1 cache keeps, and that it serves nothing but the state that is asked for."""

from datetime import UTC, datetime

from fhirexport_server.cache.entry import Entry, Variant
from fhirexport_server.cache.memory import MemoryCache, Outcome
from fhirexport_server.domain.chunks import Chunk, Totals
from fhirexport_server.domain.datasets import Dataset, Detail, Format
from hypothesis import given
from hypothesis import strategies as st

LIMIT = 800


def variant(number: int = 1) -> Variant:
    return Variant(number, Dataset.VENUES, Format.BUNDLE, Detail.SUMMARY)


def entry(etag: str, size: int = 50) -> Entry:
    chunk = Chunk(bytes(size), size * 2, 1)
    return Entry(etag, "token", datetime(2026, 1, 1, tzinfo=UTC), (chunk,), Totals(1, size * 2, "0" * 64))


def test_an_entry_is_found_by_its_etag_only() -> None:
    cache = MemoryCache(LIMIT)
    assert cache.look(variant(), "a") == (Outcome.MISS, None)
    kept = entry("a")
    cache.keep(variant(), kept)
    assert cache.look(variant(), "a") == (Outcome.HIT, kept)
    assert cache.look(variant(2), "a") == (Outcome.MISS, None)


def test_an_outdated_entry_is_told_once_and_gone() -> None:
    cache = MemoryCache(LIMIT)
    cache.keep(variant(), entry("a"))
    assert cache.look(variant(), "b") == (Outcome.STALE, None)
    assert cache.look(variant(), "a") == (Outcome.MISS, None)


def test_the_least_recently_used_goes_first() -> None:
    cache = MemoryCache(LIMIT)
    for number in range(8):
        cache.keep(variant(number), entry("a", 100))
    cache.look(variant(0), "a")
    cache.keep(variant(8), entry("a", 100))
    assert cache.look(variant(1), "a")[0] is Outcome.MISS
    assert cache.look(variant(0), "a")[0] is Outcome.HIT


def test_what_is_too_large_is_not_kept_and_replaces_what_was() -> None:
    cache = MemoryCache(LIMIT)
    cache.keep(variant(), entry("a"))
    cache.keep(variant(), entry("b", LIMIT // 8 + 1))
    assert cache.look(variant(), "a") == (Outcome.MISS, None)


def test_without_room_nothing_is_kept() -> None:
    cache = MemoryCache(0)
    cache.keep(variant(), entry("a", 1))
    assert cache.look(variant(), "a") == (Outcome.MISS, None)


@given(
    st.lists(
        st.tuples(st.integers(0, 12), st.sampled_from("ab"), st.integers(1, 120), st.booleans()), max_size=60
    )
)
def test_it_never_takes_more_than_it_may(steps: list[tuple[int, str, int, bool]]) -> None:
    cache = MemoryCache(LIMIT)
    model: dict[int, str] = {}
    for number, etag, size, is_look in steps:
        if is_look:
            outcome, found = cache.look(variant(number), etag)
            assert (found is not None) is (outcome is Outcome.HIT)
            if found is not None:
                assert (found.etag, model[number]) == (etag, etag)
        else:
            cache.keep(variant(number), entry(etag, size))
            model[number] = etag
        held = [found for found in map(cache._entries.get, map(variant, range(13))) if found]  # noqa: SLF001 - to count
        assert cache._used == sum(one.size for one in held) <= LIMIT  # noqa: SLF001 - the same

"""Shows that whole answers are kept for the very rendering that they were made of, within a bound."""

from datetime import UTC, datetime

from fhirexport_server.cache.entry import Description, Variant
from fhirexport_server.cache.memory import MemoryCache
from fhirexport_server.cache.ready_answers import ANSWER_BYTES, ReadyAnswers
from fhirexport_server.domain.datasets import Dataset, Detail, Format
from fhirexport_server.domain.segments import Block, Chunk, Manifest, Segment, Totals

LIMIT = 64_000
"""So that one answer may take 4,000 bytes, and all of them 16,000."""
MANIFEST = Manifest((Segment(Block(0, 7), 1, 1, 100, bytes(32)),))


class Kept:
    """A cache, and what was kept in it."""

    def __init__(self, limit: int = LIMIT) -> None:
        self.cache = MemoryCache(limit, lambda: 0.0)

    def keep(self, number: int, etag: str = "a") -> tuple[Variant, Description]:
        variant = Variant(number, Dataset.PATIENTS, Format.BUNDLE, Detail.SUMMARY)
        read_time = datetime(2026, 1, 1, tzinfo=UTC)
        description = Description(etag, "token", read_time, Totals(1, 100, "0" * 64), MANIFEST)
        self.cache.keep(variant, description, validated=0, seconds=10)
        return variant, description


def test_an_answer_is_found_by_its_rendering_and_its_form() -> None:
    kept = Kept()
    of_one, of_another = kept.keep(1), kept.keep(2)
    kept.cache.keep_answer(*of_one, "json", b"{}")
    kept.cache.keep_answer(*of_one, "zstd", b"()")
    assert (kept.cache.answer(*of_one, "json"), kept.cache.answer(*of_one, "zstd")) == (b"{}", b"()")
    assert kept.cache.answer(*of_another, "json") is None


def test_an_answer_goes_with_its_rendering() -> None:
    kept = Kept()
    former = kept.keep(1)
    kept.cache.keep_answer(*former, "json", b"former")
    used = kept.cache.used
    present = kept.keep(1, "b")
    assert kept.cache.answer(*present, "json") is None
    assert kept.cache.answer(*former, "json") is None
    assert kept.cache.used < used


def test_an_answer_is_not_given_for_another_rendering_with_the_same_etag() -> None:
    kept = Kept()
    former = kept.keep(1)
    present = kept.keep(1)
    assert former == present
    # One that was made of the former, and comes late.
    kept.cache.keep_answer(*former, "json", b"former")
    assert kept.cache.answer(*present, "json") is None


def test_what_was_made_of_another_rendering_is_not_given_whoever_has_kept_it() -> None:
    kept = Kept()
    variant, former = kept.keep(1)
    _, present = kept.keep(1, "b")
    answers = ReadyAnswers(LIMIT)
    answers.keep(variant, "json", former, b"former")
    assert answers.get(variant, "json", present) is None
    assert answers.get(variant, "json", former) == b"former"


def test_large_answers_are_not_kept() -> None:
    kept = Kept()
    of_one = kept.keep(1)
    kept.cache.keep_answer(*of_one, "json", bytes(LIMIT // 16 - ANSWER_BYTES))
    assert kept.cache.answer(*of_one, "json") is not None
    kept.cache.keep_answer(*of_one, "json", bytes(LIMIT // 16 - ANSWER_BYTES + 1))
    assert kept.cache.answer(*of_one, "json") is None


def test_the_least_recently_used_answers_go_first() -> None:
    kept = Kept()
    renderings = [kept.keep(number) for number in range(6)]
    answer = bytes(LIMIT // 16 - ANSWER_BYTES)
    for rendering in renderings[:4]:
        kept.cache.keep_answer(*rendering, "json", answer)
    assert kept.cache.answer(*renderings[0], "json") == answer
    kept.cache.keep_answer(*renderings[4], "json", answer)
    found = [kept.cache.answer(*rendering, "json") is not None for rendering in renderings]
    assert found == [True, False, True, True, True, False]


def test_answers_count_towards_the_memory_that_all_may_take() -> None:
    kept = Kept()
    of_one = kept.keep(1)
    before = kept.cache.used
    kept.cache.keep_answer(*of_one, "json", bytes(1000))
    assert kept.cache.used == before + 1000 + ANSWER_BYTES
    for number in range(100):
        kept.cache.keep_segment(bytes([number]), (Chunk(bytes(4000), 8000, 1),))
        assert kept.cache.used <= LIMIT
    assert kept.cache.answer(*of_one, "json") is not None


def test_without_memory_nothing_is_kept() -> None:
    kept = Kept(0)
    of_one = kept.keep(1)
    kept.cache.keep_answer(*of_one, "json", b"")
    assert kept.cache.answer(*of_one, "json") is None
    assert kept.cache.used == 0

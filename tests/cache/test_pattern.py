"""Shows that patterns mean what they mean to Redis, and which ones are refused."""

from functools import partial

import pytest
from fhirexport_server.admin import pattern
from fhirexport_server.cache import keys
from fhirexport_server.cache.entry import Variant
from fhirexport_server.domain.datasets import Dataset, Detail, Format
from fhirexport_server.domain.errors import InvalidRequestError
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from support.examples import examples
from support.renderings import variant
from support.valkey import Valkey

EVERY = [
    Variant(ej_id, dataset, layout, detail)
    for ej_id in (1, 2, 11)
    for dataset in Dataset
    for layout in Format
    for detail in Detail
]
PIECES = [
    *("*", "?", "[1-3]", "[^a]", "[]", "[^]", "[3-1]", "[\\]]", "\\*"),
    *(":", "ej", "1", "v", "n", "a-", "\\"),
]


def matched(text: str) -> set[str]:
    parsed = pattern.parse(text)
    return {keys.head(one) for one in EVERY if parsed.matches(one)}


@examples(300, HealthCheck.function_scoped_fixture)
@given(st.lists(st.sampled_from(PIECES), max_size=8).map("".join))
def test_a_pattern_matches_what_redis_matches(valkey: Valkey, text: str) -> None:
    text = f"fhir:{text}"
    names = [
        *("fhir:", "fhir:1", "fhir:ej", "fhir:n1", "fhir:*", "fhir:]", "fhir:a-1", "fhir:v:1", "fhir:\\"),
        *("fhir:1:ej:v", "fhir:aa", "fhir:111", "fhir:^", "fhir:-", "fhir:[", "fhir:a"),
    ]
    with valkey.client() as client:
        client.flushall()
        client.mset(dict.fromkeys(names, b""))
        by_redis = {key.decode() for key in client.keys(text)}
    try:
        regex = pattern.parse(text)._regex  # noqa: SLF001 - the translation itself is compared
    except InvalidRequestError:
        return  # what Redis reads as it likes, such as a set that is not closed, is refused
    assert set(filter(regex.fullmatch, names)) == by_redis


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fhir:*", len(EVERY)),
        ("fhir:export:*", len(EVERY)),
        ("fhir:export:venues:*", len(EVERY) // 3),
        ("fhir:export:*:ej:1", len(EVERY) // 3),
        ("fhir:export:venues:ej:1", len(EVERY) // 9),
        ("fhir:export:venues:ej:1:v:ndjson", 1),
        ("fhir:export:*:v:ndjson*", len(EVERY) // 3),
        ("fhir:export:beds:*", 0),
        ("fhir:session:*", 0),
    ],
)
def test_a_pattern_names_entries(text: str, expected: int) -> None:
    parsed = pattern.parse(text)
    assert sum(map(parsed.matches, EVERY)) == expected


def test_the_key_of_a_dataset_names_it_in_every_layout() -> None:
    parsed = pattern.parse("fhir:export:venues:ej:1")
    named = [layout for layout in Format if parsed.matches(variant(1, Dataset.VENUES, layout))]
    assert named == list(Format)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "must not be empty"),
        ("*", "must start with fhir:"),
        ("session:*", "must start with fhir:"),
        ("fhir:" + "a" * 252, "must have at most 256 characters"),
        ("fhir:" + "*a" * 9, "must have at most 8 wildcards"),
        ("fhir:" + "?" * 9, "must have at most 8 wildcards"),
        ("fhir:[abc", "must close every ["),
        ("fhir:abc\\", "must close every ["),
    ],
)
def test_a_pattern_that_is_refused_is_told_with_an_example(text: str, told: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        pattern.parse(text)
    (violation,) = refused.value.violations
    assert violation.field == "pattern"
    assert violation.description.startswith(told)
    assert "fhir:export:venues:*" in violation.description


def test_the_longest_and_wildest_patterns_are_read_at_once() -> None:
    accepted = ["fhir:" + "a" * 251, "fhir:" + "*a" * 8, "fhir:" + "*" * 251, "fhir:" + "[a-z]" * 8]
    for parsed in map(pattern.parse, accepted):
        assert not any(map(partial(parsed.matches), EVERY)) or parsed.text.endswith("*")

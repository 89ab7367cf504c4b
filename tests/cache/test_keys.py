"""Shows the names of our keys, and that no other key is taken for one."""

import pytest
from fhirexport_server.cache import keys
from fhirexport_server.cache.entry import Variant
from fhirexport_server.domain.datasets import Dataset, Detail, Format
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("dataset", "layout", "detail", "key"),
    [
        (Dataset.VENUES, Format.BUNDLE, Detail.SUMMARY, "fhir:export:venues:ej:1"),
        (Dataset.STRUCTURE, Format.BUNDLE, Detail.SUMMARY, "fhir:export:structure:ej:1"),
        (Dataset.PATIENTS, Format.NDJSON, Detail.SUMMARY, "fhir:export:patients:ej:1:v:ndjson"),
        (Dataset.VENUES, Format.BUNDLE, Detail.MOVEMENTS, "fhir:export:venues:ej:1:v:bundle.movements"),
    ],
)
def test_a_head_is_named_as_its_users_know_it(
    dataset: Dataset, layout: Format, detail: Detail, key: str
) -> None:
    assert keys.head(Variant(1, dataset, layout, detail)) == key


@given(
    st.builds(
        Variant,
        st.integers(1, 2**63 - 1),
        st.sampled_from(Dataset),
        st.sampled_from(Format),
        st.sampled_from(Detail),
    )
)
def test_a_head_says_what_it_is_the_head_of(variant: Variant) -> None:
    assert keys.variant(keys.head(variant)) == variant


@pytest.mark.parametrize(
    "key",
    [
        *("fhir:export:venues:ej:0", "fhir:export:venues:ej:01", "fhir:export:venues:ej:-1"),
        *("fhir:export:beds:ej:1", "fhir:export:venues:ej:1:", "fhir:export:venues:ej:1:v:bundle"),
        *(
            "fhir:export:venues:ej:1:v:xml",
            "session:1",
            "fhir:export:venues:ej:1\n",
            "fhir:export:venues:ej:\N{ARABIC-INDIC DIGIT ONE}",
        ),
        "{fhir:export:venues:ej:1}:s:00",
    ],
)
def test_no_other_key_is_a_head(key: str) -> None:
    assert keys.variant(key) is None


def test_what_belongs_to_a_head_lies_in_its_slot_and_out_of_its_pattern() -> None:
    head = "fhir:export:venues:ej:1"
    for key in (keys.segment(head, bytes(32)), keys.lease(head, "1-2-3")):
        assert key.startswith("{fhir:export:venues:ej:1}:")

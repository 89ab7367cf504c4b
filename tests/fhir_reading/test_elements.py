"""Shows what becomes of every element and every binding of the profiles: only required ones refuse.

`elements/elements.tsv` lists them as FR Core 2.2.0 has them: the snapshots of fr-core-patient,
fr-core-organization-etablissement and fr-core-location, of their datatypes and of their extensions. The
modules beside it have values for each.
"""

from pathlib import Path

import pytest
from fhir_reading.changes import GONE, changed, said_of, valid
from fhir_reading.elements import datatypes, extensions, location, organization, patient
from fhir_reading.elements.samples import KEPT, REFUSED, TOLD, Sample

_TABLE = (Path(__file__).parent / "elements" / "elements.tsv").read_text(encoding="utf-8").splitlines()[1:]
BINDINGS = {line.split("\t")[0]: (*line.split("\t"), "")[3] for line in _TABLE}
SAMPLES = {
    **patient.SAMPLES,
    **organization.SAMPLES,
    **location.SAMPLES,
    **datatypes.SAMPLES,
    **extensions.SAMPLES,
}
# What refuses a resource though no required list does, and why.
LIMITS = {
    "Organization.identifier": "a unit is known by its number",
    "Organization.identifier.value": "a unit is known by its number",
    "Organization.type": "a unit is of a kind",
    "Location.identifier": "a place is known by its number",
    "Location.mode": "a kind of places is no place",
    "Patient.link.other": "a modifier: the patient is not the one to use",
}


def _named(element: str, sample: Sample) -> str:
    return f"{element}-{sample.outcome}-{SAMPLES[element].index(sample)}"


EVERY = [
    pytest.param(one, id=_named(element, one)) for element, samples in SAMPLES.items() for one in samples
]


def test_every_element_of_the_profiles_has_samples() -> None:
    assert SAMPLES.keys() == BINDINGS.keys()


def test_every_binding_has_a_value_of_its_list_and_one_outside() -> None:
    bound = [element for element, strength in BINDINGS.items() if strength]

    assert len(bound) > 40
    assert [one for one in bound if {sample.is_listed for sample in SAMPLES[one]} != {True, False}] == []


def test_only_required_bindings_and_modifiers_refuse() -> None:
    refusing = {
        element
        for element, samples in SAMPLES.items()
        for sample in samples
        if sample.outcome == REFUSED and (sample.is_listed or BINDINGS[element] != "required")
    }

    modifiers = {one for one in refusing if one.rpartition(".")[2] in {"modifierExtension", "implicitRules"}}
    assert refusing - modifiers == LIMITS.keys()


@pytest.mark.parametrize("sample", EVERY)
def test_what_becomes_of_a_value(sample: Sample) -> None:
    resource = valid()[sample.resource]
    value = sample.value
    if isinstance(value, dict):
        value = {name: inner for name, inner in value.items() if inner is not GONE}
    if value is not GONE or sample.at.partition(".")[0].partition("[")[0] in resource:
        try:
            resource = changed(resource, sample.at, value)
        except KeyError:
            assert value is GONE
    if sample.at == "deceasedBoolean":
        resource.pop("deceasedDateTime", None)

    said = {severity for severity, _ in said_of(resource)}

    outcomes = {frozenset(): KEPT, frozenset({"warning"}): TOLD}
    assert outcomes.get(frozenset(said), REFUSED) == sample.outcome

"""Resources that are nearly valid: an export's, with one thing in them changed."""

import json
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from typing import Any

from fhir_reading.hospital_rows import ej_rows
from fhir_reading.valid import valid
from fhirexport_server.domain.datasets import Dataset
from hypothesis import strategies as st
from support.hospitals import random_hospital

HOSPITALS = 6
# What a value is replaced by, beside anything: what is valid elsewhere, or nearly.
_NEARLY: st.SearchStrategy[Any] = st.sampled_from(
    [
        *("", " ", "x" * 201, "a\nb", "é", "official", "old", "phone", "other", "true", "urn:oid:1.2", "a:b"),
        *("2026-02-30", "2026-02", "1849-12-31", "2026-01-10T18:00:00", "2026-01-10T18:00:00.5+01:00"),
        *(
            "9999-12-31T23:59:59-14:00",
            "2026-01-10T25:00:00Z",
            "0001-01-01",
            "Organization/uf-1",
            "Patient/pat-0",
        ),
        *("Encounter?identifier=a|b", "urn:uuid:c757873d-ec9a-4326-a141-556f43239520", "#x"),
        *(
            "1\u0663345678",
            "123456789012345",
            "010780054",
            "A03",
            "finished",
            "cancelled",
            "entered-in-error",
        ),
        *(None, True, False, 0, -1, 21, 2**63, 1e308, [], {}, [[]], [{}], [None], ["x"], {"x": {}}),
        {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "SS"}]},
    ]
)
_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@cache
def resources() -> list[str]:
    """Every resource of some generated hospitals, as JSON."""
    return [
        resource.json.decode()
        for seed in range(HOSPITALS)
        for rows in ej_rows(random_hospital(seed))
        for dataset in Dataset
        for resource in valid(rows).rendered(dataset)
    ]


@st.composite
def mutants(draw: st.DrawFn) -> dict[str, Any]:
    """A resource of which one to three values are changed, left out, doubled or added."""
    resource: dict[str, Any] = json.loads(draw(st.sampled_from(resources())))
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(resource))
        inside, name = draw(st.sampled_from(places))
        change = draw(st.sampled_from(["replace", "replace", "leave out", "add", "double"]))
        if change == "leave out":
            del inside[name]
        elif change == "double" and isinstance(inside, list):
            inside.append(deepcopy(inside[name]))
        elif change == "add" and isinstance(inside, dict):
            inside[draw(st.sampled_from([*NAMES, ""]) | st.text(max_size=8))] = deepcopy(draw(_NEARLY | _ANY))
        else:
            inside[name] = deepcopy(draw(_NEARLY | _ANY))
        if not resource:
            break
    return resource


def _places(value: dict[str, Any] | list[Any]) -> Iterator[tuple[Any, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for name, inner in list(items):
        yield value, name
        if isinstance(inner, dict | list):
            yield from _places(inner)


NAMES = (
    "extension modifierExtension implicitRules contained text _birthDate id meta identifier type use system"
    " value period start end code coding display reference partOf status class deceasedBoolean"
    " multipleBirthInteger"
).split()
